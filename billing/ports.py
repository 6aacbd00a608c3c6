"""What the application asks of the outside world: four small protocols, each with one adapter per vendor.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from billing.alerts import Alert, AlertRow
from billing.apart import Failed
from billing.brake import Brake
from billing.collection import Collection, CollectionStage, Entry
from billing.customer import Customer
from billing.difference import Correction
from billing.digest import Digest
from billing.invoice import Invoice
from billing.messages import Decision
from billing.model import Author, Code, Count, Id, Instant, Line, MailText, Minor, Model, Url, Words
from billing.month import Month, Stage
from billing.payment import Payment, PaymentEvent, PaymentRequest, Reversal, ReversalKind
from billing.period import Period
from billing.sales import SalesSnapshot


class SalesSource(Protocol):
    @property
    def name(self) -> str:
        """Which spreadsheet or folder it is: readings of another one do not count."""

    async def read(self, period: Period) -> SalesSnapshot:
        """All sales of ``period`` at this moment, by one request; somebody may be typing.

        Raises ``SalesUnavailable``; never answers an unreadable sheet with no rows.
        """


class Reading(Model):
    """When a worksheet was read last, and the digest of what it said: it said so at ``read_at`` or soon after."""

    digest: Code
    read_at: Instant


class SalesReadings(Protocol):
    """The last agreed reading of each worksheet of a ``source``, for all processes."""

    async def reading(self, source: str, period: Period) -> Reading | None: ...

    async def kept_sales(self, source: str, period: Period, digest: str) -> SalesSnapshot | None:
        """What was read; None if it is not there any more."""

    async def claim_reading(self, source: str, period: Period, seen: Reading | None, seconds: float) -> bool:
        """Whether the caller is to read the worksheet now: nobody else has since ``seen``, nor is about to.

        It is the caller's until it is kept or released, for so many ``seconds`` at most.
        """

    async def keep_reading(self, source: str, snapshot: SalesSnapshot, period: Period, read_at: datetime) -> None: ...

    async def release_reading(self, source: str, period: Period) -> None:
        """The worksheet could not be read."""


class CardDetails(Model):
    """A card on file: whose it is and its last four digits."""

    payment_method_id: Id
    stripe_customer_id: Id
    last4: Code
    created_at: Instant


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

    async def card(self, payment_method_id: str) -> CardDetails:
        """The card on file. Raises ``CardMissing``."""

    async def new_customer(self, registration_id: str, customer_id: str, email: str, token: str = "") -> str:
        """The customer of a registration at the processor: the one that an earlier call has made, or a new one.

        ``token`` is a card that may be used once, of an old form. Raises ``CardMissing`` if it was used or refused,
        ``InvalidInput`` if the address is.
        """

    async def imported_card(self, stripe_customer_id: str) -> CardDetails:
        """The card that came of the ``token``. Raises ``CardMissing``."""

    async def forget_card(self, payment_method_id: str) -> None:
        """Takes a card off its customer, so that nobody can charge it any more; a repeat changes nothing."""

    async def card_setup(self, stripe_customer_id: str, reference: str, success_url: str, cancel_url: str) -> CardPage:
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


class Collections(Protocol):
    """The running collections, for those who learn something about a payment."""

    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        """Lets the collection ask the processor; False if none runs."""

    async def begin(self, collection: Collection) -> bool:
        """Goes on with a collection that the ledger says is open; False if it runs already."""


class LetterKind(StrEnum):
    NOTICE = "notice"
    RECEIPT = "receipt"
    DECLINE = "decline"
    NOTHING_DUE = "nothing_due"
    REMINDER = "reminder"
    ALERT = "alert"  # to reviewers, like a report, before digests told them everything
    REPORT = "report"
    WITHDRAWN = "withdrawn"  # what a notice has announced is not charged after all
    WELCOME = "welcome"
    CARD_LINK = "card_link"  # to a customer whose address was registered once more
    CARD_WANTED = "card_wanted"  # the same, to one of an import who has no card yet


class Letter(Model):
    """One mail: what it tells is in ``month`` and, of a month that was not paid, in ``collection``.

    ``link`` is the page where the customer can pay, or register another card ("": none). ``correction`` is what a
    notice corrects; ``agreed`` what a new customer has consented to.
    """

    kind: LetterKind
    message_id: Line
    to: Line
    month: Month
    collection: Collection | None = None
    link: Url = ""
    agreed: Words = ""
    correction: Correction | None = None


class Composed(Model):
    """What a mail says, without markup; the subject is one line."""

    subject: Words
    text: MailText


StillWanted = Callable[[], Awaitable[None]]
"""Raises if what is about to be done outside is not wanted any more, at least not by the one who is asked."""


async def always() -> None:
    """It is wanted."""


class Mailer(Protocol):
    def compose(self, letter: Letter) -> Composed:
        """What ``send`` would send, for a look at it before it goes and for the record."""

    async def send(self, letter: Letter, still_wanted: StillWanted = always) -> None:
        """Hands the mail over, unless ``still_wanted``, asked at the last moment, raises.

        After a failure it may have been sent: a repeat has the same Message-ID.
        """


class Channel(Protocol):
    """One way to tell the reviewers."""

    async def tell(self, digest: Digest) -> None:
        """Hands the digest over. After a failure it may have been told: a repeat of a mail has the same Message-ID.

        Raises ``AlertUnavailable``, ``MailUnavailable``, ``MailRefused``.
        """

    def write(self, digest: Digest) -> bytes:
        """What would be handed over. Raises whatever it is that cannot be told."""


class Bell(Protocol):
    async def ring(self) -> None:
        """Makes sure that what is in the ledger's outbox by now will be told. Raises ``AlertUnavailable``."""


