"""The plan of service orders in chaos: a seed repeats it, and every ending and every wish is in it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.chaos.departments.service_plan import (
    Ending,
    Wish,
    connection,
    daytime_zone,
    next_wish,
    planned_connections,
)
from sandbox.chaos.plan import Plan


def test_a_seed_repeats_its_newcomers_and_another_seed_has_others() -> None:
    assert planned_connections(Plan(7, 10, 1)) == planned_connections(Plan(7, 10, 1))
    assert planned_connections(Plan(7, 10, 1)) != planned_connections(Plan(8, 10, 1))


def test_newcomers_are_connected_refused_cancelled_or_do_not_pay_and_want_everything_next() -> None:
    planned = [each for seed in range(10) for each in planned_connections(Plan(seed, 6, 1))]
    assert {each.ending for each in planned} == set(Ending)
    assert {each.wish for each in planned if each.ending is Ending.CONNECTED} == set(Wish)
    assert {each.is_opened_twice for each in planned} == {each.is_by_app for each in planned} == {True, False}


def test_whoever_is_connected_asks_for_something_about_the_account() -> None:
    first = planned_connections(Plan(1, 6, 1))[0]
    assert connection(first, "Asia/Almaty").subscriber is not None
    wanted = next_wish(first, "1000009", "Asia/Almaty")
    assert (wanted.account, wanted.procedure) == ("1000009", first.wish)


def test_it_is_day_where_newcomers_live() -> None:
    for hour in range(24):
        now = datetime(2026, 11, 30, tzinfo=UTC) + timedelta(hours=hour)
        assert 9 <= now.astimezone(ZoneInfo(daytime_zone(now))).hour < 19
