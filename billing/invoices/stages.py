"""A month's stages and steps, what stops it, and its approval, notice, charge and outcome."""

import hashlib
from enum import StrEnum
from typing import NamedTuple

from billing.invoices.invoice import Problem
from billing.model import Count, Instant, Minor, Model, Who
from billing.payments.payment import ChargeResult


class Stage(StrEnum):
    """Where a month stands, as people see it (search attribute ``BillingStage``)."""

    SCHEDULED = "Scheduled"
    AWAITING_SALES = "AwaitingSales"
    MONITORING = "Monitoring"
    AWAITING_APPROVAL = "AwaitingApproval"
    HALTED = "Halted"
    LAST_CALL = "LastCall"
    CHARGING = "Charging"
    UNRESOLVED = "Unresolved"
    PAID = "Paid"
    BILLED = "Billed"
    NOTHING_DUE = "NothingDue"
    CARRIED_FORWARD = "CarriedForward"
    SKIPPED = "Skipped"
    PAST_DUE = "PastDue"
    AUTHENTICATION_REQUIRED = "AuthenticationRequired"
    NEEDS_CARD = "NeedsCard"


OUTCOMES = frozenset(list(Stage)[list(Stage).index(Stage.PAID) :])
"""The stages that end a month; every customer and period reaches exactly one."""


UNPAID_OUTCOMES = frozenset({Stage.PAST_DUE, Stage.AUTHENTICATION_REQUIRED, Stage.NEEDS_CARD})
"""The outcomes of a charge that leave an amount to be collected: ``billing/collections/collection.py``."""

COLLECTED_OUTCOMES = UNPAID_OUTCOMES | {Stage.BILLED}
"""The outcomes after which is collected what is owed; of a bill, credit may have paid all."""


class Step(StrEnum):
    IMPORT = "import"
    ALERT = "alert"
    AWAIT_RELEASE = "await release"
    NOTIFY = "notify"
    CHARGE = "charge"
    CLOSE = "close"


class UnreadableRow(NamedTuple):
    """A row of the sheet that cannot be read as money; a person edits or removes it."""

    problem: Problem

    @property
    def text(self) -> str:
        source = self.problem.source
        return f"row {source.row} of worksheet {source.sheet} cannot be read: {self.problem.reason}"


class TotalTooLarge(NamedTuple):
    """The total is more than the processor takes in one payment."""

    total: str

    @property
    def text(self) -> str:
        return f"{self.total} is more than can be charged at once"


class ApprovalWanted(NamedTuple):
    """The draft needs an approval before it is announced. ``former_rows`` are under a former address."""

    total: str
    former_rows: tuple[int, ...]

    @property
    def text(self) -> str:
        rows = ", ".join(map(str, self.former_rows[:5]))
        cause = f" (rows under a former address of the customer: {rows})" if rows else ""
        return f"{self.total} waits for an approval{cause}"


class Approval(Model):
    """A reviewer's consent to this version of the invoice."""

    by: Who
    version: Count
    at: Instant


class Notice(Model):
    """A charge notice: amount and instant of the charge. ``number`` counts delivered notices, from 1.

    Without a card it is a bill, and ``charge_at`` the instant at which it is due.
    """

    number: Count
    total_minor: Minor
    version: Count
    charge_at: Instant
    delivered_at: Instant | None = None


class Charging(Model):
    """The charge has begun: the amount is frozen, and its outcome has to be known before anything else happens.

    ``cancelled_by``: the person who cancels it, which works unless it has succeeded.
    """

    since: Instant
    cancelled_by: Who | None = None


class Closed(Model):
    """How and when the month ended; ``charge`` is the processor's answer, if there was a charge."""

    outcome: Stage
    at: Instant
    charge: ChargeResult | None = None


def stop_of(text: str | None) -> str:
    """The fingerprint of the reason why the clock stands still; ``runs`` if it does not."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "runs"