class MessageStatus(StrEnum):
    SENDING = "sending"  # handed over, perhaps; a crash here means it may have been sent
    SENT = "sent"
    FAILED = "failed"


class InvoiceRow(Model):
    """One line of a listing of months, as the ledger last knew them."""

    customer_id: Id
    period: Period
    stage: Stage
    currency: Code
    total_minor: Minor
    version: Count
    problems: Count
    next_at: Instant | None
    updated_at: Instant


class Known(NamedTuple):
    """What the ledger has of a customer who is to be started.

    ``last`` is their newest month; ``like`` are others, closed ones left out, with the same email, Stripe customer or
    card: a mistake in one of them.
    """

    customer: Customer | None
    closed_reason: str = ""
    last: Period | None = None
    like: tuple[Customer, ...] = ()


class RosterRow(Customer):
    """A customer as the ledger knows them. ``closed_reason`` says who closed the account and why ("": it is open)."""

    closed_reason: Words = ""
    closed_at: Instant | None = None
    created_at: Instant
    updated_at: Instant


class VersionRow(Model):
    """A version of a month's invoice as it was on record since ``at``. ``by`` is who made it; "": the collection."""

    version: Count
    digest: Code
    by: Author
    at: Instant
    invoice: Invoice


class MessageRow(Model):
    message_id: Line
    kind: LetterKind
    number: Count
    recipient: Line
    status: MessageStatus
    at: Instant
    total_minor: Minor | None
    subject: Words
    text: MailText  # as it was sent, without the key in its link


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


class CollectionRow(Model):
    """One line of a listing of collections, as the ledger last knew them."""

    customer_id: Id
    period: Period
    stage: CollectionStage
    currency: Code
    amount_minor: Minor
    outstanding_minor: Minor
    opened_at: Instant
    next_at: Instant | None
    closed_at: Instant | None
    updated_at: Instant


class EventRow(Model):
    """A webhook's event as the ledger knows it. ``result`` says what was done about it; "" while that is open."""

    event_id: Line
    type: Id
    object_id: Id
    payment_id: Id
    created_at: Instant
    received_at: Instant
    result: Words


class Claim(Model):
    """What is to be told next ("": nothing), and whether there is more."""

    digest_id: Code = ""
    more: bool = False


