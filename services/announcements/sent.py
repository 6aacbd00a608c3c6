"""Planned works that the company's own system sends: written as drafts, corrected and cancelled by its number.

People approve what they approve of every announcement: the first version of works, before anybody is told.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, TypeVar

from billing.announcements.announcement import Announcement, AnnouncementKind, AnnouncementState, Works
from billing.announcements.audience import Audience
from billing.announcements.ports import Announcements
from billing.errors import InvalidInput, NotFound
from services.announcements.desk import AnnouncementDesk, Sent

SENDER = "http"
_T = TypeVar("_T")


class OtherContent(InvalidInput):
    """Not what is on record under this number."""


class SentWorks(NamedTuple):
    """``number`` and ``version`` are the sender's, and name it once: a greater version corrects a smaller one."""

    number: str
    version: int
    works: Works
    audience: Audience

    @property
    def key(self) -> str:
        return f"{SENDER} {self.number} {self.version}"


class SentAnnouncements:
    def __init__(self, ledger: Announcements, desk: AnnouncementDesk) -> None:
        self._ledger = ledger
        self._desk = desk

    async def take(self, sent: SentWorks, now: datetime) -> bool:
        """Writes a draft of works, or corrects them; whether it was new. A repeat changes nothing.

        A draft gives way to the draft of the next version; of works that are approved, those who were told, or still
        wait, are told the next one. Raises ``OtherContent``; ``InvalidInput`` as the desk.
        """
        known = await self._ledger.announcement_keyed(sent.key)
        taken = known
        if taken is None:
            taken = await self._after_last(sent.number, lambda last: self._written(last, sent, now))
        if (taken.works, taken.audience) != (sent.works, sent.audience):
            raise OtherContent(
                f"version {sent.version} of {sent.number} is on record with another content; send a greater version"
            )
        return known is None

    async def cancel(self, number: str, why: str, now: datetime) -> None:
        """As the desk cancels; a repeat changes nothing. Raises ``NotFound``, and ``InvalidInput`` if it is over."""
        await self._after_last(number, lambda last: self._cancelled(_known(last, number), why, now))

    async def known(self, number: str) -> Announcement:
        """What became of the works of this number. Raises ``NotFound``."""
        return _known(await self._ledger.announcement_sent(number), number)

    async def _after_last(self, number: str, do: Callable[[Announcement | None], Awaitable[_T]]) -> _T:
        """Does what follows the last of this number; anew, if another one has come there meanwhile."""
        while True:
            last = await self._ledger.announcement_sent(number)
            try:
                return await do(last)
            except InvalidInput:
                if await self._ledger.announcement_sent(number) == last:
                    raise

    async def _cancelled(self, last: Announcement, why: str, now: datetime) -> None:
        if last.kind is not AnnouncementKind.CANCELLATION:
            await self._desk.cancel(last.number, f"cancel {last.number}", SENDER, why, now)

    async def _written(self, last: Announcement | None, sent: SentWorks, now: datetime) -> Announcement:
        if known := await self._ledger.announcement_keyed(sent.key):  # by the same request, at the same time
            return known
        if last is not None:
            _require_next(last, sent)
            if last.state is AnnouncementState.APPROVED and last.kind is not AnnouncementKind.CANCELLATION:
                return await self._corrected(last, sent, now)
        name = Sent(sent.number, sent.version)
        return await self._desk.create(sent.key, sent.works, sent.audience, SENDER, now, name)

    async def _corrected(self, last: Announcement, sent: SentWorks, now: datetime) -> Announcement:
        if sent.audience != last.audience:
            raise OtherContent(
                f"{sent.number} is approved: whom it concerns stays; cancel it, and send the works under another number"
            )
        if sent.works == last.works:
            raise InvalidInput(f"version {sent.version} of {sent.number} changes nothing, so nobody is told of it")
        why = f"version {sent.version} has come"
        return await self._desk.correct(last.number, sent.key, sent.works, SENDER, why, now, sent.version)


def _known(last: Announcement | None, number: str) -> Announcement:
    if last is None:
        raise NotFound(f"there are no works {number[:60]!r}; send them by POST /announcements")
    return last


def _require_next(last: Announcement, sent: SentWorks) -> None:
    if sent.version <= last.version:
        raise OtherContent(f"version {last.version} of {sent.number} is on record; send a greater one")
