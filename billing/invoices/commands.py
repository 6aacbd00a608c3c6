"""Commands to a running month, and the decisions in its audit trail."""

from typing import Annotated

from pydantic import Field

from billing.commands import COMMAND_MAX_BYTES, Command, Halt, Refusal, Resume
from billing.customers.customer import CustomerChanges
from billing.invoices.invoice import Change, SalesSeen
from billing.model import Author, Code, Count, Id, Instant, Measured, Model, Words, cut
from billing.period import Period

CHANGES_MAX = 100  # of one edit
Details = Annotated[str, Field(max_length=COMMAND_MAX_BYTES)]
_SHORT = 100  # characters


class Edit(Command):
    """Change lines of the draft of ``period``, as the reviewer saw it: at ``version`` and ``digest`` ("": unchecked).

    If it was announced, another notice follows. With ``sales`` the edit is a refresh: its changes come from the sheet,
    the draft then accounts for that state of the sheet, and ``drift`` says in words how it still differs.
    """

    period: Period
    version: Count
    digest: Code = ""
    changes: tuple[Change, ...] = Field(min_length=1, max_length=CHANGES_MAX)
    sales: SalesSeen | None = None
    drift: Words | None = Field(None, max_length=500)


class Approve(Command):
    """Approve the draft with this ``digest``; any edit voids the approval."""

    digest: Code


class Skip(Command):
    """Close the month without a charge. Its carried balance and late sales of earlier months go to the next invoice.

    Refused unless the draft still has the ``version`` (0: no draft; None: any) and ``digest`` that the sender saw.
    """

    version: Count | None = None
    digest: Code = ""


class CloseAccount(Command):
    """End the chain after this month."""


class UpdateCustomer(Command):
    """Change the customer's address, payment method or terms, from now on."""

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


class Decision(Measured):
    """One entry of the audit trail: a command, readable or not, and its answer. ``content``: its fingerprint."""

    number: Count
    at: Instant
    by: Author
    reason: Words
    command: Code
    accepted: bool
    refusal: Refusal | None = None
    result: Words
    via: Code
    invoice_version: Count = 0
    command_id: Code = ""
    content: Code = ""
    details: Details = ""

    def in_short(self) -> "Decision":
        return self.evolve(reason=cut(self.reason, _SHORT), result=cut(self.result, _SHORT), details="")


class Delivered(Model):
    """A mail was handed over, at this instant.

    ``drift`` says in words how the sheet differs from the invoice; it means nothing unless ``compared``. ``closed``: it
    was a bill, and what follows from closing its month is done, too.
    """

    at: Instant
    closed: bool = False
    compared: bool = False
    drift: Words | None = None


class ChainResult(Model):
    """How a chain ended. ``reason``: who closed the account, and why."""

    customer_id: Id
    last_period: Period
    reason: Words