class Ledger(Protocol):
    """The lasting record. Rows are keyed by customer and period; writing the same thing twice changes nothing.

    Whoever looks at many gives a list of those who ``failed``: rows that cannot be read go there, and stop nothing.
    """

    async def save_customer(self, customer: Customer) -> None: ...

    async def customer(self, customer_id: str) -> Customer | None: ...

    async def closed_reason(self, customer_id: str) -> str:
        """Who closed the account and why; "" if it is open or unknown."""

    async def customers(self, failed: list[Failed] | None = None) -> list[Customer]: ...

    async def customers_at_processor(self) -> dict[str, str]:
        """Those whose account is open, by their id at the processor."""

    def roster(self, closed: bool = True, failed: list[Failed] | None = None) -> AsyncIterator[RosterRow]:
        """All customers, by id; with ``closed`` also those whose account is closed."""

    async def roster_row(self, customer_id: str) -> RosterRow | None: ...

    async def customer_by_email(self, email: str) -> Customer | None:
        """The one whose account is open."""

    async def customers_of_card(self, payment_method_id: str) -> list[Customer]:
        """Those who are charged with it, closed ones too."""

    async def own_emails(self, customer_id: str) -> list[str]:
        """Every address that the customer has or had, as typed, and that is and was no other customer's."""

    async def customers_like(self, customer: Customer) -> list[Customer]:
        """Others, closed ones left out, with the same email, Stripe customer or card: a mistake in one of them."""

    async def known(self, asked: Sequence[Customer]) -> dict[str, Known | Failed]:
        """What there is of each of some hundred customers, by id."""

    async def record_opened(self, months: Sequence[Month], at: datetime) -> list[Failed]:
        """Writes customers of whom nothing was known, with their first months; what is there stays as it is.

        Answers who could not be written.
        """

    async def record(self, month: Month, at: datetime, following: Month | None = None) -> None:
        """Writes the month as it stands: customer, invoice, lines, decisions; and the next, unless it has begun.

        Raises ``LedgerAhead`` if it has a newer revision of the month, ``AlreadyClosed`` if another outcome.
        """

    async def month(self, customer_id: str, period: Period) -> Month | None:
        """The month as last recorded."""

    async def drafted_from(self, period: Period, email: str) -> list[str]:
        """The customers whose invoice of ``period`` was made from the rows of the sheet under ``email``."""

    async def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        """The whole audit trail of a month; the month itself carries only the newest."""

    async def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        """The versions of a month's invoice that were ever recorded, oldest first."""

    async def invoices(
        self,
        period: Period | None = None,
        stage: Stage | None = None,
        customer_id: str | None = None,
        failed: list[Failed] | None = None,
    ) -> list[InvoiceRow]: ...

    async def current_invoices(self, failed: list[Failed] | None = None) -> list[InvoiceRow]:
        """The newest month of each customer, by customer."""

    async def periods(self) -> list[Period]:
        """Every month from the first to the newest that there is, newest first."""

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

    async def record_collection(self, collection: Collection, at: datetime) -> None:
        """Writes the collection as it stands, and its diary.

        Raises ``LedgerAhead`` if it has a newer revision, ``AlreadyClosed`` if another outcome.
        """

    async def collection(self, customer_id: str, period: Period) -> Collection | None:
        """The collection as last recorded."""

    async def collections(
        self,
        period: Period | None = None,
        customer_id: str | None = None,
        open_only: bool = False,
        failed: list[Failed] | None = None,
    ) -> list[CollectionRow]: ...

    async def diary(self, customer_id: str, period: Period) -> list[Entry]:
        """The whole diary of a collection; the collection itself carries only the newest."""

    async def save_event(self, event: PaymentEvent, at: datetime) -> bool:
        """Keeps a webhook's event; False if it is there already."""

    async def has_open_event(self, beginning: str) -> bool:
        """Whether nothing was done yet about an event whose id begins so."""

    async def open_events(self, limit: int = 100, failed: list[Failed] | None = None) -> list[EventRow]:
        """Events that nothing was done about yet, oldest first."""

    async def close_event(self, event_id: str, result: str) -> None:
        """Keeps what was done about an event."""

    async def save_message(
        self,
        letter: Letter,
        number: int,
        status: MessageStatus,
        at: datetime,
        composed: Composed | None = None,
        idle_since: datetime | None = None,
    ) -> bool:
        """Keeps what became of a mail and, if given, what it says; False if it was sent before, and stays so.

        With ``idle_since``, also False if anything was kept of it since then: somebody else sends it.
        """

    async def messages(self, customer_id: str, period: Period) -> list[MessageRow]: ...

    async def save_alert(self, alert: Alert) -> None:
        """Puts an alert into the outbox, unless it is or was there."""

    async def claim_alerts(self, digest_id: str) -> Claim:
        """Takes what a digest is to tell out of the outbox, at once and for nobody else.

        A digest that was claimed before and not told comes first, under its own id; else all alerts become the one
        of ``digest_id``.
        """

    async def digest(self, digest_id: str, failed: list[Failed] | None = None) -> list[Alert]:
        """The alerts of a digest, oldest first."""

    async def close_digest(self, digest_id: str, at: datetime) -> None:
        """Keeps that a digest was told; the first time stays."""

    async def alerts(self, period: Period | None = None, customer_id: str | None = None) -> list[AlertRow]:
        """All alerts that match, oldest first."""

    async def brake(self) -> Brake | None:
        """The emergency brake as it was pulled last, on or released; None if it never was."""

    async def brakes(self) -> list[Brake]:
        """Every time that it was pulled, newest first."""

    async def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Puts it on; while it is on, answers the one who did. ``via`` says where: "console", "cli"."""

    async def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Takes it off, once. Raises ``NotFound`` if it was never pulled."""
