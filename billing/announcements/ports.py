"""Announcements in the ledger. Every method may be called again after any failure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from billing.announcements.announcement import (
    Announcement,
    AnnouncementRow,
    NewAnnouncement,
    Progress,
    Recipient,
    RecipientState,
)
from billing.announcements.audience import Audience, Reach
from billing.announcements.events import PageName

PAGE_ANNOUNCEMENTS = 50
PAGE_RECIPIENTS = 100


class Approval(NamedTuple):
    """Who lets an announcement go, and why. ``texts``: so many were agreed to; None: however many there are.

    ``timezone`` is that of customers who have none.
    """

    by: str
    reason: str
    at: datetime
    timezone: str
    texts: int | None = None


class ToTell(NamedTuple):
    """A number to be told, and a customer whose it is."""

    phone: str
    customer_id: str
    again: bool


class TakenPage(NamedTuple):
    """What is to be sent of a page, at once."""

    announcement: Announcement
    recipients: tuple[ToTell, ...]


class PageOutcome(NamedTuple):
    """What became of a page's numbers. ``told`` has our id of each text, ``failed`` the vendor's word.

    ``untried`` were certainly not handed over, unless the text of this id says otherwise.
    """

    told: Mapping[str, str]
    failed: Mapping[str, str]
    untried: Mapping[str, str]


class AnnouncementPages(Protocol):
    """What sends announcements."""

    async def take_page(self, page: PageName, at: datetime) -> TakenPage:
        """The page's numbers that are still to be told, as being sent from now on.

        Whoever was erased or disconnected since the approval is excluded, and everybody once the works are over.
        """

    async def close_page(self, page: PageName, outcome: PageOutcome, at: datetime) -> None:
        """Writes down what became of the page's numbers; those that were not handed over wait again."""


class WaitingWorks(Protocol):
    async def announcement_drafts(self, now: datetime) -> list[Announcement]:
        """Those that nobody has approved, of works that are not over; the earliest works first, up to a page."""


class Announcements(Protocol):
    async def reach(self, audience: Audience, timezone: str) -> Reach:
        """Whom the audience has now; ``timezone`` is that of customers who have none."""

    async def save_announcement(self, new: NewAnnouncement, at: datetime) -> Announcement:
        """Writes a draft; a repeat answers the same one. A draft of the same sender's number is withdrawn for it, and
        people are told to approve it.

        Raises ``InvalidInput`` if the sender's works have a greater version by now, or are approved.
        """

    async def approve_announcement(self, number: int, approval: Approval) -> Announcement:
        """Writes down everybody who is concerned now, and has them told; a repeat changes nothing.

        Raises ``NotFound``, and ``InvalidInput`` if there are more or fewer texts than were agreed to, or nobody.
        """

    async def replace_announcement(self, number: int, new: NewAnnouncement, approval: Approval) -> Announcement:
        """Has a correction or cancellation told to exactly those who were told, or still wait; a repeat is the same.

        Raises ``NotFound``, and ``InvalidInput`` for one that was not approved, was replaced before, or is over.
        """

    async def withdraw_announcement(self, number: int, by: str, reason: str, at: datetime) -> Announcement:
        """Ends a draft; a repeat changes nothing. Raises ``NotFound``, and ``InvalidInput`` if it was approved."""

    async def announcement(self, number: int) -> Announcement | None: ...

    async def announcement_keyed(self, key: str) -> Announcement | None: ...

    async def announcement_sent(self, reference: str) -> Announcement | None:
        """What has become of the works that somebody has sent under this number: the last one."""

    async def announcements(self, limit: int = PAGE_ANNOUNCEMENTS, offset: int = 0) -> list[AnnouncementRow]:
        """The newest first."""

    async def announcement_progress(self, number: int) -> Progress: ...

    async def recipients(
        self, number: int, state: RecipientState | None = None, limit: int = PAGE_RECIPIENTS, after: str = ""
    ) -> list[Recipient]:
        """Who is concerned by it, by account number, beginning ``after`` that one."""
