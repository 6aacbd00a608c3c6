"""Announcements of planned works in words, for the command line and the console."""

from zoneinfo import ZoneInfo

from billing.announcements.announcement import (
    Announcement,
    AnnouncementKind,
    Exclusion,
    Progress,
    RecipientState,
    Works,
)
from billing.announcements.audience import Audience
from billing.texts.text import TextStatus

_EXCLUSIONS = {
    Exclusion.NO_NUMBER: "no phone number",
    Exclusion.ERASED: "erased",
    Exclusion.DISCONNECTED: "disconnected meanwhile",
    Exclusion.TOO_LATE: "too late: the works were over",
    Exclusion.REPLACED: "replaced by what came after",
}
_DELIVERIES = {
    TextStatus.DELIVERED: "delivered",
    TextStatus.FAILED: "told, not delivered",
    TextStatus.UNKNOWN: "perhaps told",
}


def works_words(works: Works) -> str:
    """``2026-12-03 10:00 to 12:00 Asia/Almaty``."""
    zone = ZoneInfo(works.timezone)
    starts, ends = works.starts_at.astimezone(zone), works.ends_at.astimezone(zone)
    last = f"{ends:%H:%M}" if starts.date() == ends.date() else f"{ends:%Y-%m-%d %H:%M}"
    return f"{starts:%Y-%m-%d %H:%M} to {last} {works.timezone}"


def announcement_words(announcement: Announcement) -> str:
    """``announcement 8, approved, corrects 7: 2026-12-03 10:00 to 12:00 Asia/Almaty, new switch``."""
    verb = "cancels" if announcement.kind is AnnouncementKind.CANCELLATION else "corrects"
    after = f", {verb} {announcement.corrects}" if announcement.corrects else ""
    by = f" by {announcement.replaced_by}" if announcement.replaced_by else ""
    works = announcement.works
    return f"announcement {announcement.number}, {announcement.state}{by}{after}: {works_words(works)}, {works.reason}"


def audience_words(audience: Audience) -> str:
    if audience.everybody:
        return "everybody"
    accounts = len(audience.accounts)
    parts = (
        *(f"node {node}" for node in audience.nodes),
        *(f"tag {tag}" for tag in audience.tags),
        *(f"address “{address}”" for address in audience.addresses),
        *([f"{accounts:,} listed account{'' if accounts == 1 else 's'}"] if accounts else []),
    )
    return ", ".join(parts)


def outcome_words(state: RecipientState, why: str | None, delivery: TextStatus | None) -> str:
    """What became of somebody who is concerned."""
    if state is RecipientState.EXCLUDED and why in list(Exclusion):
        return f"not told: {_EXCLUSIONS[Exclusion(why)]}"
    if state is RecipientState.FAILED:
        return f"refused: {why}"
    if state is RecipientState.TOLD and delivery in _DELIVERIES:
        return _DELIVERIES[delivery]
    return state


def progress_words(progress: Progress) -> str:
    """``212 of 212 numbers told``."""
    told = progress.numbers(RecipientState.TOLD)
    waiting = progress.numbers(RecipientState.WAITING, RecipientState.SENDING)
    failed = progress.numbers(RecipientState.FAILED)
    also = f", {failed:,} refused" if failed else ""
    return f"{told:,} of {told + waiting + failed:,} told{also}" if progress.tallies else ""
