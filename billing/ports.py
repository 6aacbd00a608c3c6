"""What the application asks of the outside world: four small protocols, each with one adapter per vendor.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.customer import Customer
from billing.messages import Decision
from billing.model import Instant, Model
from billing.month import Month, Stage
from billing.payment import Payment, PaymentRequest
from billing.period import Period
from billing.sales import SalesSnapshot


class SalesSource(Protocol):
    async def read(self, period: Period) -> SalesSnapshot:
        """All sales of ``period``. Raises ``SalesUnavailable``; never answers an unreadable sheet with no rows."""


class CardDetails(Model):
    """A card on file: whose it is and its last four digits."""

    payment_method_id: str
    stripe_customer_id: str
    last4: str


class PaymentGateway(Protocol):
    async def find(self, request: PaymentRequest) -> list[Payment]:
        """Every payment that carries ``request.key``, complete and current."""

    async def create(self, request: PaymentRequest) -> Payment:
        """A payment that moves no money yet. The same key within a day gives the same payment."""

    async def confirm(self, payment: Payment, request: PaymentRequest) -> Payment:
        """Moves the money, at most once. A decline is an answer, not an error."""

    async def cancel(self, payment: Payment) -> None:
        """Makes a payment that moved no money unusable; one that is cancelled already is fine."""

    async def card(self, payment_method_id: str) -> CardDetails:
        """The card on file. Raises ``CardMissing``."""


class LetterKind(StrEnum):
    NOTICE = "notice"
    RECEIPT = "receipt"
    DECLINE = "decline"
    NOTHING_DUE = "nothing_due"
    ALERT = "alert"


class Letter(Model):
    """One mail: what it tells is all in ``month``; ``text`` is what a reviewer's alert is about."""

    kind: LetterKind
    message_id: str
    to: str
    month: Month
    text: str = ""


class Mailer(Protocol):
    async def send(self, letter: Letter) -> None:
        """Hands the mail over. After a failure it may have been sent: a repeat has the same Message-ID."""


class MessageStatus(StrEnum):
    SENDING = "sending"  # handed over, perhaps; a crash here means it may have been sent
    SENT = "sent"
    FAILED = "failed"


class InvoiceRow(Model):
    """One line of a listing of months, as the ledger last knew them."""

    customer_id: str
    period: Period
    stage: Stage
    currency: str
    total_minor: int
    version: int
    problems: int
    next_at: Instant | None
    updated_at: Instant


class MessageRow(Model):
    message_id: str
    kind: LetterKind
    number: int
    recipient: str
    status: MessageStatus
    at: Instant
    total_minor: int | None


class ChargeRow(Model):
    """A payment as the ledger knows it."""

    payment_id: str
    key: str
    customer_id: str
    period: Period
    status: str
    amount_minor: int
    currency: str
    code: str
    decline_code: str
    at: Instant


class Ledger(Protocol):
    """The lasting record. Rows are keyed by customer and period; writing the same thing twice changes nothing."""

    async def save_customer(self, customer: Customer) -> None: ...

    async def customer(self, customer_id: str) -> Customer | None: ...

    async def closed_reason(self, customer_id: str) -> str:
        """Who closed the account and why; "" if it is open or unknown."""

    async def customers(self) -> list[Customer]: ...

    async def customers_like(self, customer: Customer) -> list[Customer]:
        """Others, closed ones left out, with the same email, Stripe customer or card: a mistake in one of them."""

    async def record(self, month: Month, at: datetime) -> None:
        """Writes the month as it stands: customer, invoice, lines, decisions.

        Raises ``LedgerAhead`` if it has a newer revision of the month, ``AlreadyClosed`` if another outcome.
        """

    async def month(self, customer_id: str, period: Period) -> Month | None:
        """The month as last recorded."""

    async def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        """The whole audit trail of a month; the month itself carries only the newest."""

    async def invoices(
        self, period: Period | None = None, stage: Stage | None = None, customer_id: str | None = None
    ) -> list[InvoiceRow]: ...

    async def save_payment(self, request: PaymentRequest, payment: Payment, at: datetime) -> None:
        """Keeps the payment's id and status; written before and after money is moved."""

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]: ...

    async def save_message(self, letter: Letter, number: int, status: MessageStatus, at: datetime) -> None: ...

    async def messages(self, customer_id: str, period: Period) -> list[MessageRow]: ...
