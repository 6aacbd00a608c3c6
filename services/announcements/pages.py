"""Sends the pages of announcements from the outbox of events: each number once, within contact hours.

A page that cannot be sent as a whole comes again; what was sent of it is on record as a text, and is not sent again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from billing.announcements.announcement import Announcement
from billing.announcements.events import PageName
from billing.announcements.ports import AnnouncementPages, PageOutcome, TakenPage, ToTell
from billing.customers.contact_hours import ContactHours
from billing.errors import BillingError, OutsideContactHours, TextRefused, TextsUnavailable, TextUnknown
from billing.events.event import OutgoingEvent
from billing.keys import announcement_text_id
from services.messages.customer_texts import CustomerTexts

LOOK_AGAIN = timedelta(minutes=5)
"""How long a page rests outside contact hours before it looks at the clock again, at most."""
_AT_ONCE = 10
_PAGE_SECONDS = 30.0
"""How long a page may take: shorter than the claim of its event, so that nobody else begins it meanwhile."""
_GO_ON = timedelta(seconds=1)

_log = logging.getLogger(__name__)


class AnnouncementSender:
    """``EventSender`` for pages of announcements."""

    def __init__(
        self,
        ledger: AnnouncementPages,
        texts: CustomerTexts,
        hours: ContactHours,
        now: Callable[[], datetime],
        look_again: timedelta = LOOK_AGAIN,
    ) -> None:
        self._ledger = ledger
        self._texts = texts
        self._hours = hours
        self._now = now
        self._look_again = look_again

    async def send(self, event: OutgoingEvent) -> None:
        """Raises ``OutsideContactHours`` and errors of texts: the rest of the page is sent when it comes again."""
        page = PageName.model_validate(event.payload["data"])
        self._require_hours(page)
        taken = await self._ledger.take_page(page, self._now())
        sending = _Sending(taken, self._texts, lambda: self._require_hours(page))
        try:
            await sending.run()
        finally:
            await self._ledger.close_page(page, sending.outcome(), self._now())
        if sending.fault is not None:
            raise sending.fault

    def _require_hours(self, page: PageName) -> None:
        now = self._now()
        opens = self._hours.next_allowed(now, page.timezone)
        if opens > now:
            name, when = f"announcement {page.number} in {page.timezone}", f"{opens:%Y-%m-%d %H:%M} UTC"
            resting = OutsideContactHours(f"{name} waits for contact hours, until {when}")
            resting.retry_after = min(opens - now, self._look_again)
            raise resting


class _Sending:
    """One try of a page: after the first outage no other number is begun."""

    def __init__(self, taken: TakenPage, texts: CustomerTexts, require_hours: Callable[[], None]) -> None:
        self._announcement = taken.announcement
        self._recipients = taken.recipients
        self._texts = texts
        self._require_hours = require_hours
        self._until = time.monotonic() + _PAGE_SECONDS
        self._told: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._unknown: BillingError | None = None
        self._outage: BillingError | None = None

    @property
    def fault(self) -> BillingError | None:
        """Why the page has to come again."""
        return self._outage or self._unknown

    async def run(self) -> None:
        waiting = iter(self._recipients)
        await asyncio.gather(*(self._tell_each(waiting) for _ in range(_AT_ONCE)))

    def outcome(self) -> PageOutcome:
        ended = {*self._told, *self._failed}
        phones = (recipient.phone for recipient in self._recipients if recipient.phone not in ended)
        return PageOutcome(self._told, self._failed, {phone: self._message_id(phone) for phone in phones})

    async def _tell_each(self, waiting: Iterator[ToTell]) -> None:
        for recipient in waiting:
            if self._outage is not None:
                return
            try:
                self._require_time()
                await self._tell(recipient)
            except TextUnknown as error:  # about this number alone: it is looked up when the page comes again
                self._unknown = error
            except BillingError as error:
                self._outage = self._outage or error

    async def _tell(self, recipient: ToTell) -> None:
        message_id, kind = self._message_id(recipient.phone), self._announcement.kind.text_kind
        body = _body(self._announcement, recipient)
        try:
            await self._texts.send_body(kind, recipient.customer_id, recipient.phone, "", body, message_id=message_id)
            self._told[recipient.phone] = message_id
        except TextRefused as error:
            _log.warning("announcement %s: %s", self._announcement.number, error)
            self._failed[recipient.phone] = str(error)[:100]

    def _require_time(self) -> None:
        self._require_hours()
        if time.monotonic() > self._until:
            unfinished = TextsUnavailable(
                f"announcement {self._announcement.number}: the vendor is slow; the page goes on"
            )
            unfinished.retry_after = _GO_ON
            raise unfinished

    def _message_id(self, phone: str) -> str:
        return announcement_text_id(self._announcement.number, phone)


def _body(announcement: Announcement, recipient: ToTell) -> str:
    body = announcement.news if recipient.again else announcement.text
    assert body is not None, "who is told is told something"
    return body
