"""A promise to pay by a day: while it stands, the ladder does."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.customers.schedule import instant
from billing.model import Few, Instant, Model, Who
from billing.period import Period


class Promise(Model):
    """``until`` is a day in the customer's time zone, and holds to its end. ``periods``: what was owed then."""

    by: Who
    at: Instant
    until: date
    ends_at: Instant
    periods: Few[Period]

    @classmethod
    def given(cls, by: str, at: datetime, until: date, timezone: str, periods: tuple[Period, ...]) -> "Promise":
        ends_at = instant(until + timedelta(days=1), time(), ZoneInfo(timezone))
        return cls(by=by, at=at, until=until, ends_at=ends_at, periods=periods)


def last_day(now: datetime, timezone: str, days: int) -> date:
    """The last day that may be promised at ``now``."""
    return now.astimezone(ZoneInfo(timezone)).date() + timedelta(days=days)
