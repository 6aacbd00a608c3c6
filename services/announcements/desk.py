"""The desk of planned works: what people preview, write, approve, correct and cancel.

::

    desk = AnnouncementDesk(ledger, wording, price, hours, "Asia/Almaty")
    draft = await desk.create("a1", works, audience, "ann", now)
    seen = await desk.preview(works, audience, now)
    await desk.approve(draft.number, "bob", "checked with the crew", now, seen.reach.text_count)
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from billing.announcements.announcement import Announcement, AnnouncementKind, NewAnnouncement, Works
from billing.announcements.audience import Audience
from billing.announcements.ports import Announcements, Approval
from billing.announcements.preview import Preview, left_of, zones
from billing.customers.contact_hours import ContactHours
from billing.errors import InvalidInput, NotFound
from billing.texts.ports import TextStore
from billing.texts.segments import measure
from billing.texts.text import TextFacts
from services.messages.customer_texts import TextPrice
from wording.texts import TextWording, check_typed


class _Ledger(Announcements, TextStore, Protocol):
    """The stores it uses."""


class Sent(NamedTuple):
    """The number of whoever has sent the works to us, and their version of them."""

    reference: str | None
    version: int


UNSENT = Sent(None, 0)


class AnnouncementDesk:
    """``timezone`` is the company's: that of works, and of customers who have none. ``can_send``: there is a vendor."""

    def __init__(
        self,
        ledger: _Ledger,
        wording: TextWording,
        price: TextPrice,
        hours: ContactHours,
        timezone: str,
        can_send: bool = True,
    ) -> None:
        self._ledger = ledger
        self._wording = wording
        self._price = price
        self._hours = hours
        self._can_send = can_send
        self.timezone = timezone

    async def preview(self, works: Works, audience: Audience, now: datetime) -> Preview:
        """What such an announcement would do now; nothing is written.

        Raises ``InvalidInput`` for nobody, for everybody who was not meant, for works that are over, and for a text of
        more segments than are allowed.
        """
        audience.require_somebody()
        text = self._text(AnnouncementKind.WORKS, works, now)
        reach = await self._ledger.reach(audience, self.timezone)
        reach.require_meant(audience)
        measured, day = measure(text), await self._ledger.text_day(now.date())
        each_micros = measured.segments * self._price.price_micros
        return Preview(
            text=text,
            alphabet=measured.alphabet,
            segments=measured.segments,
            reach=reach,
            cost_micros=reach.text_count * each_micros,
            currency=self._price.currency,
            zones=tuple(zones(reach, works, self._hours, now)),
            left_today=left_of(day, self._price.limits, each_micros),
        )

    async def create(
        self, key: str, works: Works, audience: Audience, by: str, now: datetime, sent: Sent = UNSENT
    ) -> Announcement:
        """Writes a draft, once for each ``key``; nobody is told. Raises as ``preview``."""
        seen = await self.preview(works, audience, now)
        given = {"key": key, "works": works, "audience": audience, "text": seen.text, "created_by": by}
        new = NewAnnouncement.model_validate(given | sent._asdict())
        return await self._ledger.save_announcement(new, now)

    async def approve(self, number: int, by: str, reason: str, now: datetime, texts: int | None = None) -> Announcement:
        """Has everybody told who is concerned now, within contact hours; a repeat changes nothing.

        ``texts``: so many were seen in the preview. Raises ``NotFound``, and ``InvalidInput`` if there are others now.
        """
        draft = await self.known(number)
        if draft.approved_at is None and draft.works.ends_at <= now:
            raise InvalidInput(f"the works of announcement {number} are over; cancel it")
        return await self._ledger.approve_announcement(number, self._approval(by, reason, now, texts))

    async def correct(
        self, number: int, key: str, works: Works, by: str, reason: str, now: datetime, version: int | None = None
    ) -> Announcement:
        """Has the changed works told to exactly those who were told, or still wait, who get nothing else.

        A repeat with the same ``key`` is the same one. ``version`` is its sender's; None: as before. Raises
        ``NotFound`` and ``InvalidInput``.
        """
        before = await self.known(number)
        new = NewAnnouncement(
            key=key,
            kind=AnnouncementKind.CORRECTION,
            works=works,
            audience=before.audience,
            text=self._text(AnnouncementKind.WORKS, works, now),
            news=self._text(AnnouncementKind.CORRECTION, works, now),
            created_by=by,
            reference=before.reference,
            version=before.version if version is None else version,
        )
        return await self._ledger.replace_announcement(number, new, self._approval(by, reason, now))

    async def cancel(self, number: int, key: str, by: str, reason: str, now: datetime) -> Announcement:
        """Has those who were told learn that there are no works; who still waits is not told of any.

        A draft is withdrawn. A repeat changes nothing. Raises ``NotFound`` and ``InvalidInput``.
        """
        before = await self.known(number)
        if before.approved_at is None:
            return await self._ledger.withdraw_announcement(number, by, reason, now)
        new = NewAnnouncement(
            key=key,
            kind=AnnouncementKind.CANCELLATION,
            works=before.works,
            audience=before.audience,
            text=None,
            news=self._written(AnnouncementKind.CANCELLATION, before.works),
            created_by=by,
            reference=before.reference,
            version=before.version,
        )
        return await self._ledger.replace_announcement(number, new, self._approval(by, reason, now))

    async def known(self, number: int) -> Announcement:
        """Raises ``NotFound``."""
        found = await self._ledger.announcement(number)
        if found is None:
            raise NotFound(f"there is no announcement {number}; see: python starter.py announcements list")
        return found

    def _approval(self, by: str, reason: str, now: datetime, texts: int | None = None) -> Approval:
        if not self._can_send:
            raise InvalidInput("no vendor of texts is configured, so nobody could be told; set BILLING_SMS")
        return Approval(by, reason, now, self.timezone, texts)

    def _text(self, kind: AnnouncementKind, works: Works, now: datetime) -> str:
        """Raises ``InvalidInput`` if it has too many segments, or the works are over."""
        if works.ends_at <= now:
            raise InvalidInput("these works are over already; look at their dates")
        return check_typed(self._written(kind, works), self._wording.segments)

    def _written(self, kind: AnnouncementKind, works: Works) -> str:
        facts = TextFacts(starts=works.starts_at, ends=works.ends_at, timezone=works.timezone, reason=works.reason)
        return self._wording.text(kind.text_kind, facts)
