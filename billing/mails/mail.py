"""Mails to customers: their kinds and content, the mailer, and their record in the ledger.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from billing.collections.collection import Collection
from billing.customers.ways_to_pay import WaysToPay
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.keys import step_message_id
from billing.model import Code, Count, Id, Instant, Line, MailText, Minor, Model, Url, Who, Words
from billing.payments.ports import StillWanted, always
from billing.period import Period
from billing.texts.text import Consequence, Language, TextKind


class CustomerMailKind(StrEnum):
    NOTICE = "notice"
    RECEIPT = "receipt"
    DECLINE = "decline"
    NOTHING_DUE = "nothing_due"
    REMINDER = "reminder"
    WARNING = "warning"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    WITHDRAWN = "withdrawn"  # an announced amount is not charged after all
    WELCOME = "welcome"
    CARD_LINK = "card_link"  # to a customer whose address was registered again
    CARD_WANTED = "card_wanted"  # to an imported customer without a card, whose address was registered
    INVITATION = "invitation"  # to a customer of a file, who has no card yet


OF_COLLECTION = frozenset(
    {CustomerMailKind.REMINDER, CustomerMailKind.WARNING, CustomerMailKind.SUSPENDED, CustomerMailKind.RESTORED}
)
"""Mails about everything that a collection has to collect, not about one month."""


class CustomerMail(Model):
    """One mail about ``month`` and, if that was not paid, about the ``collection`` that has its debt.

    ``link`` is the page where the customer can pay or register a card ("": none), ``correction`` the changes since the
    last notice, ``agreed`` the text that a new customer has consented to, ``consequence`` what a warning warns of.
    ``asked_by`` names a person who had it sent again.
    A customer without a card pays by ``account`` number ("": none), ``where_to_pay``; anybody may pay
    ``by_app``, in a bank's app.
    """

    kind: CustomerMailKind
    message_id: Line
    to: Line
    month: Month
    collection: Collection | None = None
    link: Url = ""
    agreed: Words = ""
    correction: Correction | None = None
    consequence: Consequence | None = None
    ways: WaysToPay = WaysToPay()
    asked_by: Who | None = None
    asked_why: Words | None = None


class StepMail(Model):
    """A mail about a step of the service order ``number``, in the words of its text.

    ``link`` is the page where it is paid ("": none), by a button that says ``action``; all words are in ``language``.
    """

    kind: TextKind
    message_id: Line
    to: Line
    customer_id: Id
    number: Code
    language: Language
    subject: Line
    text: Words
    link: Url = ""
    action: Line = ""


class RenderedMail(NamedTuple):
    """A mail's content: its subject, of one line, and its parts, without and with markup."""

    subject: str
    text: str
    html: str


class Mailer(Protocol):
    def compose(self, letter: CustomerMail) -> RenderedMail:
        """The content of the mail: to send, for the record, and for previews."""

    async def send(self, letter: CustomerMail, composed: RenderedMail, still_wanted: StillWanted = always) -> None:
        """Sends the mail with this content, unless ``still_wanted``, called at the last moment, raises.

        After a failure it may have been sent all the same; a repeat has the same Message-ID. Raises
        ``MailUnavailable``, ``MailRefused``, and any error of ``still_wanted``.
        """

    async def send_step(self, letter: StepMail, still_wanted: StillWanted = always) -> None:
        """As ``send``, with the words of its text."""


class MessageStatus(StrEnum):
    SENDING = "sending"  # after a crash here, it may have been sent
    SENT = "sent"
    FAILED = "failed"


class MessageRow(Model):
    message_id: Line
    kind: CustomerMailKind
    number: Count
    recipient: Line
    status: MessageStatus
    at: Instant
    total_minor: Minor | None
    subject: Words
    text: MailText  # as it was sent, without the key in its link
    asked_by: Who | None = None  # a person had it sent again; None: the application has sent it
    asked_why: Words | None = None


class StepMessageRow(Model):
    """A mail about a step of a service order, as it is on record."""

    message_id: Line
    recipient: Line
    status: MessageStatus
    at: Instant

    def is_of(self, number: str, position: int) -> bool:
        """Whether it tells of that step of the order."""
        return self.message_id == step_message_id(number, position, self.message_id.partition("@")[2].removesuffix(">"))


class MessageStore(Protocol):
    async def save_message(
        self,
        letter: CustomerMail,
        number: int,
        status: MessageStatus,
        at: datetime,
        composed: RenderedMail | None = None,
        idle_since: datetime | None = None,
    ) -> bool:
        """Records the status of a mail and, if given, its content; False if it was sent before, which stays.

        With ``idle_since``, also False if it was recorded since then, because another process is sending it.
        """

    async def save_step_message(self, letter: StepMail, status: MessageStatus, at: datetime) -> bool:
        """As ``save_message``, of a mail that belongs to no month."""

    async def sending_since(self, message_id: str) -> datetime | None:
        """When a process last began to send the mail; None if none has, or once it was sent or refused."""

    async def messages(self, customer_id: str, period: Period) -> list[MessageRow]:
        """The mails of a month, in the order of their last delivery."""

    async def step_messages(self, customer_id: str, limit: int = 100) -> list[StepMessageRow]:
        """The mails about steps of the customer's service orders, the newest first."""
