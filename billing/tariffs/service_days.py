"""The days of a period on which an account was suspended from midnight to midnight, on the customer's calendar."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.customers.schedule import instant
from billing.period import Period

_DAY = timedelta(days=1)


class StateChange(NamedTuple):
    """From ``at`` on, the account was suspended (or disconnected), or was not."""

    at: datetime
    is_suspended: bool


def suspended_days(changes: Iterable[StateChange], period: Period, timezone: str) -> frozenset[date]:
    """The days without a moment in which it was not suspended. ``changes`` are all, the oldest first."""
    zone, length = ZoneInfo(timezone), period.last_day.day
    midnights = [instant(period.first_day + _DAY * number, time(0), zone) for number in range(length + 1)]
    spans = list(_suspensions(changes))
    return frozenset(
        period.first_day + _DAY * number
        for number, (starts_at, ends_at) in enumerate(pairwise(midnights))
        if any(since <= starts_at and (until is None or ends_at <= until) for since, until in spans)
    )


def _suspensions(changes: Iterable[StateChange]) -> Iterable[tuple[datetime, datetime | None]]:
    """Since when and until when; until None: it still is."""
    since: datetime | None = None
    for change in changes:
        if change.is_suspended and since is None:
            since = change.at
        elif not change.is_suspended and since is not None:
            yield since, change.at
            since = None
    if since is not None:
        yield since, None
