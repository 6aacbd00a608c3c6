"""A page of an announcement in the outbox: the numbers of one time zone that are texted in one go."""

from datetime import datetime

from billing.announcements.announcement import Announcement
from billing.events.event import Event, EventType, event_id
from billing.model import Code, Count, Model


class PageName(Model):
    """``page`` counts the pages of a time zone."""

    number: Count
    timezone: Code
    page: Count


def page_event(announcement: Announcement, timezone: str, page: int, at: datetime) -> Event:
    name = PageName(number=announcement.number, timezone=timezone, page=page)
    return Event(
        id=event_id(f"announcement {name.number} {timezone} {page}"),
        type=EventType.ANNOUNCEMENT_PAGE,
        created_at=at,
        customer_id=None,
        data=name,
    )
