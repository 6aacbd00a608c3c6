"""Where orders are kept. Every method may be called again after any failure."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Protocol

from pydantic import Field

from billing.apart import Failed
from billing.customers.account_numbers import AccountNumber
from billing.errors import InvalidInput
from billing.events.event import OutgoingEvent
from billing.model import Author, Code, Count, Id, Instant, Line, Many, Minor, Model, Words
from orders.changes import Change
from orders.order import Agreement, Buyer, EndKind, OrderRequest, OrderStage, OrderStanding, ReleaseKind

PAGE_ROWS = 100
OPEN_MAX = 1000
"""How many open orders a buyer may have: each posting of theirs reads what is owed for all of them."""


class TooManyOrders(InvalidInput):
    """The buyer has ``OPEN_MAX`` open orders."""


class Opened(Model):
    """An order that was taken in, now (``is_new``) or before; ``account`` was registered with it."""

    standing: OrderStanding
    is_new: bool
    account: AccountNumber | None = None


class OrderLogEntry(Model):
    """Who did what with an order, when and why. ``by`` None: the application, or the seller's system."""

    at: Instant
    by: Line | None
    via: Code | None
    what: Code  # opened, amended, cancelled, halted, resumed, sent_again, expired, released, answered, rejected, erased
    reason: Words | None = None
    text: Words = ""


class OrderVersion(Model):
    """What was agreed once. ``by`` "": the seller's system."""

    version: Count
    agreed: Agreement
    by: Author
    at: Instant


class OrderFilter(Model):
    """``search`` is part of a number, or of a buyer's name or id, in any case."""

    search: Line = ""
    stage: OrderStage | None = None
    customer_id: Id = ""
    open_only: bool = False


class OrderRow(Model):
    """An order in a list. ``since``: when it was changed last; ``released_at``: its first release."""

    number: Code
    customer_id: Id
    buyer: Line
    currency: Code
    price_minor: Minor
    owed_minor: Minor
    stage: OrderStage
    since: Instant
    opened_at: Instant
    expires_at: Instant | None
    released_at: Instant | None = None
    answered_at: Instant | None = None

    @property
    def paid_minor(self) -> int:
        """As ``OrderStanding.paid_minor``."""
        return 0 if self.stage in (OrderStage.CANCELLED, OrderStage.EXPIRED) else self.price_minor - self.owed_minor


class OrderPage(Model):
    """Rows of the list, the newest first; ``count`` is how many match, ``stages`` how many stand where."""

    rows: Many[OrderRow]
    count: Count
    stages: Annotated[dict[OrderStage, Count], Field(max_length=len(OrderStage))]


class OrderListing(Protocol):
    async def order(self, number: str) -> OrderStanding | None: ...

    def open_orders(self, failed: list[Failed]) -> AsyncIterator[list[OrderStanding]]:
        """All open orders, oldest first, in pages. One that cannot be read is added to ``failed``."""

    async def buyer(self, customer_id: str) -> Buyer | None: ...

    async def order_log(self, number: str) -> list[OrderLogEntry]:
        """Everything that was done with the order, oldest first."""

    async def order_versions(self, number: str) -> list[OrderVersion]:
        """Everything that was agreed, oldest first."""

    async def orders_pulse(self) -> str:
        """A text that differs after every change of an order, and of the journal."""

    async def orders(self, wanted: OrderFilter, limit: int = PAGE_ROWS, offset: int = 0) -> OrderPage: ...

    async def release_times(self, since: datetime, until: datetime) -> list[tuple[datetime, float]]:
        """For each release in that time: when it was, and the seconds from its payment's booking to production's
        answer.
        """


class EndedCredit(Model):
    """What is left of the customer's credit that came for an order which has ended."""

    number: Code
    customer_id: Id
    currency: Code
    credit_minor: Minor
    end: EndKind


class OrderFindings(Protocol):
    """The questions of coverage."""

    async def paid_unreleased(self, before: datetime, failed: list[Failed]) -> list[OrderStanding]:
        """Open orders that are paid enough for a release since before that instant, and were not released."""

    async def released_unpaid(self, failed: list[Failed]) -> list[OrderStanding]:
        """Orders of which more is owed than what was released allows: money has gone back."""

    async def ended_credits(self) -> list[EndedCredit]:
        """Credit that came for orders which have ended, as far as it was not used; the first thousand."""


class Fulfilments(Protocol):
    async def tell(self, standing: OrderStanding) -> None:
        """Has the order's workflow know how it stands; begins it if none runs. Raises ``BillingError``."""


class OrderStore(OrderListing, Protocol):
    async def open_order(self, request: OrderRequest, at: datetime, by: str = "", via: str = "") -> Opened:
        """Takes an order in, and bills it; the customer's credit pays for it. Once for each number.

        Raises ``InvalidInput`` if the number is another order's, ``TooManyOrders`` if the buyer has too many open ones.
        """

    async def change_order(self, number: str, change: Change, at: datetime) -> tuple[OrderStanding, str]:
        """Carries the change out; returns how the order stands, and the effect in words. A repeat answers the same.

        Raises ``NotFound``, and ``InvalidInput``, which says what to do instead.
        """

    async def expire_order(self, number: str, at: datetime) -> OrderStanding:
        """Ends an order at its expiry, unless anything was released; a repeat has no effect. Raises ``NotFound``."""

    async def release_due(self, number: str, at: datetime) -> OrderStanding:
        """Releases what is paid enough, such as after the emergency brake. Raises ``NotFound`` and ``BrakeOn``."""

    async def note_answer(
        self,
        number: str,
        kind: ReleaseKind,
        accepted: bool,
        text: str,
        at: datetime,
        told: OutgoingEvent | None = None,
    ) -> None:
        """Keeps what production has answered to a release; its first acceptance stays."""
