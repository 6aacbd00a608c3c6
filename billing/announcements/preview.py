"""What an announcement would do: whom it reaches, when at the earliest, and what that costs."""

from collections.abc import Iterator
from datetime import datetime

from billing.announcements.announcement import Works
from billing.announcements.audience import Reach
from billing.customers.contact_hours import ContactHours
from billing.model import Code, Count, Instant, Model, Rows
from billing.texts.ports import TextDay, TextLimits
from billing.texts.segments import Alphabet
from billing.texts.text import Body, Micros


class ZoneShare(Model):
    """How many texts go to a time zone, and when the first may."""

    timezone: Code
    texts: Count
    first_at: Instant
    is_late: bool  # the works have begun by then


class Preview(Model):
    """``left_today`` is what the day's limits leave; None: as many as there are."""

    text: Body
    alphabet: Alphabet
    segments: Count
    reach: Reach
    cost_micros: Micros
    currency: Code
    zones: Rows[ZoneShare]
    left_today: Count | None

    @property
    def late(self) -> int:
        """How many cannot be told before the works begin."""
        return sum(zone.texts for zone in self.zones if zone.is_late)

    @property
    def beyond_limit(self) -> int:
        """How many have to wait for another day, because of the day's limits."""
        return 0 if self.left_today is None else max(0, self.reach.text_count - self.left_today)


def zones(reach: Reach, works: Works, hours: ContactHours, now: datetime) -> Iterator[ZoneShare]:
    """Those with most texts first."""
    for timezone, texts in sorted(reach.texts.items(), key=lambda zone: (-zone[1], zone[0])):
        first_at = hours.next_allowed(now, timezone)
        yield ZoneShare(timezone=timezone, texts=texts, first_at=first_at, is_late=first_at >= works.starts_at)


def left_of(day: TextDay, limits: TextLimits, each_micros: int) -> int | None:
    """How many more texts of this price a day may have."""
    left = [] if limits.texts is None else [limits.texts - day.texts]
    if limits.cost_micros is not None and each_micros:
        left.append((limits.cost_micros - day.cost_micros) // each_micros)
    return max(0, min(left)) if left else None
