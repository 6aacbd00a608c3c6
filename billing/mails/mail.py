"""Mails to customers: their kinds, what each says, who sends them, and what the ledger keeps of them.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.collections.collection import Collection
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.model import Count, Instant, Line, MailText, Minor, Model, Url, Words
from billing.payments.ports import StillWanted, always
from billing.period import Period


class CustomerMailKind(StrEnum):
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


class CustomerMail(Model):
    """One mail: what it tells is in ``month`` and, of a month that was not paid, in ``collection``.

    ``link`` is the page where the customer can pay, or register another card ("": none). ``correction`` is what a
    notice corrects; ``agreed`` what a new customer has consented to.
    """

    kind: CustomerMailKind
    message_id: Line
    to: Line
    month: Month
    collection: Collection | None = None
    link: Url = ""
    agreed: Words = ""
    correction: Correction | None = None


class RenderedMail(Model):
    """What a mail says, without markup; the subject is one line."""

    subject: Words
    text: MailText


class Mailer(Protocol):
    def compose(self, letter: CustomerMail) -> RenderedMail:
        """What ``send`` would send, for a look at it before it goes and for the record."""

    async def send(self, letter: CustomerMail, still_wanted: StillWanted = always) -> None:
        """Hands the mail over, unless ``still_wanted``, asked at the last moment, raises.

        After a failure it may have been sent: a repeat has the same Message-ID.
        """


class MessageStatus(StrEnum):
    SENDING = "sending"  # handed over, perhaps; a crash here means it may have been sent
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


class MessageStore(Protocol):
    """What became of each mail."""

    async def save_message(
        self,
        letter: CustomerMail,
        number: int,
        status: MessageStatus,
        at: datetime,
        composed: RenderedMail | None = None,
        idle_since: datetime | None = None,
    ) -> bool:
        """Keeps what became of a mail and, if given, what it says; False if it was sent before, and stays so.

        With ``idle_since``, also False if anything was kept of it since then: somebody else sends it.
        """

    async def messages(self, customer_id: str, period: Period) -> list[MessageRow]: ...
