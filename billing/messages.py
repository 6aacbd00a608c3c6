"""What people say to a running month, and what it answers: commands, decisions, results."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from billing.customer import CustomerChanges
from billing.errors import InvalidInput
from billing.invoice import Change, SalesSeen
from billing.model import Instant, Model
from billing.period import Period

Who = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Via = Literal["", "console", "cli", "customer"]
CHANGES_MAX = 100  # of one edit
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Command(Model, extra="forbid"):
    """Base of all commands: who, why, and what it is about.

    ``command_id`` makes a repeat harmless; ``period`` refuses the command if another month is current by then; ``via``
    says where it was given, for the audit trail ("": by an update or a signal of Temporal's).
    """

    by: Who
    reason: Why
    command_id: str = Field("", max_length=100)
    period: Period | None = None
    via: Via = ""


class Halt(Command):
    """Stop the clock: nothing is announced or charged until somebody resumes."""


class Resume(Command):
    """Let the month go on, with at least the minimum window; also tries again what needed a person.

    ``stopped`` is ``Month.stop`` as it was seen: what something else stops by now is not resumed. "": unchecked.
    """

    stopped: str = ""


class Edit(Command):
    """Change lines of the draft that the reviewer saw: that of ``period`` at ``version``. Announced, it is so anew.

    ``digest`` is that of what was seen; "" if the sender does not know it. ``sales`` is what of the sheet the draft
    accounts for afterwards, if the changes are the sheet's: then it is a refresh, and ``drift`` is what the sheet says
    all the same and the draft does not, in words.
    """

    period: Period
    version: int
    digest: str = ""
    changes: tuple[Change, ...] = Field(min_length=1, max_length=CHANGES_MAX)
    sales: SalesSeen | None = None
    drift: str = Field("", max_length=500)


class Approve(Command):
    """Consent to exactly the draft with this ``digest``; any edit voids it."""

    digest: str


class Skip(Command):
    """Close the month without a charge. The balance carried into it stays, and late sales of earlier months do.

    ``version`` (0: no draft) and ``digest`` are those of what was seen; another one is not skipped. None: unchecked.
    """

    version: int | None = None
    digest: str = ""


class CloseAccount(Command):
    """End the chain after this month."""


class UpdateCustomer(Command):
    """Change how the customer is reached, charged or reviewed, from now on."""

    changes: CustomerChanges


COMMANDS: dict[str, type[Command]] = {
    "halt": Halt,
    "resume": Resume,
    "edit": Edit,
    "approve": Approve,
    "skip": Skip,
    "close_account": CloseAccount,
    "update_customer": UpdateCustomer,
}


def command_name(command: Command) -> str:
    """The name of the signal and update that carries ``command``."""
    return next(name for name, kind in COMMANDS.items() if type(command) is kind)


def parse_command(name: str, arguments: Sequence[object], kinds: Mapping[str, type[Command]] = COMMANDS) -> Command:
    """The command in a signal's or update's raw arguments. Raises ``InvalidInput`` saying what is wrong with them."""
    kind = kinds.get(name)
    if kind is None:
        raise InvalidInput(f"there is no command {name!r}; the commands are: {', '.join(kinds)}")
    if len(arguments) != 1:
        raise InvalidInput(f'{name} takes one argument, an object such as {{"by": "ann", "reason": "too high"}}')
    if isinstance(arguments[0], kind):
        return arguments[0]
    try:
        return TypeAdapter(kind).validate_python(arguments[0])
    except ValidationError as error:
        raise InvalidInput(f"{name} cannot be read: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """A pydantic error as one line for people."""
    parts = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in item["loc"])
        parts.append(f"{where}: {item['msg'].removeprefix('Value error, ')}" if where else item["msg"])
    return "; ".join(parts)


class Refusal(StrEnum):
    """Why a command was refused, for programs; the sentence beside it is for people."""

    LATER = "later"  # something has to end first: repeat the command after that
    UNCHANGED = "unchanged"  # it is so already
    OTHER = "other"


class Decision(Model):
    """One entry of the audit trail: a command, or what was left of an unreadable one, and what became of it."""

    number: int
    at: Instant
    by: str
    reason: str
    command: str
    accepted: bool
    refusal: Refusal | None = None
    result: str
    via: str
    invoice_version: int = 0
    command_id: str = ""
    details: str = ""


class CommandResult(Model):
    """The answer to a command: done or refused, in words, and where the month stands now."""

    accepted: bool
    refusal: Refusal | None = None
    result: str
    stage: str
    period: Period


class Delivered(Model):
    """A mail was handed over, at this instant.

    ``drift`` is what the sheet says by then and the invoice does not, in words; None if it could not be read.
    """

    at: Instant
    drift: str | None = None


class Farewell(Model):
    """How a chain ended: the last period, who closed the account and why, and the balance that nobody will bill.

    ``balance_minor`` is debt if positive, credit if negative, in minor units of ``currency``.
    """

    customer_id: str
    last_period: Period
    reason: str
    balance_minor: int
    currency: str
