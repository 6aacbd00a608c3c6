"""An order: what was agreed, what of it was released, and where it stands.

What is paid of it is a balance of the journal (``Subject.order(number)``), never a field of the order.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from billing.customers.customer import Currency, CustomerId, Email, Name
from billing.model import Author, Code, Count, Few, Instant, Kept, Minor, Model, Who, Why, Words
from billing.money import MAX_AMOUNT_MINOR, format_amount, step_minor
from billing.progress import Halted
from billing.receivables.journal import Subject
from billing.subscribers.newcomer import NewSubscriber

LINES_MAX = 200
OrderNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$", max_length=60)]
"""The number that the seller's own system gave; unique in the ledger, and what a payer types."""
FileDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64)]
"""SHA-256 of the file to be made, in hexadecimal: production makes exactly this one."""
_Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR)]


class OrderLine(Model):
    """``amount_minor`` is for the whole quantity."""

    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Kept]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    amount_minor: _Amount


class Agreement(Model):
    """What was agreed, and is what production gets. An amendment replaces it as a whole.

    ``deposit_percent`` of the price starts the work, and the rest ships it; None: the work starts when all is paid.
    """

    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    file_digest: FileDigest | None = None
    deposit_percent: Annotated[int, Field(ge=1, le=99)] | None = None

    @property
    def price_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def deposit_minor(self) -> int | None:
        """The deposit, rounded up to a whole minor unit."""
        return None if self.deposit_percent is None else -(-self.price_minor * self.deposit_percent // 100)


class Buyer(Model):
    """Who orders. A buyer need not be a customer who is billed monthly; one who is keeps their own address."""

    customer_id: CustomerId
    name: Name
    email: Email | None = None


class OrderFields(Model, extra="forbid"):
    """What every order says. ``tolerance_minor`` may be missing for a release, never more than the price allows.

    ``expires_at``: if nothing was released by then, the order ends; None: it waits for as long as it takes.
    """

    number: OrderNumber
    buyer: Buyer
    currency: Currency
    agreed: Agreement
    tolerance_minor: _Amount = 0
    expires_at: Instant | None = None

    @model_validator(mode="after")
    def _can_be_paid(self) -> Self:
        check_price(self.agreed, self.currency, self.tolerance_minor)
        return self


class OrderRequest(OrderFields):
    """An order as it is taken in; ``subscriber``: a service account of the buyer is registered with it."""

    subscriber: NewSubscriber | None = None


def check_price(agreed: Agreement, currency: str, tolerance_minor: int) -> None:
    """Raises ``ValueError`` unless the price can be paid, and the tolerance leaves something to be paid."""
    price_minor, step = agreed.price_minor, step_minor(currency)
    if not 0 < price_minor <= MAX_AMOUNT_MINOR:
        most = format_amount(MAX_AMOUNT_MINOR, currency)
        raise ValueError(
            f"the price is {format_amount(price_minor, currency)}; it has to be above 0, and {most} at most"
        )
    if price_minor % step:
        raise ValueError(f"{format_amount(price_minor, currency)} cannot be paid in steps of {step} minor units")
    if tolerance_minor >= min(price_minor, agreed.deposit_minor or price_minor):
        raise ValueError("tolerance_minor: nothing would have to be paid")


class ReleaseKind(StrEnum):
    """What production may do from then on."""

    PRODUCTION = "production"  # make it; without a deposit, ship it too
    SHIPMENT = "shipment"  # ship what a deposit has started


class Answered(Model):
    """Production has taken the release; ``text`` is its answer."""

    kind: Literal["answered"] = "answered"
    at: Instant
    text: Words


class Rejected(Model):
    """Production has refused the release for good; a person decides, and may have it sent again."""

    kind: Literal["rejected"] = "rejected"
    at: Instant
    text: Words


class Release(Model):
    """A release, written once, never taken back. ``owed_minor`` were outstanding at that position of the journal.

    ``answer`` None: production has not answered yet.
    """

    kind: ReleaseKind
    version: Count
    at: Instant
    position: Count  # the journal's newest transaction of the order at that moment
    owed_minor: Minor
    answer: Annotated[Answered | Rejected, Field(discriminator="kind")] | None = None


class EndKind(StrEnum):
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class End(Model):
    """The order was given up, and nothing is made. ``by`` None: the application, at its expiry."""

    kind: EndKind
    by: Who | None
    reason: Words
    at: Instant


class OrderStage(StrEnum):
    """Where an order stands, as people see it (search attribute ``BillingStage``); the most urgent first."""

    REJECTED = "Rejected"  # by production: a person decides
    HALTED = "Halted"
    AWAITING_RELEASE = "AwaitingRelease"  # enough is paid, and the emergency brake is on
    RELEASED = "Released"  # production has not answered yet
    IN_PRODUCTION = "InProduction"  # the deposit is paid, the rest is not
    PART_PAID = "PartPaid"
    AWAITING_PAYMENT = "AwaitingPayment"
    FULFILLED = "Fulfilled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"

    @property
    def needs_person(self) -> bool:
        return self in (self.REJECTED, self.HALTED)


class Order(Model):
    """An order as the ledger has it. ``revision`` grows with every change of it, of its releases or of its money."""

    number: OrderNumber
    customer_id: CustomerId
    currency: Code
    agreed: Agreement
    version: Count = 1  # of what was agreed
    tolerance_minor: _Amount = 0
    expires_at: Instant | None = None
    opened_at: Instant
    opened_by: Author  # "": the seller's system
    revision: Count = 0
    halt: Halted | None = None
    end: End | None = None
    releases: Few[Release] = ()

    @property
    def subject(self) -> Subject:
        return Subject.order(self.number)

    @property
    def price_minor(self) -> int:
        return self.agreed.price_minor

    @property
    def kinds(self) -> tuple[ReleaseKind, ...]:
        """The releases that the order has, in their order."""
        return (ReleaseKind.PRODUCTION,) if self.agreed.deposit_percent is None else tuple(ReleaseKind)

    def release(self, kind: ReleaseKind) -> Release | None:
        return next((release for release in self.releases if release.kind is kind), None)

    @property
    def is_started(self) -> bool:
        """Whether anything was released: from then on the order is not amended, and never expires."""
        return bool(self.releases)

    @property
    def can_be_cancelled(self) -> bool:
        """Whether nothing is made: nothing was released, or production has refused to make it; then nothing ships."""
        first = self.release(ReleaseKind.PRODUCTION)
        return self.end is None and (first is None or isinstance(first.answer, Rejected))

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to be done, whatever becomes of its money."""
        return self.end is not None or all(
            (release := self.release(kind)) is not None and isinstance(release.answer, Answered) for kind in self.kinds
        )

    def missing_minor(self, kind: ReleaseKind, owed_minor: int) -> int:
        """What is missing for a release while ``owed_minor`` of the price are outstanding; 0: it may be released."""
        deposit_minor = self.agreed.deposit_minor
        later_minor = 0 if deposit_minor is None or kind is ReleaseKind.SHIPMENT else self.price_minor - deposit_minor
        missing_minor = owed_minor - later_minor
        return missing_minor if missing_minor > self.tolerance_minor else 0

    def paid_releases(self, owed_minor: int) -> Iterator[ReleaseKind]:
        """What is paid enough for, and was not released; of an order that was halted, too."""
        if self.end is None:
            for kind in self.kinds:
                if self.release(kind) is None and not self.missing_minor(kind, owed_minor):
                    yield kind

    def due_releases(self, owed_minor: int) -> Iterator[ReleaseKind]:
        """What may be released now, and was not; nothing of an order that was halted or has ended."""
        return self.paid_releases(owed_minor) if self.halt is None else iter(())

    def stage(self, owed_minor: int) -> OrderStage:
        if self.end is not None:
            return OrderStage.CANCELLED if self.end.kind is EndKind.CANCELLED else OrderStage.EXPIRED
        if any(isinstance(release.answer, Rejected) for release in self.releases):
            return OrderStage.REJECTED
        if self.is_closed:
            return OrderStage.FULFILLED
        if self.halt is not None:
            return OrderStage.HALTED
        if next(self.due_releases(owed_minor), None):
            return OrderStage.AWAITING_RELEASE
        if any(release.answer is None for release in self.releases):
            return OrderStage.RELEASED
        if self.releases:
            return OrderStage.IN_PRODUCTION
        return OrderStage.PART_PAID if owed_minor < self.price_minor else OrderStage.AWAITING_PAYMENT


class OrderStanding(Model):
    """An order with its money: ``owed_minor`` of the price are outstanding. Of them people have written off
    ``given_up_minor``: that releases nothing, but nobody waits for it any more.
    """

    order: Order
    owed_minor: Minor
    given_up_minor: Minor = 0

    @property
    def paid_minor(self) -> int:
        """What was paid of the price; nothing once the order has ended, for then it is credit, or went back."""
        return 0 if self.order.end else self.order.price_minor - self.owed_minor

    @property
    def stage(self) -> OrderStage:
        return self.order.stage(self.owed_minor)

    @property
    def due(self) -> str:
        return format_amount(self.order.price_minor, self.order.currency)

    @property
    def paid(self) -> str:
        return format_amount(self.paid_minor, self.order.currency)

    @property
    def outstanding(self) -> str:
        """The difference; below 0 is never shown, for what is more than the price is the customer's credit."""
        return format_amount(self.owed_minor, self.order.currency)


class OrderChange(Model):
    """What a person does with an order; a repeat with the same ``change_id`` has no second effect."""

    change_id: Code
    by: Who
    reason: Why
    via: Code  # "cli", "console"
