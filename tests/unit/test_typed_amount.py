"""Amounts as spreadsheets write them: read as what they say, to the minor unit, or refused."""

# ruff: noqa: RUF001 - apostrophes as spreadsheets have them
import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.errors import InvalidInput
from billing.money import MAX_AMOUNT_MINOR, minor_digits, parse_amount, step_minor
from billing.typed_amount import is_mark

GROUPS = {".": [",", " ", "\u00a0", "\u202f", "\u2009", "'", "’"], ",": [".", " ", "\u00a0", "\u202f", "'", "’"]}
MARKS = {
    "eur": ["€", "EUR", "eur"],
    "usd": ["$", "US$", "USD"],
    "aud": ["$", "A$"],
    "jpy": ["¥", "JPY"],
    "isk": ["kr."],
}


@st.composite
def typed(draw: st.DrawFn) -> tuple[str, int, str, str]:
    """An amount as a spreadsheet of some country shows it: text, minor units, currency, decimal separator."""
    currency = draw(st.sampled_from([*MARKS, "chf", "bhd"]))
    separator = draw(st.sampled_from(".,"))
    step, digits = step_minor(currency), minor_digits(currency)
    amount_minor = draw(st.integers(-MAX_AMOUNT_MINOR // step + 1, MAX_AMOUNT_MINOR // step)) * step
    whole, _, fraction = f"{Decimal(abs(amount_minor)).scaleb(-digits):.{digits}f}".partition(".")
    grouped = re.sub(r"(?<=\d)(?=(\d{3})+$)", draw(st.sampled_from(["", *GROUPS[separator]])), whole)
    number = f"{grouped}{separator if digits else ''}{fraction}"
    minus = draw(st.sampled_from("-\u2212")) if amount_minor < 0 else ""
    space = draw(st.sampled_from(["", " ", "\u00a0"]))
    mark = draw(st.sampled_from(MARKS.get(currency, [currency.upper()])))
    forms = [
        minus + number,
        f"{minus}{mark}{space}{number}",
        f"{mark}{space}{minus}{number}",
        f"{minus}{number}{space}{mark}",
    ]
    return draw(st.sampled_from(forms)), amount_minor, currency, separator


@given(typed())
@example(("€ 1.234,56", 123456, "eur", ","))
@example(("$99", 9900, "aud", "."))
def test_what_a_spreadsheet_shows_is_read_to_the_minor_unit(amount: tuple[str, int, str, str]) -> None:
    text, amount_minor, currency, separator = amount
    assert parse_amount(text, currency, separator) == amount_minor


@given(
    st.text("0123456789.,' \u00a0-€$EUR()", max_size=14)
    | st.from_regex(r"-?[0-9]{1,3}([., '][0-9]{1,4}){0,3}", fullmatch=True),
    st.sampled_from(["eur", "usd", "jpy", "bhd"]),
    st.sampled_from(".,"),
)
def test_nothing_is_read_as_another_number_than_its_digits_say(text: str, currency: str, separator: str) -> None:
    """By other means than the product's: without all that only decorates, it is the same decimal number."""
    try:
        amount_minor = parse_amount(text, currency, separator)
    except InvalidInput:
        return
    bare = re.sub(r"[^\d,.]", "", text)
    whole, _, fraction = bare.partition(separator)
    thousands = re.split(r"[.,]", whole)
    assert all(len(each) == 3 for each in thousands[1:])
    assert not re.search(r"[.,]", fraction)
    exact = Decimal(f"{''.join(thousands)}.{fraction or 0}").scaleb(minor_digits(currency))
    assert amount_minor == (-exact if "-" in text else exact)


@pytest.mark.parametrize("separator", [".", ","])
def test_one_group_without_decimals_is_doubtful_where_a_currency_has_three(separator: str) -> None:
    group = "," if separator == "." else "."
    with pytest.raises(InvalidInput):
        parse_amount(f"1{group}234", "bhd", separator)
    assert parse_amount(f"1{group}234{separator}560", "bhd", separator) == 1_234_560
    assert parse_amount(f"1{group}234", "eur", separator) == 123_400


def test_a_sign_that_currencies_share_is_each_ones_own() -> None:
    assert [parse_amount("$5", currency) for currency in ("usd", "aud", "cad")] == [500] * 3
    for foreign in ("A$5", "€5", "5 AUD", "kr 5"):
        with pytest.raises(InvalidInput):
            parse_amount(foreign, "usd")


def test_a_currency_is_named_by_its_code_or_its_signs() -> None:
    assert all(is_mark(text, "eur") for text in ("EUR", " eur ", "€"))
    assert not any(is_mark(text, "eur") for text in ("USD", "$", "", "euros", "EUR/USD"))


@pytest.mark.parametrize("text", ["1,250.00-", "(1,250.00)", "1,250.00 CR", "+1,250.00"])
def test_a_bookkeepers_negative_is_for_a_person(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"write it like 1234\.50"):
        parse_amount(text, "eur")
