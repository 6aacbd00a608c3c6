"""Texts to customers: their kinds, the vendor that sends them, and their record in the ledger.

A text is on record before it is sent, so that a repeat knows of it: ``sending``, ``sent``, then ``delivered`` or
``failed`` by what the vendor reports, which may be late, or never come. Nothing waits for a report.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from billing.customers.channels import Phone
from billing.customers.links import without_keys
from billing.model import Code, Count, Id, Instant, Kept, Line, Minor, Model, Url
from billing.period import Period

TEXT_MAX = 1000
MICROS = 10**6
"""A text costs fractions of a cent: its price is in millionths of the currency."""
Micros = Annotated[int, Field(ge=0, le=10**15)]
Body = Annotated[str, Field(min_length=1, max_length=TEXT_MAX), Kept]


class TextKind(StrEnum):
    """What a customer is told, by text or by mail."""

    BILL = "bill"
    REMINDER = "reminder"
    WARNING = "warning"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    RECEIPT = "receipt"
    CONNECTED = "connected"
    WORKS = "works"
    WORKS_CHANGED = "works_changed"
    WORKS_CANCELLED = "works_cancelled"
    RECEIVED = "received"  # an order, as all that follow
    PAY_FEE = "pay_fee"
    PAY_DEBT = "pay_debt"
    VISIT = "visit"
    DISCONNECTED = "disconnected"
    TARIFF_CHANGED = "tariff_changed"
    ANSWERED = "answered"
    REFUSED = "refused"


class Language(StrEnum):
    ENGLISH = "en"
    KAZAKH = "kk"
    RUSSIAN = "ru"
    UKRAINIAN = "uk"


class ConsequenceKind(StrEnum):
    """What is done about an account that is not paid."""

    LIMIT = "limit"
    SUSPEND = "suspend"
    DISCONNECT = "disconnect"


class Consequence(Model):
    """What a warning warns of, and when it happens."""

    action: ConsequenceKind
    at: Instant


class TextFacts(Model):
    """What a text says: ``day`` is when a bill is due, or when a warning's ``action`` follows.

    ``link`` is the customer's own page ("": none). Of an order, its ``number``, the ``quote`` of a step (a bool is said
    as yes or no, in the text's language), and the ``link`` to the page where it is paid.

    Planned works have a ``reason``, and ``starts`` and ``ends``, which are read on the clocks of ``timezone``.
    """

    account: Code = ""
    amount_minor: Minor = 0
    currency: Code = ""
    day: date | None = None
    action: ConsequenceKind | None = None
    starts: Instant | None = None
    ends: Instant | None = None
    timezone: Code = "UTC"
    reason: Line = ""
    number: Code = ""
    quote: bool | Line = ""
    link: Url = ""


class OutgoingText(Model):
    """``message_id`` is ours: letters and digits, the same in every repeat."""

    message_id: Code
    to: Phone
    body: Body


class Delivery(StrEnum):
    """How far a text has come, by its vendor."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"


class TextReport(Model):
    """What a vendor says about a text; ``code`` is its own word for it, for people."""

    vendor_id: Id
    delivery: Delivery
    code: Code = ""
    cost_micros: Micros | None = None


class SentText(Model):
    """By what a vendor knows a text."""

    message_id: Code
    vendor_id: Id
    to: Phone


class ReportRequest(NamedTuple):
    """A vendor's call about a text: the address that was called, and the ``id`` and signature that came with it."""

    url: str
    message_id: str
    signature: str
    body: bytes


class Texts(Protocol):
    """A vendor of texts. ``name`` is on record with each text: no other vendor knows of it."""

    @property
    def name(self) -> str: ...

    async def send(self, text: OutgoingText) -> TextReport:
        """Hands the text over. Raises ``TextRefused`` or ``TextsUnavailable`` if it was certainly not taken.

        Raises ``TextUnknown`` if it was perhaps taken: look it up before a repeat.
        """

    async def look_up(self, text: OutgoingText, since: datetime) -> TextReport | None:
        """What became of a text that was perhaps taken ``since`` then; None: it was not.

        Raises ``TextUnknown`` if the vendor cannot tell, ``TextsUnavailable`` if it cannot be asked now.
        """

    async def status(self, sent: SentText) -> TextReport:
        """How far a text has come. Raises ``TextUnknown`` if the vendor has no record of it, ``TextsUnavailable``."""

    def read_report(self, request: ReportRequest) -> tuple[str, TextReport]:
        """Our id of the text that the vendor calls about, and its report.

        Raises ``InvalidInput`` for a call that the vendor has not signed, or that cannot be read.
        """


class TextStatus(StrEnum):
    WAITING = "waiting"  # the vendor did not take it; it is sent again
    SENDING = "sending"  # after a crash here, it may have been sent
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"  # perhaps sent, and not worth a repeat


class TextRow(Model):
    """A text in the ledger.

    ``began_at`` is when it was first tried, ``tried_at`` when last, ``at`` when it was last heard of.
    """

    message_id: Code
    kind: TextKind
    customer_id: Id
    period: Period | None
    recipient: Line  # a phone number, until the person is erased
    body: Body
    segments: Count
    cost_micros: Micros
    currency: Code
    vendor: Code
    vendor_id: Id | None = None
    status: TextStatus
    code: Code = ""
    began_at: Instant
    tried_at: Instant
    at: Instant

    @property
    def shown(self) -> "TextRow":
        """As people may read it: its links open nothing."""
        return self.evolve(body=without_keys(self.body))

    @property
    def outgoing(self) -> OutgoingText:
        return OutgoingText(message_id=self.message_id, to=self.recipient, body=self.body)

    @property
    def sent(self) -> SentText:
        return SentText(message_id=self.message_id, vendor_id=self.vendor_id or "", to=self.recipient)


def masked_phone(phone: str) -> str:
    """``+7…5678``: for logs and alerts, where no number belongs."""
    return f"{phone[:2]}…{phone[-4:]}" if phone.startswith("+") else "…"


def price_words(cost_micros: int, currency: str) -> str:
    """``4.50 KZT``, ``0.0075 USD``: with two decimals, or as many as it has."""
    whole, fraction = divmod(cost_micros, MICROS)
    return f"{whole}.{f'{fraction:06}'.rstrip('0').ljust(2, '0')} {currency}"
