"""What coverage finds about announcements: works that have begun, or soon do, and people who were not told of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from billing.announcements.announcement import Announcement
from billing.announcements.ports import WaitingWorks
from billing.completeness.report import Finding, FindingKind
from billing.model import Count, Instant, Model
from billing.remedies import RemedyAction

UNTOLD_FOR = timedelta(days=7)
"""How long works that began are looked back at."""
SOON = timedelta(days=1)


class Untold(Model):
    """``numbers`` were not told of the works of announcement ``number`` before these began."""

    number: Count
    starts_at: Instant
    numbers: Count


class AnnouncementBooks(WaitingWorks, Protocol):
    async def untold(self, since: datetime, now: datetime) -> list[Untold]:
        """Works that have begun ``since`` then, and how many numbers were not told of them in time."""


def announcement_findings(untold: Iterable[Untold], drafts: Iterable[Announcement], now: datetime) -> Iterator[Finding]:
    """Who was not told in time; and ``drafts`` of works that begin soon, or have begun."""
    for each in untold:
        yield Finding(
            kind=FindingKind.UNTOLD_WORKS,
            text=f"the works of announcement {each.number} began at {each.starts_at:%Y-%m-%d %H:%M} UTC; "
            f"phone numbers that were not told of them: {each.numbers:,}",
            advice="see why they wait; call whoever has to know",
            remedies=(RemedyAction.SHOW_ANNOUNCEMENT.of().evolve(announcement=each.number),),
            matter=f"untold works {each.number}",
        )
    for draft in drafts:
        if draft.works.starts_at <= now + SOON:
            yield Finding(
                kind=FindingKind.UNTOLD_WORKS,
                text=f"nobody has approved announcement {draft.number}, so nobody is told of the works that begin at "
                f"{draft.works.starts_at:%Y-%m-%d %H:%M} UTC",
                advice="approve or cancel it",
                remedies=(RemedyAction.SHOW_ANNOUNCEMENT.of().evolve(announcement=draft.number),),
                matter=f"unapproved works {draft.number}",
            )
