"""What people say to a running month, and what is kept of it: commands and decisions."""

from typing import Annotated

from pydantic import Field

from billing.commands import COMMAND_MAX_BYTES, Command, Halt, Refusal, Resume
from billing.customers.customer import CustomerChanges
from billing.invoices.invoice import Change, SalesSeen
from billing.model import Author, Code, Count, Id, Instant, Measured, Minor, Model, Words, cut
from billing.period import Period

CHANGES_MAX = 100  # of one edit
Details = Annotated[str, Field(max_length=COMMAND_MAX_BYTES)]
_SHORT = 100  # characters


class Edit(Command):
    """Change lines of the draft that the reviewer saw: that of ``period`` at ``version``. Announced, it is so anew.

    ``digest`` is that of what was seen; "" if the sender does not know it. ``sales`` is what of the sheet the draft
    accounts for afterwards, if the changes are the sheet's: then it is a refresh, and ``drift`` is what the sheet says
    all the same and the draft does not, in words.
    """

    period: Period
    version: Count
    digest: Code = ""
    changes: tuple[Change, ...] = Field(min_length=1, max_length=CHANGES_MAX)
    sales: SalesSeen | None = None
    drift: Words | None = Field(None, max_length=500)


class Approve(Command):
    """Consent to exactly the draft with this ``digest``; any edit voids it."""

    digest: Code


class Skip(Command):
    """Close the month without a charge. The balance carried into it stays, and late sales of earlier months do.

    ``version`` (0: no draft) and ``digest`` are those of what was seen; another one is not skipped. None: unchecked.
    """

    version: Count | None = None
    digest: Code = ""


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


class Decision(Measured):
    """One entry of the audit trail: a command, or what was left of an unreadable one, and what became of it.

    ``content`` is the command's fingerprint.
    """

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
        """The same with little of the words, and without details."""
        return self.evolve(reason=cut(self.reason, _SHORT), result=cut(self.result, _SHORT), details="")


class Delivered(Model):
    """A mail was handed over, at this instant.

    ``drift`` is what the sheet says and the invoice does not, in words; of no meaning if it was not ``compared``.
    """

    at: Instant
    compared: bool = False
    drift: Words | None = None


class ChainResult(Model):
    """How a chain ended: the last period, who closed the account and why, and the balance that nobody will bill.

    ``balance_minor`` is debt if positive, credit if negative, in minor units of ``currency``.
    """

    customer_id: Id
    last_period: Period
    reason: Words
    balance_minor: Minor
    currency: Code
