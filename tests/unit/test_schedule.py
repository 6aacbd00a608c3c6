"""Schedules in every time zone: gaps, folds, month ends, leap years, both sides of the date line."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.customers.schedule import Schedule, instant
from billing.period import Period

ZONES = sorted(available_timezones())
MAIN_ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Australia/Lord_Howe",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Apia", "Pacific/Chatham", "Africa/Cairo", "Antarctica/Troll",
    "Asia/Kathmandu", "America/Scoresbysund",
)  # fmt: skip

zones = st.sampled_from(ZONES)
periods = st.builds(lambda year, month: Period(f"{year}-{month:02}"), st.integers(2012, 2098), st.integers(1, 12))
minutes = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    import_time, notice_time, charge_time = draw(minutes), draw(minutes), draw(minutes)
    notice_days, charge_days = draw(st.integers(0, 28)), draw(st.integers(0, 28))
    assume((notice_days, notice_time) > (0, import_time))
    assume((charge_days, charge_time) > (0, notice_time))
    return Schedule(
        import_day=draw(st.integers(1, 28)),
        import_time=import_time,
        notice_days=notice_days,
        notice_time=notice_time,
        charge_days=charge_days,
        charge_time=charge_time,
    )


@given(schedules(), periods, zones)
@example(Schedule(import_time=time(0, 0)), Period("2026-10"), "Pacific/Kiritimati")
@example(Schedule(import_time=time(0, 0)), Period("2026-10"), "Pacific/Pago_Pago")
@example(Schedule(import_time=time(0, 0)), Period("2028-02"), "America/Havana")
@example(Schedule(import_day=28, import_time=time(21, 0)), Period("2027-01"), "UTC")  # three hours before March
def test_sales_are_imported_after_the_period_has_ended_for_the_customer(
    schedule: Schedule, period: Period, zone: str
) -> None:
    import_at = schedule.instants(period, zone).import_at
    assert Period.at(import_at, zone) == period.next()
    assert Period.at(import_at + timedelta(hours=3), zone) > period  # the clocks do not fall back into it


@given(schedules(), periods, zones)
# 02:30 does not exist that day and becomes 03:30, which is after 03:00
@example(
    Schedule(import_day=8, import_time=time(2, 30), notice_days=0, notice_time=time(3, 0), charge_days=1),
    Period("2026-02"),
    "America/New_York",
)
# 30 December 2011 did not exist in Samoa
@example(
    Schedule(import_day=28, notice_days=2, notice_time=time(10, 0), charge_days=1, charge_time=time(9, 0)),
    Period("2011-11"),
    "Pacific/Apia",
)
def test_the_instants_of_a_month_are_in_order(schedule: Schedule, period: Period, zone: str) -> None:
    planned = schedule.instants(period, zone)
    assert planned.import_at <= planned.notice_at <= planned.charge_at


@given(schedules(), periods, zones)
@example(Schedule(import_day=28), Period("2011-11"), "Pacific/Apia")
def test_each_month_is_planned_later_than_the_one_before(schedule: Schedule, period: Period, zone: str) -> None:
    this, following = schedule.instants(period, zone), schedule.instants(period.next(), zone)
    for before, after in zip(dict(this).values(), dict(following).values(), strict=True):
        assert timedelta(days=26) < after - before < timedelta(days=34)


@given(st.dates(date(2012, 1, 1), date(2098, 12, 31)), minutes, zones)
def test_clocks_show_the_planned_time_or_what_follows_a_gap(day: date, at: time, zone: str) -> None:
    planned = instant(day, at, ZoneInfo(zone))
    assert planned.tzinfo is UTC
    shown = planned.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    wanted = datetime.combine(day, at)
    if shown != wanted:  # only inside a gap, and then later by what was skipped
        assert timedelta() < shown - wanted <= timedelta(days=1)
        assert (planned - timedelta(days=1)).astimezone(ZoneInfo(zone)).utcoffset() != planned.astimezone(
            ZoneInfo(zone)
        ).utcoffset()
    else:  # of two such instants, the first
        earlier = planned - timedelta(hours=1)
        assert earlier.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wanted


@pytest.mark.parametrize("zone", MAIN_ZONES)
def test_fifteen_years_of_the_usual_schedule_keep_their_promises(zone: str) -> None:
    schedule, period = Schedule(), Period("2026-01")
    while period < "2041-01":
        planned = schedule.instants(period, zone)
        assert Period.at(planned.import_at, zone) == period.next()
        assert planned.import_at < planned.notice_at < planned.charge_at
        assert planned.notice_at - planned.import_at >= timedelta(hours=78)
        assert planned.charge_at - planned.notice_at >= timedelta(hours=95)
        period = period.next()


def test_a_skipped_time_is_read_with_the_offset_before_the_change() -> None:
    assert instant(date(2026, 3, 29), time(2, 30), ZoneInfo("Europe/Paris")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert instant(date(2026, 3, 29), time(3, 30), ZoneInfo("Europe/Paris")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    assert instant(date(2026, 10, 25), time(2, 30), ZoneInfo("Europe/Paris")) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_a_day_that_a_zone_skipped_becomes_the_day_after() -> None:
    skipped = instant(date(2011, 12, 30), time(10, 0), ZoneInfo("Pacific/Apia"))
    assert skipped == instant(date(2011, 12, 31), time(10, 0), ZoneInfo("Pacific/Apia"))
    assert skipped == datetime(2011, 12, 30, 20, 0, tzinfo=UTC)


def test_one_day_is_planned_at_instants_a_day_apart_across_the_date_line() -> None:
    east = Schedule().instants(Period("2026-10"), "Pacific/Kiritimati").import_at
    west = Schedule().instants(Period("2026-10"), "Pacific/Pago_Pago").import_at
    assert east == datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
    assert west == datetime(2026, 11, 1, 13, 0, tzinfo=UTC)


def test_december_and_a_leap_february_are_imported_on_the_first_of_the_next_month() -> None:
    schedule = Schedule()
    assert schedule.instants(Period("2026-12"), "UTC").import_at == datetime(2027, 1, 1, 2, tzinfo=UTC)
    assert schedule.instants(Period("2028-01"), "UTC").charge_at == datetime(2028, 2, 8, 10, tzinfo=UTC)
    leap = Schedule(import_day=28).instants(Period("2028-01"), "UTC")
    assert leap.notice_at == datetime(2028, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"import_day": 0}, {"import_day": 29}, {"notice_days": -1}, {"charge_days": 29},
        {"notice_days": 0, "notice_time": "02:00"}, {"charge_days": 0, "charge_time": "10:00"},
        {"notice_days": 0, "notice_time": "12:00Z"}, {"import_time": "02:00+05:00"}, {"import_time": "25:00"},
    ],
    ids=str,
)  # fmt: skip
def test_a_schedule_that_cannot_be_kept_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(fields)


@given(schedules(), periods, zones, st.integers(0, 180), st.text("abc-_0123456789", min_size=1, max_size=64))
def test_a_spread_moves_all_instants_by_the_same_share_within_it(
    schedule: Schedule, period: Period, zone: str, minutes: int, customer_id: str
) -> None:
    spread = schedule.evolve(spread_minutes=minutes)
    planned, share = spread.instants(period, zone), spread.share(customer_id)
    assert timedelta() <= share <= max(timedelta(), timedelta(minutes=minutes, seconds=-1))
    later = planned.later(share)
    assert planned == schedule.instants(period, zone)
    assert later.notice_at - later.import_at == planned.notice_at - planned.import_at
    assert later.charge_at - later.notice_at == planned.charge_at - planned.notice_at
    assert Period.at(later.import_at, zone) > period
    assert schedule.share(customer_id) == timedelta()


def test_ten_thousand_customers_are_spread_evenly_and_each_keeps_their_second() -> None:
    shares = [Schedule(spread_minutes=60).share(f"c-{number}") for number in range(10_000)]
    in_each_minute = Counter(share // timedelta(minutes=1) for share in shares)
    assert in_each_minute.keys() == set(range(60))
    assert max(in_each_minute.values()) < 2 * 10_000 / 60
    assert [share.seconds for share in shares[:3]] == [2562, 2347, 1383], "a change would move what was announced"
