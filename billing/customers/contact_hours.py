"""Contact hours: when customers are reminded, warned and restricted, on the clocks of their own time zone.

Holidays are no exception: nobody here knows those of every place. What restores a service never waits.
"""

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from billing.customers.schedule import WallClock, instant
from billing.errors import InvalidInput
from billing.model import Model

_FORM = re.compile(r"(\w{3})(?:-(\w{3}))? (\d\d:\d\d)-(\d\d:\d\d)", re.ASCII)
_LOOK_AHEAD = range(15)  # days: a calendar may lack one, as Samoa's did


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_WEEK = tuple(Weekday)


class ContactHours(Model, extra="forbid"):
    """From ``start`` until just before ``end``, in the customer's time zone, on these weekdays."""

    start: WallClock = time(9, 0)
    end: WallClock = time(20, 0)
    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = _WEEK[:5]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("contact hours have to end after they start, on the same day")
        return self

    @classmethod
    def read(cls, text: str) -> Self:
        """The hours that ``mon-fri 09:00-20:00`` or ``sat 10:00-14:00`` says. Raises ``InvalidInput``."""
        try:
            first, last, start, end = _FORM.fullmatch(text.strip().lower()).groups()  # type: ignore[union-attr]
            days = _WEEK[_WEEK.index(Weekday(first)) : _WEEK.index(Weekday(last or first)) + 1]
            return cls(start=time.fromisoformat(start), end=time.fromisoformat(end), weekdays=days)
        except (AttributeError, ValueError):
            raise InvalidInput(
                f"{text[:40]!r} are no contact hours; write weekdays, then from when to when: mon-fri 09:00-20:00"
            ) from None

    def __str__(self) -> str:
        days = self.weekdays[0] if len(self.weekdays) == 1 else f"{self.weekdays[0]}-{self.weekdays[-1]}"
        return f"{days} {self.start:%H:%M}-{self.end:%H:%M}"

    def allow(self, at: datetime, timezone: str) -> bool:
        return self.next_allowed(at, timezone) == at

    def next_allowed(self, at: datetime, timezone: str) -> datetime:
        """``at`` itself if it is within the hours, else the instant in UTC at which they next begin."""
        zone = ZoneInfo(timezone)
        today = at.astimezone(zone).date()
        for days in _LOOK_AHEAD:
            opens, closes = self._of(today + timedelta(days=days), zone)
            if at < closes and opens < closes:
                return max(at, opens)
        raise AssertionError("every week has its contact hours")

    def _of(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """When they begin and end on ``day``; of an hour that clocks show twice, only what is within them both times.

        They end before they begin on a day without any.
        """
        opens = max(instant(day, self.start.replace(fold=fold), zone) for fold in (0, 1))
        closes = min(instant(day, self.end.replace(fold=fold), zone) for fold in (0, 1))
        is_a_day = opens.astimezone(zone).date() == day and _WEEK[day.weekday()] in self.weekdays
        return opens, closes if is_a_day else opens
