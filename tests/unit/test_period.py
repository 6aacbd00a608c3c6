"""Periods: one form, in order, on the calendar of the customer's zone."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.period import Period

periods = st.builds(lambda year, month: Period(f"{year}-{month:02}"), st.integers(2000, 2098), st.integers(1, 12))


@pytest.mark.parametrize(
    "text",
    ["2026-1", "2026-13", "2026-00", "26-11", "1999-12", "2100-01", "2026/11", "2026-11-01", "", " 2026-11", "2026-11 ",
     "2026-11\n", "November 2026", "\u0662\u0660\u0662\u0666-11", "2026_11", "202611"],
)  # fmt: skip
def test_another_form_than_year_and_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="write the month as YYYY-MM"):
        Period(text)
    with pytest.raises(ValidationError, match="write the month as YYYY-MM"):
        TypeAdapter(Period).validate_python(text)


@given(periods)
def test_the_next_period_is_the_next_calendar_month(period: Period) -> None:
    following = period.next()
    assert following > period
    days = (following.first_day - period.first_day).days
    assert 28 <= days <= 31
    assert date.fromordinal(period.first_day.toordinal() + days) == following.first_day


@given(periods, periods)
def test_periods_sort_in_time_order(one: Period, other: Period) -> None:
    assert (one < other) == (one.first_day < other.first_day)
    assert (one == other) == (one.first_day == other.first_day)


@given(periods)
def test_a_period_survives_json_as_a_period(period: Period) -> None:
    adapter = TypeAdapter(Period)
    again = adapter.validate_json(adapter.dump_json(period))
    assert again == period
    assert type(again) is Period


def test_december_is_followed_by_january_and_february_by_march_in_leap_years_too() -> None:
    assert Period("2026-12").next() == "2027-01"
    assert Period("2028-02").next() == "2028-03"
    assert Period("2000-02").first_day == date(2000, 2, 1)


def test_an_instant_falls_into_another_period_on_the_other_side_of_the_date_line() -> None:
    instant = datetime(2026, 11, 1, 10, 30, tzinfo=UTC)
    assert Period.at(instant, "Pacific/Pago_Pago") == "2026-10"
    assert Period.at(instant, "UTC") == "2026-11"
    assert Period.at(datetime(2026, 10, 31, 10, 30, tzinfo=UTC), "Pacific/Kiritimati") == "2026-11"
