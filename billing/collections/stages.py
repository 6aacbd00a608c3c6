"""The stages and steps of a collection and of its debts, tries, releases, what stops it, and its diary."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from billing.commands import Refusal
from billing.model import Code, Count, Few, Instant, Line, Measured, Minor, Model, Who, Why, Words, cut
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period


class CollectionStage(StrEnum):
    """Where a collection or one of its debts stands, as people see it (search attribute ``BillingStage``).

    The most urgent stand first: the stage of a collection is that of the first of its debts.
    """

    UNRESOLVED = "Unresolved"
    HALTED = "Halted"
    AWAITING_PERSON = "AwaitingPerson"
    EXHAUSTED = "Exhausted"
    AWAITING_CARD = "AwaitingCard"
    AWAITING_AUTHENTICATION = "AwaitingAuthentication"
    COLLECTING = "Collecting"
    AWAITING_PAYMENT = "AwaitingPayment"
    RECOVERED = "Recovered"
    WRITTEN_OFF = "WrittenOff"

    @property
    def needs_person(self) -> bool:
        """Whether it stands still until a person acts."""
        return self in (self.UNRESOLVED, self.HALTED, self.AWAITING_PERSON, self.EXHAUSTED)


class CollectionStep(StrEnum):
    AWAIT_RELEASE = "await release"
    CONTACT = "contact"
    TRY = "try"
    LOOK_UP = "look up"
    RELEASE = "release"
    COUNT = "count"  # ask the ledger what is still owed
    SETTLE = "settle"  # receipt and news of a debt that is settled, while others are open
    REMIND = "remind"
    RESTRICT = "restrict"  # limit, suspend, or open the task to disconnect
    BREAK_PROMISE = "break promise"  # tell that it was not kept
    ALERT = "alert"
    CLOSE = "close"


class ScheduledTry(Model):
    """The card is tried because a day of the schedule has come."""

    kind: Literal["scheduled"] = "scheduled"
    title: ClassVar[str] = "tried on schedule"
    day: Count

    @property
    def text(self) -> str:
        return f"day {self.day}"


class RequestedTry(Model):
    """The card is tried at a person's request."""

    kind: Literal["requested"] = "requested"
    title: ClassVar[str] = "tried on request"
    by: Who

    @property
    def text(self) -> str:
        return f"requested by {self.by}"


class NewCardTry(Model):
    """The card is tried because it is a new one."""

    kind: Literal["new_card"] = "new_card"
    title: ClassVar[str] = "tried a new card"

    @property
    def text(self) -> str:
        return "new card"


Try = Annotated[ScheduledTry | RequestedTry | NewCardTry, Field(discriminator="kind")]


class UnclearAnswer(NamedTuple):
    """An answer of the processor that is no payment and for which no remedy is known."""

    answer: ChargeResult

    @property
    def text(self) -> str:
        if self.answer.status is not ChargeStatus.DECLINED:
            return f"the payment is {self.answer.status}; look it up at the processor, try it again or write it off"
        code = code_of(self.answer) or "no code"
        return f"the card was declined with {code}, which we do not know; ask the customer, or try it again"


class AllTried(NamedTuple):
    """All tries and reminders are used up."""

    outstanding: str

    @property
    def text(self) -> str:
        return f"{self.outstanding} are still owed after all tries and reminders; agree on it, or write it off"


class Purpose(StrEnum):
    """What a release makes way for."""

    WRITE_OFF = "write off"
    NEW_CARD = "new card"  # of another id at the processor
    COUNT = "count"  # money of another rail
    BILL = "bill"  # the customer pays without a card


class Release(Model):
    """The card's payment is to be cancelled first, so that nobody pays twice. ``method`` is the new card."""

    by: Who
    reason: Why
    purpose: Purpose
    method: CardOnFile | None = None


class Counted(Model):
    """What the ledger says is still owed for debts, in minor units.

    ``charged`` are those of which it knows that their card has paid; the processor is asked how.
    """

    at: Instant
    owed_minor: dict[Period, Annotated[Minor, Field(ge=0)]] = Field(max_length=1000)
    charged: Few[Period] = ()


OWN_PAYMENT = "payment"
"""What the customer's own try to pay is called in the diary."""


class DiaryEntry(Measured):
    """An entry of the diary: an event, or a person's command and its answer. ``by`` None: the application.

    ``month`` is the debt that it is about; None: it is about the whole account.
    """

    number: Count
    month: Period | None = None
    at: Instant
    by: Who | None = None
    what: Line
    via: Code | None = None  # where a command was given
    reason: Words | None = None
    text: Words
    accepted: bool = True
    refusal: Refusal | None = None
    command_id: Code = ""
    content: Code = ""  # the command's fingerprint

    @property
    def title(self) -> str:
        return f"{self.what} ({self.via})" if self.via else self.what

    @property
    def story(self) -> str:
        return f"{self.reason}: {self.text}" if self.reason else self.text

    def in_short(self) -> "DiaryEntry":
        return self.evolve(text=cut(self.text, 100), reason=self.reason and cut(self.reason, 100))


class Settled(Model):
    outcome: CollectionStage
    at: Instant


def code_of(result: ChargeResult) -> str:
    """The most specific code of a decline; "" if there is none."""
    return result.decline_code or result.code


def words_of(result: ChargeResult) -> str:
    """The processor's answer, for the diary: ``declined by the bank, insufficient_funds``."""
    answer = "declined by the bank" if result.status is ChargeStatus.DECLINED else result.status.replace("_", " ")
    return ", ".join(filter(None, (answer, code_of(result))))
