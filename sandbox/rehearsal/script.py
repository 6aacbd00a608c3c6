"""The reviewers' commands in a rehearsal, from a YAML file: halts, edits, approvals and skips, each with its time.

::

    otherwise: {approval: approve, stopped: skip}   # where there is no command below; or: wait
    cards:
      denver: decline:insufficient_funds            # how a customer's card behaves, all the time
    pays: {acme: 9, kiwi: never}                    # days after a bill is due; others pay the day before
    say:
      - {customer: kiwi, period: 2026-12, do: halt, by: ann, reason: ask them, when: draft + 6h}
      - {customer: kiwi, period: 2026-12, do: resume, by: ann, reason: they confirm, when: draft + 30h}
      - {customer: bergson, do: edit, by: ann, reason: typo, change: {row-5: "480.00"}}    # in every month
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, field_validator, model_validator

from billing.customers.customer import Customer, CustomerId
from billing.errors import InvalidInput
from billing.invoices.commands import CHANGES_MAX
from billing.invoices.invoice import Description
from billing.invoices.month import Month
from billing.model import Model, Who, Why
from billing.period import Period
from billing.validation import explain
from sandbox.stripe.cards import BEHAVIOUR

_AFTER = re.compile(r"(draft|notice|charge)(?: *\+ *(\d+) *h)?")
_HOUR = timedelta(hours=1)
_SOON = timedelta(minutes=5)  # after the instant that it is counted from, at the least

Amount = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]
_AS_TEXT = BeforeValidator(lambda value: value if value is None else str(value))
Text = Annotated[str, _AS_TEXT]  # YAML makes dates of what looks like one
DaysToPay = Annotated[int, Field(ge=-3, le=180)] | Literal["never"]
"""After the day on which a bill is due; below 0, before it."""


class ScriptedAction(StrEnum):
    HALT = "halt"
    RESUME = "resume"
    EDIT = "edit"
    APPROVE = "approve"
    SKIP = "skip"
    CLOSE = "close"


class ScriptedLine(Model, extra="forbid"):
    """A line to add; the amount in the customer's currency."""

    description: Annotated[Description, _AS_TEXT]
    amount: Amount


class ScriptedCommand(Model, extra="forbid"):
    """A command of a reviewer, in ``period`` or (None) in every month.

    ``when``: ``draft + 6h`` (after the collection, the notice or the charge as they are planned), or a date and time on
    the customer's clock. ``change`` is by line id: ``row-5`` is row 5 of the sheet.
    """

    customer: CustomerId
    do: ScriptedAction
    by: Who
    reason: Why
    period: Period | None = None
    when: Text = "draft + 1h"
    change: Mapping[str, Amount] = {}
    add: tuple[ScriptedLine, ...] = ()
    remove: tuple[str, ...] = ()

    @field_validator("when")
    @classmethod
    def _is_an_instant(cls, text: str) -> str:
        if not _AFTER.fullmatch(text.strip()):
            try:
                datetime.fromisoformat(text.strip())
            except ValueError:
                raise ValueError("write draft + 6h, notice, charge + 2h, or 2026-12-04T09:00") from None
        return text.strip()

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        changes = len(self.change) + len(self.add) + len(self.remove)
        if (changes > 0) != (self.do is ScriptedAction.EDIT):
            raise ValueError("an edit needs change, add or remove; nothing else has them")
        if changes > CHANGES_MAX:
            raise ValueError(f"an edit has at most {CHANGES_MAX} changes; this one has {changes}")
        return self

    def instant(self, month: Month) -> datetime:
        """When it is sent in ``month``, by that month's plan."""
        after = _AFTER.fullmatch(self.when)
        if after is None:
            local = datetime.fromisoformat(self.when)
            return local if local.tzinfo else local.replace(tzinfo=ZoneInfo(month.customer.timezone))
        planned = {"draft": month.import_at, "notice": month.notice_at, "charge": month.planned_charge_at}[after[1]]
        return planned + max(_SOON, int(after[2] or 0) * _HOUR)


class DefaultDecisions(Model, extra="forbid"):
    """What happens to a month that waits for a person where the script has no command.

    ``approval``: it waits for an approval only. ``stopped``: anything else. After ``wait`` the customer stays there,
    and the months after it are not rehearsed. ``bills``: when customers without a card pay.
    """

    approval: Literal["approve", "skip", "wait"] = "approve"
    stopped: Literal["skip", "wait"] = "skip"
    bills: DaysToPay = -1


class Script(Model, extra="forbid"):
    otherwise: DefaultDecisions = DefaultDecisions()
    cards: Mapping[CustomerId, Annotated[str, StringConstraints(pattern=BEHAVIOUR)]] = Field(default={})
    pays: Mapping[CustomerId, DaysToPay] = Field(default={})
    say: tuple[ScriptedCommand, ...] = ()

    def days_to_pay(self, customer: Customer) -> int | None:
        """How many days after it is due the customer pays what no card has paid; None: never."""
        days = self.pays.get(customer.customer_id, "never" if customer.card else self.otherwise.bills)
        return None if days == "never" else days

    def commands_for(self, customer_id: str) -> list[ScriptedCommand]:
        return [command for command in self.say if command.customer == customer_id]

    def require_known(self, customer_ids: set[str]) -> None:
        """Raises ``InvalidInput`` for a customer who is not rehearsed."""
        named = {command.customer for command in self.say} | {*self.cards, *self.pays}
        if unknown := sorted(named - customer_ids):
            raise InvalidInput(f"the reviewers' script names {', '.join(unknown)}; nobody of that id is rehearsed")


def read_script(path: Path) -> Script:
    """The script in a YAML file. Raises ``InvalidInput``, with the place."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Script.model_validate(document or {})
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}); name a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not YAML: {error}") from None
    except ValidationError as error:
        raise InvalidInput(f"{path}: {explain(error)}") from None
