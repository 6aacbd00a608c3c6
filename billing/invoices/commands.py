"""What people say to a running month, and what it answers: commands, decisions, results."""

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from billing.customers.customer import CustomerChanges
from billing.errors import InvalidInput
from billing.invoices.invoice import Change, SalesSeen
from billing.model import Author, Code, Count, Id, Instant, Measured, Minor, Model, Who, Why, Words, cut
from billing.period import Period
from billing.validation import explain

Via = Literal["", "console", "cli", "customer"]
CHANGES_MAX = 100  # of one edit
COMMAND_MAX_BYTES = 250_000
"""An edit of as many lines, each with the longest description in the longest letters."""
Details = Annotated[str, Field(max_length=COMMAND_MAX_BYTES)]
_SHORT = 100  # characters


class Command(Model, extra="forbid"):
    """Base of all commands: who, why, and what it is about.

    ``command_id`` makes a repeat harmless; ``period`` refuses the command if another month is current by then; ``via``
    says where it was given, for the audit trail ("": by an update or a signal of Temporal's).
    """

    by: Who
    reason: Why
    command_id: Code = Field("", max_length=100)
    period: Period | None = None
    via: Via = ""


class Halt(Command):
    """Stop the clock: nothing is announced or charged until somebody resumes."""


class Resume(Command):
    """Let the month go on, with at least the minimum window; also tries again what needed a person.

    ``stopped`` is ``Month.stop`` as it was seen: what something else stops by now is not resumed. "": unchecked.
    """

    stopped: Code = ""


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
    drift: Words = Field("", max_length=500)


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


def content_of(command: Command) -> str:
    """A short fingerprint of all that a command says: only the same content makes it a repeat."""
    said = f"{type(command).__name__}{command.model_dump_json(exclude={'via'})}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def command_name(command: Command) -> str:
    """The name of the signal and update that carries ``command``."""
    return next(name for name, kind in COMMANDS.items() if type(command) is kind)


def parse_command(name: str, arguments: Sequence[object], kinds: Mapping[str, type[Command]] = COMMANDS) -> Command:
    """The command in a signal's or update's raw arguments. Raises ``InvalidInput`` saying what is wrong with them."""
    kind = kinds.get(name)
    if kind is None:
        raise InvalidInput(f"there is no command {cut(name, _SHORT)!r}; the commands are: {', '.join(kinds)}")
    if len(arguments) != 1:
        raise InvalidInput(f'{name} takes one argument, an object such as {{"by": "ann", "reason": "too high"}}')
    if isinstance(arguments[0], kind):
        return arguments[0]
    _check_size(name, arguments[0])
    try:
        return TypeAdapter(kind).validate_python(arguments[0])
    except ValidationError as error:
        raise InvalidInput(f"{name} cannot be read: {explain(error)}") from None


def _check_size(name: str, argument: object) -> None:
    """Before the argument is looked into, which takes time."""
    try:
        size_bytes = len(to_json(argument, fallback=repr))
    except ValueError:  # nested beyond all measure
        size_bytes = COMMAND_MAX_BYTES + 1
    if size_bytes > COMMAND_MAX_BYTES:
        limit, size = COMMAND_MAX_BYTES // 1000, size_bytes // 1000
        raise InvalidInput(f"{name} is too large, {size:,} kB; a command takes up to {limit} kB")


class Refusal(StrEnum):
    """Why a command was refused, for programs; the sentence beside it is for people."""

    LATER = "later"  # something has to end first: repeat the command after that
    UNCHANGED = "unchanged"  # it is so already
    OTHER = "other"


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


class CommandResult(Model):
    """The answer to a command: done or refused, in words, and where the month stands now."""

    accepted: bool
    refusal: Refusal | None = None
    result: Words
    stage: Code
    period: Period


class Delivered(Model):
    """A mail was handed over, at this instant.

    ``drift`` is what the sheet says by then and the invoice does not, in words; None if it could not be read.
    """

    at: Instant
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
