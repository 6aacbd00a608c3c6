"""Tariffs' lines are exact: any split of a month adds up to the whole, and nothing is billed twice."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidInput
from billing.invoices.invoice import LineItem
from billing.period import Period
from billing.tariffs.items import Agreed, Discount, Fee, Limit, Subscription, TariffItem
from billing.tariffs.lines import lines_of
from billing.tariffs.shares import daily_shares, portions
from billing.tariffs.spans import spans_of
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion

NOVEMBER = Period("2026-11")
ACCOUNT = "1000009"
DAY = timedelta(days=1)
periods = st.builds(lambda year, month: Period(f"{year}-{month:02}"), st.integers(2024, 2029), st.integers(1, 12))
fees = st.integers(0, 10**7)


def tariff(code: str = "net", fee_minor: int = 3000, prorated: Sequence[Prorated] = tuple(Prorated)) -> Tariff:
    version = TariffVersion(starts_on=date(2020, 1, 1), fee_minor=fee_minor, prorated=tuple(prorated))
    return Tariff(code=code, name=code.title(), currency="eur", versions=(version,))


def on(starts_on: date, ends_on: date | None = None, code: str = "net", account: str = ACCOUNT) -> Subscription:
    return Subscription(customer_id="acme", account=account, tariff=code, starts_on=starts_on, ends_on=ends_on)


def agreed(*items: TariffItem, tariffs: Sequence[Tariff] = (tariff(),)) -> Agreed:
    return Agreed(items, {each.code: each for each in tariffs}, 1)


def total(lines: Sequence[LineItem]) -> int:
    return sum(line.amount_minor for line in lines)


def november(day: int) -> date:
    return date(2026, 11, day)


@given(fees, st.integers(28, 31), st.sampled_from([1, 10, 100]))
def test_the_days_of_a_month_add_up_to_its_fee_and_are_as_equal_as_can_be(fee: int, days: int, step: int) -> None:
    fee -= fee % step
    shares = daily_shares(fee, days, step)
    assert sum(shares) == fee
    assert max(shares) - min(shares) <= step
    assert all(share % step == 0 for share in shares)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**5), min_size=1, max_size=31))
def test_a_part_of_a_fee_takes_no_more_of_a_day_than_it_costs(amount: int, weights: list[int]) -> None:
    parts = portions(min(amount, sum(weights)), weights)
    assert sum(parts) == min(amount, sum(weights))
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@given(periods, fees, st.data())
def test_any_split_of_a_month_adds_up_to_the_whole_fee(period: Period, fee: int, data: st.DataObject) -> None:
    """The same tariff again and again: each change to the same fee changes nothing."""
    days = st.lists(st.integers(2, period.last_day.day), unique=True, max_size=5).map(sorted)
    starts = [period.first_day - 40 * DAY, *(period.first_day + DAY * (day - 1) for day in data.draw(days))]
    ends = [*(start - DAY for start in starts[1:]), None]
    codes = [f"net{number}" for number in range(len(starts))]
    split = [on(start, end, code) for start, end, code in zip(starts, ends, codes, strict=True)]
    lines = lines_of(period, agreed(*split, tariffs=[tariff(code, fee) for code in codes]), "eur")
    assert total(lines) == fee
    assert all(line.amount_minor > 0 for line in lines)


@given(
    periods,
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 15), st.sets(st.sampled_from(Prorated))), max_size=5),
    st.integers(-30, 20),
)
def test_no_day_is_billed_twice_whatever_the_rules(
    period: Period, parts: list[tuple[int, int, set[Prorated]]], first: int
) -> None:
    items, tariffs, day = list[Subscription](), list[Tariff](), period.first_day + DAY * first
    for number, (length, gap, rules) in enumerate(parts):
        tariffs.append(tariff(f"t{number}", 3000, [*rules]))
        items.append(on(day, day + DAY * (length - 1), f"t{number}"))
        day += DAY * (length + gap)
    spans = spans_of(ACCOUNT, period, agreed(*items, tariffs=tariffs))
    assert all(before.last < after.first for before, after in pairwise(spans))
    assert all(period.first_day <= span.first <= span.last <= period.last_day for span in spans)
    has_any = any(item.is_within(period.first_day, period.last_day) for item in items)
    assert bool(spans) == has_any
    assert total(lines_of(period, agreed(*items, tariffs=tariffs), "eur")) <= 3000


@given(periods, fees, st.integers(0, 40), st.integers(0, 40), st.sets(st.integers(1, 31)))
def test_what_is_suspended_and_what_is_not_add_up_to_what_the_days_cost(
    period: Period, fee: int, first: int, length: int, off: set[int]
) -> None:
    starts_on = period.first_day + DAY * (first - 5)
    own = agreed(on(starts_on, starts_on + DAY * length), tariffs=[tariff(fee_minor=fee)])
    days = [period.first_day + DAY * number for number in range(period.last_day.day)]
    suspended = {day for day in days if day.day in off}
    free = lines_of(period, own, "eur", {ACCOUNT: set(days) - suspended})
    paid = lines_of(period, own, "eur", {ACCOUNT: suspended})
    assert total(free) + total(paid) == total(lines_of(period, own, "eur"))


@given(
    periods,
    st.integers(1, 10**6),
    st.lists(st.tuples(st.integers(1, 100), st.booleans(), st.integers(-3, 33), st.integers(0, 40)), max_size=4),
    st.integers(0, 10**6),
    st.integers(2, 28),
)
def test_discounts_never_go_below_zero_and_a_limit_is_never_exceeded(
    period: Period, fee: int, offs: list[tuple[int, bool, int, int]], most: int, split: int
) -> None:
    discounts = [
        Discount(
            customer_id="acme",
            key=f"d{number}",
            account=ACCOUNT,
            starts_on=period.first_day + DAY * start,
            ends_on=period.first_day + DAY * (start + length),
            percent=amount if is_percent else None,
            amount_minor=None if is_percent else amount * fee // 100,
            text=f"Offer {number}",
        )
        for number, (amount, is_percent, start, length) in enumerate(offs)
    ]
    whole = on(date(2020, 1, 1))
    middle = period.first_day + DAY * (split - 1)
    parts = on(date(2020, 1, 1), middle - DAY), on(middle, code="same")
    tariffs = [tariff(fee_minor=fee), tariff("same", fee)]
    one = lines_of(period, agreed(whole, *discounts, tariffs=tariffs), "eur")
    two = lines_of(period, agreed(*parts, *discounts, tariffs=tariffs), "eur")
    assert total(one) == total(two) >= 0
    for line in two:
        if line.line_id.startswith("discount-"):
            own = next(fee for fee in two if fee.line_id == line.line_id.replace("discount-", "fee-"))
            assert 0 > line.amount_minor >= -own.amount_minor
    limit = Limit(customer_id="acme", starts_on=period.first_day, amount_minor=most)
    limited = lines_of(period, agreed(*parts, *discounts, limit, tariffs=tariffs), "eur")
    assert total(limited) == min(most, total(two))


@pytest.mark.parametrize(("period", "days"), [("2026-02", 28), ("2028-02", 29), ("2026-10", 31), ("2026-03", 31)])
def test_a_month_is_billed_whole_however_long_it_is_and_whatever_its_clocks_do(period: str, days: int) -> None:
    [line] = lines_of(Period(period), agreed(on(date(2020, 1, 1))), "eur")
    assert (line.amount_minor, line.description) == (3000, f"Net, {period}, account {ACCOUNT}")
    assert line.tariff is not None
    assert (line.tariff.ends_on - line.tariff.starts_on).days + 1 == days


def test_start_change_suspension_and_end_are_billed_by_days() -> None:
    own = agreed(
        on(november(11), november(20)),
        on(november(21), november(25), "fast"),
        tariffs=[tariff(), tariff("fast", 6000)],
    )
    lines = lines_of(NOVEMBER, own, "eur", {ACCOUNT: {november(12), november(22)}})
    assert [(line.line_id, line.amount_minor) for line in lines] == [
        (f"fee-{ACCOUNT}-11", 900),
        (f"fee-{ACCOUNT}-21", 800),
    ]
    assert lines[0].description == f"Net, 2026-11-11 to 2026-11-20 without 1 suspended day, account {ACCOUNT}"


def test_a_tariff_that_is_not_billed_by_days_is_billed_once_for_a_whole_month() -> None:
    never = tariff(prorated=[]), tariff("fast", 6000, [])
    assert total(lines_of(NOVEMBER, agreed(on(november(29)), tariffs=never), "eur")) == 3000
    assert total(lines_of(NOVEMBER, agreed(on(date(2020, 1, 1), november(2)), tariffs=never), "eur")) == 3000
    changed = on(date(2020, 1, 1), november(29)), on(november(30), code="fast")
    [line] = lines_of(NOVEMBER, agreed(*changed, tariffs=never), "eur", {ACCOUNT: {november(3)}})
    assert line.amount_minor == 6000
    gap = on(date(2020, 1, 1), november(2)), on(november(29))
    assert total(lines_of(NOVEMBER, agreed(*gap, tariffs=never), "eur")) == 3000


def test_another_fee_of_the_tariff_is_billed_from_its_day_on() -> None:
    own = tariff().with_version(TariffVersion(starts_on=november(16), fee_minor=6000), date(2026, 10, 1))
    lines = lines_of(NOVEMBER, agreed(on(date(2020, 1, 1)), tariffs=[own]), "eur")
    assert [line.amount_minor for line in lines] == [1500, 3000]
    whole = own.with_version(TariffVersion(starts_on=november(16), fee_minor=6000, prorated=()), date(2026, 10, 1))
    assert [line.amount_minor for line in lines_of(NOVEMBER, agreed(on(date(2020, 1, 1)), tariffs=[whole]), "eur")] == [
        6000
    ]


def test_one_off_fees_come_on_top_of_the_limit_in_the_period_of_their_day() -> None:
    def fee(key: str, day: date, amount_minor: int) -> Fee:
        values: dict[str, Any] = {"customer_id": "acme", "account": ACCOUNT, "starts_on": day, "ends_on": day}
        return Fee(key=key, amount_minor=amount_minor, text="Router", **values)

    limit = Limit(customer_id="acme", starts_on=november(1), amount_minor=2500)
    fees = fee("a", november(30), 500), fee("b", date(2026, 12, 1), 700), fee("c", november(1), -100)
    lines = lines_of(NOVEMBER, agreed(on(date(2020, 1, 1)), limit, *fees), "eur")
    assert [(line.line_id, line.amount_minor) for line in lines] == [
        (f"fee-{ACCOUNT}-01", 3000),
        ("limit", -500),
        ("one-off-c", -100),
        ("one-off-a", 500),
    ]


def test_a_limit_holds_in_whole_months_only() -> None:
    limit = Limit(customer_id="acme", starts_on=november(2), amount_minor=1)
    assert total(lines_of(NOVEMBER, agreed(on(date(2020, 1, 1)), limit), "eur")) == 3000


def test_a_tariff_in_another_currency_waits_for_a_person() -> None:
    with pytest.raises(InvalidInput, match="is billed in USD; give it a tariff in that currency from 2026-11-01"):
        lines_of(NOVEMBER, agreed(on(date(2020, 1, 1))), "usd")


def test_a_ladder_is_that_of_the_tariff_that_an_account_had_last_in_the_period() -> None:
    strict = tariff("strict").evolve(ladder="7 warn, 14 suspend")
    mild = tariff("mild").evolve(ladder="20 remind")
    own = agreed(
        on(date(2020, 1, 1), november(9)),
        on(november(10), november(20), "strict"),
        on(date(2020, 1, 1), code="mild", account="2000008"),
        tariffs=[tariff(), strict, mild],
    )
    assert own.ladder(NOVEMBER) == strict.ladder
    assert own.ladder(Period("2026-10")) == own.ladder(Period("2026-12")) == mild.ladder
    assert Agreed().ladder(NOVEMBER) == ()
