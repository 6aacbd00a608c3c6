"""Money: what a cell is read as, what is refused, and Stripe's rules for every currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import money
from billing.errors import InvalidInput
from billing.money import (
    MAX_AMOUNT_MINOR,
    currency_code,
    format_amount,
    minor_digits,
    parse_amount,
    step_minor,
)
from billing.payments import methods
from billing.payments.methods import CardOnFile

ZERO_DECIMAL = ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
THREE_DECIMAL = ["bhd", "jod", "kwd", "omr", "tnd"]
WHOLE_UNITS_ONLY = ["isk", "ugx"]
CURRENCIES = sorted(money._ZERO_DECIMAL | money._TWO_DECIMAL | money._THREE_DECIMAL)

currencies = st.sampled_from(CURRENCIES)


@st.composite
def chargeable(draw: st.DrawFn) -> tuple[int, str]:
    """An amount that its currency has, credits included."""
    currency = draw(currencies)
    step = step_minor(currency)
    return draw(st.integers(-MAX_AMOUNT_MINOR // step + 1, MAX_AMOUNT_MINOR // step)) * step, currency


@given(chargeable())
def test_what_is_shown_reads_back_as_the_same_amount(amount: tuple[int, str]) -> None:
    amount_minor, currency = amount
    shown, code = format_amount(amount_minor, currency).split(" ")
    assert code == currency.upper()
    assert parse_amount(shown, currency) == amount_minor
    assert parse_amount(Decimal(shown), currency) == amount_minor
    assert parse_amount(float(shown) + 0.0, currency) == amount_minor
    assert parse_amount(shown.replace(".", ","), currency, decimal_separator=",") == amount_minor


@given(st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR), currencies)
def test_an_amount_has_as_many_decimals_as_its_currency(amount_minor: int, currency: str) -> None:
    number = format_amount(amount_minor, currency).split(" ")[0]
    assert len(number.partition(".")[2]) == minor_digits(currency)
    assert int(number.replace(".", "")) == amount_minor


@given(st.lists(st.integers(-99_999, 99_999), min_size=1, max_size=8))
def test_floats_that_a_sheet_has_added_up_read_as_the_exact_sum(cents: list[int]) -> None:
    total = 0.0
    for amount in cents:
        total += amount / 100
    assert parse_amount(total + 0.0, "eur") == sum(cents)


@given(st.floats() | st.decimals() | st.integers(-(10**25), 10**25) | st.text(max_size=20) | st.none(), currencies)
def test_any_cell_is_an_amount_that_can_be_charged_or_refused(cell: object, currency: str) -> None:
    try:
        amount_minor = parse_amount(cell, currency)
    except InvalidInput:
        return
    assert abs(amount_minor) <= MAX_AMOUNT_MINOR
    assert amount_minor % step_minor(currency) == 0


def test_zero_decimal_currencies_have_no_minor_unit() -> None:
    for currency in ZERO_DECIMAL:
        assert parse_amount("1234", currency) == 1234
        assert parse_amount(1234.0, currency) == 1234
        with pytest.raises(InvalidInput):
            parse_amount("12.50", currency)
        with pytest.raises(InvalidInput, match="more digits"):
            parse_amount(12.5, currency)


def test_three_decimal_currencies_end_in_zero() -> None:
    for currency in THREE_DECIMAL:
        assert parse_amount("1.23", currency) == 1230
        assert parse_amount("1.230", currency) == 1230
        with pytest.raises(InvalidInput, match="more digits"):
            parse_amount("1.234", currency)


def test_isk_and_ugx_are_charged_in_whole_units_but_counted_in_hundredths() -> None:
    for currency in WHOLE_UNITS_ONLY:
        assert parse_amount("1500", currency) == 150_000
        assert parse_amount(1500, currency) == 150_000
        with pytest.raises(InvalidInput, match="more digits"):
            parse_amount("1500.50", currency)


def test_every_other_currency_has_hundredths() -> None:
    others = set(CURRENCIES) - set(ZERO_DECIMAL) - set(THREE_DECIMAL) - set(WHOLE_UNITS_ONLY)
    assert {"eur", "usd", "gbp", "huf", "twd"} <= others
    for currency in others:
        assert parse_amount("12.5", currency) == 1250
        assert parse_amount("12.05", currency) == 1205


@pytest.mark.parametrize(
    ("codes", "least"),
    [
        ("usd ars aud brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd zar", 50),
        ("gbp", 30),
        ("pln ron aed myr", 200),
        ("czk", 1500),
        ("dkk", 250),
        ("sek nok", 300),
        ("hkd", 400),
        ("mxn thb", 1000),
        ("huf", 17500),
        ("bhd isk vnd", 1),
    ],
)
def test_the_least_that_can_be_charged_is_the_processors(codes: str, least: int) -> None:
    assert [CardOnFile.minimum_minor(code) for code in codes.split()] == [least] * len(codes.split())


REFUSED = [
    "12,50", "1.234,56", "1,23", "1,23.50", "0,123", "1,234,56", "1,234 567", "1, 234", "12,3456", ",123", "1,00,000",
    "NaN", "nan", "inf", "-inf", "Infinity", "#REF!", "#N/A", "-0", "-0.00", "", "   ", "TRUE", "1e3", "1E3", "0x10",
    "1_000", "+5", "--5", "12.", ".5", "5-", "(5.00)", "5.001", "€", "€5€", "5 EUR €", "$5", "5 USD", "- 5", "-€-5",
    "€5-", "5%", "½", "\u0661\u0662", "\uff11\uff12", "1\n2", "10000000000", "9" * 16, "9" * 400, True, False, None,
    float("nan"), float("inf"), float("-inf"), -0.0, 10.005, 0.001, 1e300, 1e18, 10**10, Decimal("NaN"),
    Decimal("sNaN"), Decimal("-0"), Decimal("1E+400"),
]  # fmt: skip


@pytest.mark.parametrize("cell", REFUSED, ids=repr)
def test_what_could_mean_something_else_is_refused(cell: object) -> None:
    with pytest.raises(InvalidInput):
        parse_amount(cell, "eur")


def test_a_refusal_says_what_to_write_instead() -> None:
    with pytest.raises(InvalidInput, match=r"'12,50' is not an amount in EUR; write it like 1234\.50"):
        parse_amount("12,50", "eur")
    with pytest.raises(InvalidInput, match=r"write it like 1234,50"):
        parse_amount("12.50", "eur", decimal_separator=",")
    with pytest.raises(InvalidInput, match=r"write it like 1234$"):
        parse_amount("12.50", "jpy")
    with pytest.raises(InvalidInput, match="the amount is empty"):
        parse_amount(None, "eur")
    with pytest.raises(InvalidInput, match=r"more than the 9999999999\.99 EUR limit"):
        parse_amount("10000000000", "eur")


def test_a_card_takes_twelve_digits_in_every_currency() -> None:
    """A million pesos are some 250 dollars, a billion dong some 40,000."""
    for currency in CURRENCIES:
        digits, step = minor_digits(currency), step_minor(currency)
        amount_minor = MAX_AMOUNT_MINOR // step * step
        assert parse_amount(Decimal(amount_minor).scaleb(-digits), currency) == amount_minor
        assert CardOnFile.maximum_minor(currency) == MAX_AMOUNT_MINOR == 999_999_999_999
        with pytest.raises(InvalidInput, match=f"limit|not an amount in {currency.upper()}"):
            parse_amount(str(10 ** (12 - digits)), currency)
    assert parse_amount("1250000.00", "cop") == 125_000_000
    assert parse_amount("9999999999.99", "idr") == 999_999_999_999
    assert parse_amount("250000000", "vnd") == 250_000_000


def test_the_caribbean_guilder_can_be_charged() -> None:
    assert parse_amount("12.50", currency_code("XCG")) == 1250


@pytest.mark.parametrize(
    ("cell", "amount_minor"),
    [
        (0.1 + 0.2, 30), (1.1 + 2.2, 330), (0, 0), (0.0, 0), ("0", 0), ("0.00", 0), (100, 10000), (20.5, 2050),
        ("-12.50", -1250), (-12.5, -1250), (" 7 ", 700), ("007", 700), (9999999999.99, MAX_AMOUNT_MINOR),
        ("-9999999999.99", -MAX_AMOUNT_MINOR), (4.35, 435), (1.005 * 100, 10050),
    ],
)  # fmt: skip
def test_numbers_are_read_to_the_minor_unit(cell: object, amount_minor: int) -> None:
    assert parse_amount(cell, "eur") == amount_minor


def test_a_currency_is_read_in_any_case_and_an_unknown_one_refused() -> None:
    assert currency_code(" EUR ") == "eur"
    assert {currency_code(code.upper()) for code in CURRENCIES} == set(CURRENCIES)
    for unknown in ("", "euro", "btc", "xyz", "eu", "EUR USD"):
        with pytest.raises(InvalidInput, match="is not a currency that can be charged"):
            currency_code(unknown)


def test_no_currency_has_two_kinds_of_minor_unit() -> None:
    kinds = [money._ZERO_DECIMAL, money._TWO_DECIMAL, money._THREE_DECIMAL]
    assert len(CURRENCIES) == sum(len(kind) for kind in kinds)
    assert set(methods._MINIMUM_MINOR) <= set(CURRENCIES)
    assert all(CardOnFile.minimum_minor(currency) <= MAX_AMOUNT_MINOR for currency in CURRENCIES)
