"""What is asked of the payment processor, and what the ledger keeps of it.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.apart import Failed
from billing.model import Code, Id, Instant, Line, Minor, Model, Url, Words
from billing.payments.methods import CardOnFile
from billing.payments.payment import Payment, PaymentEvent, PaymentRequest, Reversal, ReversalKind
from billing.period import Period


class CardDetails(CardOnFile):
    """A card as its processor knows it."""

    created_at: Instant

    @property
    def on_file(self) -> CardOnFile:
        """What is kept of it."""
        return CardOnFile(payer_id=self.payer_id, card_id=self.card_id, last4=self.last4)


class CardSetup(Model):
    """A page where a customer registers a card, once it was used. ``reference`` is what it was opened with."""

    reference: Id
    card: CardDetails


class CardPageState(StrEnum):
    OPEN = "open"
    USED = "used"  # a card was registered there
    EXPIRED = "expired"


class CardPage(Model):
    """A page of the processor's where a customer registers a card; ``url`` leads there while it is open."""

    session_id: Id
    state: CardPageState
    url: Url = ""


class PaymentGateway(Protocol):
    """Charges cards. Codes in answers are the processor's own words."""

    async def find(self, request: PaymentRequest, known: Sequence[str] = ()) -> list[Payment]:
        """Every payment that carries ``request.key``, complete and current; also those with the ids ``known``."""

    async def create(self, request: PaymentRequest) -> Payment:
        """A payment that moves no money yet. The same request within a day gives the same payment."""

    async def confirm(self, payment: Payment, request: PaymentRequest) -> Payment:
        """Moves the money with the customer's card, unasked, at most once. A decline is an answer, not an error.

        Does nothing but answer if the payment has been tried since ``payment`` was read, or needs no try any more.
        """

    async def confirm_on_session(
        self, payment: Payment, request: PaymentRequest, return_url: str
    ) -> tuple[Payment, str]:
        """The same while the customer is there; also answers where to send them to authenticate ("": nowhere)."""

    async def cancel(self, payment: Payment) -> Payment:
        """Makes a payment that moved no money unusable; answers it as it is then, also if it moved money after all."""

    async def card(self, card_id: str) -> CardDetails:
        """The card on file. Raises ``CardMissing``."""

    async def new_customer(self, registration_id: str, customer_id: str, email: str, token: str = "") -> str:
        """The customer of a registration at the processor: the one that an earlier call has made, or a new one.

        ``token`` is a card that may be used once, of an old form. Raises ``CardMissing`` if it was used or refused,
        ``InvalidInput`` if the address is.
        """

    async def imported_card(self, payer_id: str) -> CardDetails:
        """The card that came of the ``token``. Raises ``CardMissing``."""

    async def forget_card(self, card_id: str) -> None:
        """Takes a card off its customer, so that nobody can charge it any more; a repeat changes nothing."""

    async def card_setup(self, payer_id: str, reference: str, success_url: str, cancel_url: str) -> CardPage:
        """Opens a page of the processor's where the customer registers a card.

        ``{CHECKOUT_SESSION_ID}`` in ``success_url`` becomes the id that ``card_of_setup`` takes.
        """

    async def card_page(self, session_id: str) -> CardPage:
        """Such a page as it is now. Raises ``NotFound``."""

    async def card_of_setup(self, session_id: str) -> CardSetup:
        """The card that was registered there. Raises ``CardMissing`` if none was, ``NotFound``."""


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


class ReversalRow(Model):
    """A refund or a dispute as the ledger knows it."""

    reversal_id: Id
    payment_id: Id
    customer_id: Line
    period: Period
    kind: ReversalKind
    amount_minor: Minor
    currency: Code
    status: Code
    reason: Words
    created_at: Instant
    at: Instant


class EventRow(Model):
    """A webhook's event as the ledger knows it. ``result`` says what was done about it; "" while that is open."""

    event_id: Line
    type: Id
    object_id: Id
    payment_id: Id
    created_at: Instant
    received_at: Instant
    result: Words


class PaymentStore(Protocol):
    """Payments of ours, with their refunds and disputes."""

    async def save_payment(self, payment: Payment, at: datetime) -> None:
        """Keeps a payment of ours with its id and status; written before and after money is moved.

        Raises ``PaymentMismatch`` for one that could still be confirmed while another of the same key is not cancelled:
        only one payment of a month may ever be confirmed. What has succeeded or is under way is kept in any case.
        """

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]: ...

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
