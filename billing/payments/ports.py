"""Ports to payment rails, and to the payments, reversals and webhook events in the ledger.

Every method raises only errors from ``billing.errors`` and can be retried after any failure.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.model import Code, Id, Instant, Line, Minor, Model, Words
from billing.payments.checkouts import Checkout, CheckoutPage, CheckoutRequest, CheckoutState
from billing.payments.payment import Payment, PaymentEvent, PaymentRequest, Reversal
from billing.period import Period


class PaymentRail(Protocol):
    """A way to take money; only ``services.cashier`` uses it, and charges at most once on any rail.

    Creating a payment moves no money; confirming it moves the money at most once.
    """

    async def find(self, request: PaymentRequest, payment_ids: Sequence[str] = ()) -> list[Payment]:
        """Every payment with ``request.key``, complete and current, and those with these ids."""

    async def current(self, payment: Payment) -> Payment:
        """The payment's current state."""

    async def create(self, request: PaymentRequest, serial: int = 1) -> Payment:
        """Creates a payment, moving no money. A retry within a day, with the same serial, returns the same payment.

        Raises ``RequestSpent`` if every retry would repeat a stored failure; if a payment was created, ``find`` has it.
        """

    async def confirm(self, payment: Payment, request: PaymentRequest, return_url: str = "") -> Payment:
        """Charges the request's payment method, at most once. A decline is an outcome, not an error.

        With ``return_url`` the charge is on-session: the customer may have to open ``Payment.authenticate_url``.
        """

    async def cancel(self, payment: Payment) -> Payment:
        """Cancels the payment unless it has moved money, and returns its state afterwards."""

    async def refund(self, payment: Payment, amount_minor: int, instruction_id: str) -> Reversal:
        """Gives money of a payment back, once for each instruction: a repeat answers the same refund.

        Raises ``PaymentRejected`` if the processor refuses, with the reason in plain words, and no refund was made
        before either.
        """


class PaymentRecords(Protocol):
    """The processor's records, for webhooks and reconciliation."""

    async def payment(self, payment_id: str) -> Payment:
        """The payment's current state. Raises ``NotFound``."""

    def payments_since(self, instant: datetime) -> AsyncIterator[Payment | Failed]:
        """All payments of the account created since ``instant``, newest first, including those we did not create."""

    async def reversals(self, payment_id: str) -> list[Reversal]: ...

    def read_event(self, body: bytes, signature: str) -> PaymentEvent:
        """The event in a webhook's raw body. Raises ``InvalidInput`` if it is forged, stale or unreadable."""


class CheckoutRail(Protocol):
    """The pages of payment links. The money that they bring is among the ``PaymentRecords``."""

    async def open_checkout(self, checkout: Checkout, return_url: str) -> CheckoutPage:
        """Opens the link's page, or answers the one that is there already. A repeat opens no second one.

        It leads to ``return_url``/paid with a ``session_id`` query, or back to ``return_url``/left.
        """

    async def find_checkout(self, checkout: Checkout) -> CheckoutPage | None:
        """The link's page; None while there is none."""

    async def checkout_page(self, session_id: str) -> CheckoutPage:
        """The page's current state. Raises ``NotFound``."""

    async def expire_checkout(self, session_id: str) -> CheckoutPage:
        """Closes the page unless it was paid, and returns its state afterwards. Raises ``NotFound``."""


StillWanted = Callable[[], Awaitable[None]]
"""Called right before an outside effect; raises if this run must no longer cause it."""


async def always() -> None:
    """The ``StillWanted`` that never raises."""


class ChargeRow(Model):
    """A payment as the ledger stores it."""

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
    """A refund or a dispute as the ledger stores it."""

    customer_id: Line
    period: Period
    at: Instant


class EventRow(PaymentEvent):
    """A webhook event as the ledger stores it. ``result`` is how it was handled; None while it is open."""

    received_at: Instant
    result: Words | None = None


class PaymentStore(Protocol):
    async def save_payment(self, payment: Payment, at: datetime) -> None:
        """Saves one of our payments with its status, before and after it moves money.

        Raises ``PaymentMismatch`` if it is triable while another payment with its key is not cancelled: only one
        payment of a month may ever be confirmed. A payment that is processing or has succeeded is always saved, and
        one that has succeeded stays so.
        """

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]:
        """The payments of a month, in the order of their ids."""


class PaymentBooks(PaymentStore, Protocol):
    """Payments and reversals of all customers. Unreadable rows go to ``failed``; without it, they raise."""

    async def payments_of(self, period: Period, failed: list[Failed] | None = None) -> list[ChargeRow]:
        """The payments of all customers of a month, in the order of their ids."""

    async def save_reversals(self, payment: Payment, reversals: Sequence[Reversal], at: datetime) -> list[Reversal]:
        """Saves the payment's refunds and disputes; returns the new and changed ones."""

    async def reversals(
        self, period: Period | None = None, customer_id: str | None = None, failed: list[Failed] | None = None
    ) -> list[ReversalRow]:
        """The refunds and disputes that match every filter, oldest first."""


class CheckoutStore(Protocol):
    async def begin_checkout(self, request: CheckoutRequest, at: datetime) -> Checkout:
        """Keeps a new link for what is owed now, or returns the live one of that subject.

        Raises ``NotFound`` for an unknown customer, ``InvalidInput`` if there is nothing that a link could take.
        """

    async def note_checkout(
        self, checkout_id: str, state: CheckoutState, at: datetime, page: CheckoutPage | None = None
    ) -> None:
        """Keeps how a live link stands; one that is paid or has ended stays so."""

    async def live_checkouts(self) -> list[Checkout]:
        """The links that may still bring money, oldest first."""

    async def checkout(self, checkout_id: str) -> Checkout | None:
        """The link with this name."""

    async def checkout_of(self, session_id: str) -> Checkout | None:
        """The link with this page."""


class EventInbox(Protocol):
    """The inbox of webhook events; an event is open until it has been handled."""

    async def save_event(self, event: PaymentEvent, at: datetime) -> bool:
        """Saves the event; True in one process only, even if several save it at once."""

    async def event_received_at(self, event_id: str) -> datetime | None:
        """When the event was saved first; None: it never was."""

    async def has_open_event(self, beginning: str) -> bool:
        """Whether an event whose id begins with ``beginning`` is open."""

    async def open_events(self, limit: int = 100, failed: list[Failed] | None = None) -> list[EventRow]:
        """The open events, in the order in which they arrived."""

    async def close_event(self, event_id: str, result: str) -> None:
        """Closes an event and saves how it was handled; what was saved first stays."""
