"""A day is suspended if the account was from midnight to midnight, on the customer's calendar."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.period import Period
from billing.tariffs.service_days import StateChange, suspended_days

OCTOBER = Period("2026-10")
PARIS = "Europe/Paris"


def at(day: int, hour: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def days(*changes: tuple[datetime, bool], zone: str = PARIS) -> list[int]:
    found = suspended_days([StateChange(*change) for change in changes], OCTOBER, zone)
    return sorted(day.day for day in found)


def test_days_that_are_suspended_in_part_are_billed() -> None:
    assert days((at(10, 12), True), (at(13, 12), False)) == [11, 12]
    assert days((at(10, 12), True), (at(10, 14), False), (at(11, 8), True), (at(12, 8), False)) == []


def test_midnight_is_the_customers_also_when_clocks_change() -> None:
    assert days((at(23, 22), True), (at(25, 23), False)) == [24, 25]  # the 25th has 25 hours in Paris
    assert days((at(23, 22), True), (at(25, 22), False)) == [24]
    assert days((at(23, 22), True), (at(25, 22), False), zone="UTC") == [24]


def test_a_suspension_goes_on_until_it_ends_and_twice_suspended_is_suspended() -> None:
    assert days((at(1, month=9), True)) == list(range(1, 32))
    assert days((at(1, month=9), True), (at(10, 12), True), (at(12, month=11), False)) == list(range(1, 32))
    assert days((at(1, month=9), True), (at(30, month=9), False)) == []
    assert days() == []


@given(st.lists(st.integers(-100, 900), unique=True, max_size=8).map(sorted), st.booleans())
def test_every_hour_of_a_suspended_day_is_suspended_and_every_other_day_has_one_that_is_not(
    hours: list[int], first: bool
) -> None:
    begin = datetime(2026, 10, 1, tzinfo=UTC)
    changes = [(begin + timedelta(hours=hour), first == (place % 2 == 0)) for place, hour in enumerate(hours)]

    def is_suspended(instant: datetime) -> bool:
        before = [state for since, state in changes if since <= instant]
        return bool(before) and before[-1]

    for number in range(31):
        day = [begin + timedelta(days=number, hours=hour) for hour in range(24)]
        assert (date(2026, 10, number + 1).day in days(*changes, zone="UTC")) == all(map(is_suspended, day))
