"""Contact hours in every time zone: nights, weekends, changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.customers.contact_hours import ContactHours, Weekday
from billing.errors import InvalidInput

HOURS = ContactHours()
ZONES = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
instants = st.datetimes(datetime(2011, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def local(text: str, zone: str = "Asia/Almaty") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-12-01T12:00", "2026-12-01T12:00"),  # a Tuesday
        ("2026-12-01T09:00", "2026-12-01T09:00"),
        ("2026-12-01T08:59:59", "2026-12-01T09:00"),
        ("2026-12-01T19:59:59", "2026-12-01T19:59:59"),
        ("2026-12-01T20:00", "2026-12-02T09:00"),
        ("2026-12-04T23:00", "2026-12-07T09:00"),  # from Friday night to Monday
        ("2026-12-05T12:00", "2026-12-07T09:00"),
        ("2027-01-01T12:00", "2027-01-01T12:00"),  # a holiday is a day like any other
    ],
)
def test_what_falls_outside_moves_to_where_the_hours_next_begin(at: str, allowed: str) -> None:
    assert HOURS.next_allowed(local(at), "Asia/Almaty") == local(allowed)


def test_they_are_those_of_the_customers_own_clocks() -> None:
    at = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
    assert HOURS.allow(at, "Asia/Almaty")
    assert not HOURS.allow(at, "Europe/Paris")


def test_hours_that_the_clocks_skip_are_none() -> None:
    night = ContactHours(start=time(2, 15), end=time(2, 45), weekdays=tuple(Weekday))
    skipped = local("2026-03-29T01:59", "Europe/Paris")
    assert night.next_allowed(skipped, "Europe/Paris") == local("2026-03-30T02:15", "Europe/Paris")


ALL_HOURS = st.tuples(st.times(), st.times()).filter(lambda both: both[0] < both[1])
A_NIGHT = (time(1, 30), time(2, 30))


@given(instants, st.sampled_from(ZONES), ALL_HOURS, st.sets(st.sampled_from(Weekday), min_size=1))
@example(datetime(2026, 10, 25, 0, 10, tzinfo=UTC), "Europe/Paris", A_NIGHT, set(Weekday))
@example(datetime(2026, 10, 25, 0, 40, tzinfo=UTC), "Europe/Paris", A_NIGHT, set(Weekday))
@example(datetime(2011, 12, 30, 5, 0, tzinfo=UTC), "Pacific/Apia", A_NIGHT, {Weekday.FRI})  # which there was not
def test_nobody_is_told_anything_outside_of_them(
    at: datetime, zone: str, hours: tuple[time, time], days: set[Weekday]
) -> None:
    contact = ContactHours(start=hours[0], end=hours[1], weekdays=tuple(days))
    allowed = contact.next_allowed(at, zone)
    shown = allowed.astimezone(ZoneInfo(zone))
    assert at <= allowed <= at + timedelta(days=15)
    assert contact.start <= shown.time() < contact.end
    assert tuple(Weekday)[shown.weekday()] in days
    assert contact.allow(allowed, zone)


def test_they_are_written_and_read() -> None:
    for text in ("mon-fri 09:00-20:00", "mon-sun 00:00-23:59", "sat 10:00-14:00"):
        assert str(ContactHours.read(text)) == text
    assert ContactHours.read("mon-fri 09:00-20:00") == HOURS


@pytest.mark.parametrize("text", ["", "09:00-20:00", "mon-fri 20:00-09:00", "fri-mon 09:00-20:00", "mon-fri 9-20"])
def test_others_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="mon-fri 09:00-20:00"):
        ContactHours.read(text)


def test_they_end_after_they_start() -> None:
    with pytest.raises(ValidationError):
        ContactHours(start=time(20, 0), end=time(9, 0))
