"""What is asked of a payment rail and of its records, and what the ledger keeps of them.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.model import Code, Id, Instant, Line, Minor, Model, Words
from billing.payments.payment import Payment, PaymentEvent, PaymentRequest, Reversal
from billing.period import Period


class PaymentRail(Protocol):
    """A way to take money of which nobody else may know anything: ``services.cashier`` charges once, on any of them.

    A payment is created, which moves no money, and confirmed, which moves it at most once.
    """

    async def find(self, request: PaymentRequest, known: Sequence[str] = ()) -> list[Payment]:
        """Every payment that carries ``request.key``, complete and current; also those with the ids ``known``."""

    async def current(self, payment: Payment) -> Payment:
        """The payment as it is now."""

    async def create(self, request: PaymentRequest, serial: int = 1) -> Payment:
        """A payment that moves no money yet. The same request and serial within a day give the same payment.

        Raises ``RequestSpent`` if they give the same failure for ever: then nothing came of them, or ``find`` has it.
        """

    async def confirm(self, payment: Payment, request: PaymentRequest, return_url: str = "") -> Payment:
        """Moves the money by the request's method, at most once. A decline is an answer, not an error.

        With ``return_url`` the customer is there, and may be asked to authenticate: ``Payment.authenticate_url``.
        """

    async def cancel(self, payment: Payment) -> Payment:
        """Makes a payment that moved no money unusable; answers it as it is then, also if it moved money after all."""


class PaymentRecords(Protocol):
    """What the processor has on record: for webhooks and for reconciliation."""

    async def payment(self, payment_id: str) -> Payment:
        """The payment as it is now. Raises ``NotFound``."""

    def payments_since(self, instant: datetime) -> AsyncIterator[Payment | Failed]:
        """All payments of the account created since ``instant``, newest first; also those that are not ours."""

    async def reversals(self, payment_id: str) -> list[Reversal]:
        """Its refunds and disputes."""

    def read_event(self, body: bytes, signature: str) -> PaymentEvent:
        """The event in a webhook's raw body. Raises ``InvalidInput`` if it is forged, stale or unreadable."""


StillWanted = Callable[[], Awaitable[None]]
"""Raises if what is about to be done outside is not wanted any more, at least not by the one who is asked."""


async def always() -> None:
    """It is wanted."""


class ChargeRow(Model):
    """A payment as the ledger knows it."""

    payment_id: Id
    key: Line
    customer_id: Line
    period: Period
    status: Code
    amount_minor: Minor
    currency: Code
    code: Words
    decline_code: Words
    at: Instant


class ReversalRow(Reversal):
    """A refund or a dispute as the ledger knows it."""

    customer_id: Line
    period: Period
    at: Instant


class EventRow(PaymentEvent):
    """A webhook's event as the ledger knows it. ``result`` says how it was handled; None: it is open."""

    received_at: Instant
    result: Words | None = None


class PaymentStore(Protocol):
    """Payments of ours."""

    async def save_payment(self, payment: Payment, at: datetime) -> None:
        """Keeps a payment of ours with its id and status; written before and after money is moved.

        Raises ``PaymentMismatch`` for one that could still be confirmed while another of the same key is not cancelled:
        only one payment of a month may ever be confirmed. What has succeeded or is under way is kept in any case.
        """

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]: ...


class PaymentBooks(PaymentStore, Protocol):
    """The same with refunds and disputes, and by period."""

    async def payments_of(self, period: Period, failed: list[Failed] | None = None) -> list[ChargeRow]:
        """The payments of all customers of a month."""

    async def save_reversals(self, payment: Payment, reversals: Sequence[Reversal], at: datetime) -> list[Reversal]:
        """Keeps refunds and disputes of ``payment``; answers those that are new or have changed."""

    async def reversals(
        self, period: Period | None = None, customer_id: str | None = None, failed: list[Failed] | None = None
    ) -> list[ReversalRow]: ...


class EventInbox(Protocol):
    """Webhooks' events, until something is done about each."""

    async def save_event(self, event: PaymentEvent, at: datetime) -> bool:
        """Keeps a webhook's event; False if it is there already."""

    async def has_open_event(self, beginning: str) -> bool:
        """Whether nothing was done yet about an event whose id begins so."""

    async def open_events(self, limit: int = 100, failed: list[Failed] | None = None) -> list[EventRow]:
        """Events that nothing was done about yet, oldest first."""

    async def close_event(self, event_id: str, result: str) -> None:
        """Keeps what was done about an event."""
