"""The schedule of a month: from a period and a time zone to the instants of import, notice and charge."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from billing.model import Instant, Model
from billing.period import Period


def _wall_clock(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("write the time without an offset: it is read in the customer's time zone")
    return at


WallClock = Annotated[time, AfterValidator(_wall_clock)]


class Instants(Model):
    """The planned instants of one month, in UTC."""

    import_at: Instant
    notice_at: Instant
    charge_at: Instant

    def later(self, by: timedelta) -> "Instants":
        """All three instants, moved by the same time."""
        return Instants(import_at=self.import_at + by, notice_at=self.notice_at + by, charge_at=self.charge_at + by)


class Schedule(Model, extra="forbid"):
    """Days and wall-clock times in the customer's time zone.

    ``import_day`` is a day of the month after the period, ``notice_days`` count from that day, and ``charge_days`` from
    the day of the notice. Customers with the same schedule are spread over the following ``spread_minutes``.
    """

    import_day: int = Field(1, ge=1, le=28)
    import_time: WallClock = time(2, 0)
    notice_days: int = Field(3, ge=0, le=28)
    notice_time: WallClock = time(10, 0)
    charge_days: int = Field(4, ge=0, le=28)
    charge_time: WallClock = time(10, 0)
    spread_minutes: int = Field(0, ge=0, le=180)

    @model_validator(mode="after")
    def _in_order(self) -> "Schedule":
        if (self.notice_days, self.notice_time) <= (0, self.import_time):
            raise ValueError("the notice must come after the import")
        if (self.charge_days, self.charge_time) <= (0, self.notice_time):
            raise ValueError("the charge must come after the notice")
        return self

    def instants(self, period: Period, timezone: str) -> Instants:
        """The UTC instants of import, notice and charge of ``period``, without the spread.

        They never go backwards: if a clock change would reverse two steps on one day, the later one moves.
        """
        zone = ZoneInfo(timezone)
        import_day = period.next().first_day + timedelta(days=self.import_day - 1)
        notice_day = import_day + timedelta(days=self.notice_days)
        charge_day = notice_day + timedelta(days=self.charge_days)
        import_at = instant(import_day, self.import_time, zone)
        notice_at = max(import_at, instant(notice_day, self.notice_time, zone))
        charge_at = max(notice_at, instant(charge_day, self.charge_time, zone))
        return Instants(import_at=import_at, notice_at=notice_at, charge_at=charge_at)

    def share(self, customer_id: str) -> timedelta:
        """This customer's delay: a fixed number of whole seconds, less than the spread."""
        number = int.from_bytes(hashlib.sha256(customer_id.encode()).digest()[:8], "big")
        return timedelta(seconds=number * self.spread_minutes * 60 >> 64)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the clocks of ``zone`` show ``at`` on ``day``.

    A time skipped by a clock change takes the offset before the change (02:30 becomes 03:30); a repeated time means its
    first occurrence. Both rules are those of RFC 5545, section 3.3.5.
    """

    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
