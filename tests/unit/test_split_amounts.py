"""An amount beside a number: whatever the language, it is read exactly or refused, and never another amount."""

# ruff: noqa: RUF001 - signs of other alphabets
import csv
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import SalesUnavailable
from billing.sales.sales import RowFault, lines_for, type_of_cell
from billing.sales.split_amounts import begins_as_amount
from billing.sales.worksheet_names import Column
from tests.unit.months import customer
from tests.unit.worksheets import ACME, EMAIL, HEADER, LANGUAGES, PERIOD, read

VAT = ["email", "amount", "VAT", "description"]
AMOUNTS = [
    "234.50", "234", "234.5", "000", "5", "50-", "(500.00)", "+500", "−234.50", "12.", "'234.50", "1 234,50",
    "50 €", "50 EUR", "50 eur", "50 kr.", "50 zł", "50 euros", "50,- Fr.", "50 KM", "50 грн", "234円", "500 CR",
    "$500.00", "EUR 500", "USD500", "Rs. 500", "kr 500", "50 Swiss francs", "50 US dollars", "50 netto", "50 incl. VAT",
    "\u200e234.50", "234\u200b.50", "２３４．５０",
    "50/month", "234.50/month", "50 € a month", "234.50 a month", 234.5, 0, -5,
]  # fmt: skip
WORDS = [
    "2 chairs", "500 sheets of paper", "2 h", "3 kg", "2 tea cups", "4x tea", "3D print", "2nd visit", "2-day pass",
    "5 chairs, $100 each", "20%", "2026-11-03", "12.10.2026", "3/11", "10:30", "1/2 day", "No. 5", "№ 5", "#17", "Q4",
    "10月分", "Tea", "", None, True,
]  # fmt: skip


def faults(*rows: Sequence[Any]) -> list[RowFault | None]:
    return [row.fault for row in read(*rows).rows]


@pytest.mark.parametrize("cell", AMOUNTS)
def test_a_number_is_an_amount_whatever_stands_around_it(cell: type_of_cell) -> None:
    assert begins_as_amount(cell)
    assert faults(HEADER, [EMAIL, "12", cell]) == [RowFault.SPLIT_AMOUNT]
    assert faults(VAT, [EMAIL, "12", cell, "Tea"]) == [RowFault.SPLIT_AMOUNT]


@pytest.mark.parametrize("cell", WORDS)
def test_a_number_of_something_is_a_description(cell: type_of_cell) -> None:
    assert not begins_as_amount(cell)
    for amount in ("12", "1,234", "$5", 12, 12.5):
        assert faults(HEADER, [EMAIL, amount, cell]) == [None]
    assert faults([EMAIL, "12", cell]) == [None]


@pytest.mark.parametrize("amount", ["12.50", "-5.0", "$1.50", "1,234", "12,50", "1.5 EUR"])
def test_an_amount_with_decimals_or_in_quotes_is_complete(amount: str) -> None:
    assert faults(HEADER, [EMAIL, amount, "2026"]) == [None]
    assert faults(VAT, [EMAIL, amount, "19.00", "Tea"]) == [None]


@pytest.mark.parametrize("amount", ["1.234", "1.230", "1", "-1", "−1", "$1", "¥1", "1 234", "1'234", 1, 1.23, 12.5])
def test_an_amount_that_a_comma_may_follow_is_not(amount: type_of_cell) -> None:
    assert faults(HEADER, [EMAIL, amount, "50"]) == [RowFault.SPLIT_AMOUNT]


@pytest.mark.parametrize(
    ("dash", "fault"), [("-", RowFault.SPLIT_AMOUNT), ("- €", RowFault.SPLIT_AMOUNT), ("- chairs", None)]
)
def test_a_dash_ends_a_number_whose_form_is_lost(dash: str, fault: RowFault | None) -> None:
    """``1.000,-`` is 1 and a dash after Google's import; as text it is in doubt by itself."""
    assert faults(HEADER, [EMAIL, 1, dash]) == [fault]
    assert faults(HEADER, [EMAIL, "1", dash]) == [None]
    if fault:
        with pytest.raises(SalesUnavailable, match="no header, and two columns of numbers"):
            read([EMAIL, 1, dash])


def test_a_number_for_a_description_before_the_amount_may_be_its_beginning() -> None:
    header = ["email", "description", "amount"]
    rows = [[EMAIL, "2 chairs", "234.50"], [EMAIL, "1", "234.50"], [EMAIL, "1", "1,234.50"]]
    assert faults(header, *rows) == [None, RowFault.SPLIT_AMOUNT, RowFault.SPLIT_AMOUNT]
    assert faults(["email", "", "amount"], [EMAIL, "1", "234.50"]) == [RowFault.SPLIT_AMOUNT]
    assert faults(["email", "quantity", "amount"], [EMAIL, "1", "234.50"]) == [None]


def test_a_number_that_moves_into_the_place_of_the_amount_is_not_charged() -> None:
    """The row lacks its description; what follows the amount is read as the amount."""
    assert faults(["email", "description", "amount", "VAT"], [EMAIL, "500.00", "20"]) == [RowFault.SPLIT_AMOUNT]


def test_the_reason_says_what_to_do() -> None:
    _, (problem,) = lines_for(ACME, PERIOD, read(HEADER, [EMAIL, "$1", "234.50"]))
    assert "an amount with a comma in quotes" in problem.reason
    assert "let a column of words follow the amount" in problem.reason


# -- any amount, unquoted


def imported(cells: list[str]) -> list[type_of_cell]:
    """As Google imports a CSV file: numbers lose their form."""
    numbers = [re.fullmatch(r"\$?(-?\d+(?:\.\d+)?)", cell) for cell in cells]
    return [cell if match is None else float(match[1]) for cell, match in zip(cells, numbers, strict=True)]


SPLIT = ["$1,234.50", "€1,234.50", "1,234.50 EUR", "1, 234.50", "¥1,234", "−1,234.50", "1234,50", "1,234,567.50"]
SPLIT_BY_A_DECIMAL_COMMA = ["1.234,50", "1 234,50", "12,50 €", "12,5", "-12,50", "1'234,50 Fr.", "12,50 net"]


@pytest.mark.parametrize("currency", ["eur", "usd", "jpy"])
@pytest.mark.parametrize("text", [*SPLIT, *SPLIT_BY_A_DECIMAL_COMMA])
@pytest.mark.parametrize("line", ["{},{}", "{},{},Tea", "{},{},,", "{},{},2 chairs"])
@pytest.mark.parametrize("header", [HEADER, VAT])
def test_an_amount_in_two_cells_charges_nobody(header: list[str], line: str, text: str, currency: str) -> None:
    (row,) = csv.reader([line.format(EMAIL, text)])
    for cells in (row, imported(row)):
        found = read(header, cells, ["ben@example.com", "1.00", "Tea"])
        for separator in ".,":
            lines, problems = lines_for(customer(currency=currency), PERIOD, found, separator)
            assert (lines, len(problems)) == ((), 1)


class Written(NamedTuple):
    """A way to write amounts: separators of thousands and decimals, and what is around the number."""

    thousands: str
    decimal: str
    form: str

    def of(self, amount_minor: int, digits: int) -> str:
        whole, fraction = divmod(amount_minor, 10**digits)
        text = f"{whole:,}".replace(",", self.thousands)
        if fraction or (digits and self.decimal == "."):
            text += f"{self.decimal}{fraction:0{digits}}"
        return self.form.format(text)


BLANKS = ["", " ", "\u00a0", "\u202f", "'", "’", ", "]
written = st.builds(
    Written,
    st.sampled_from([",", ".", *BLANKS]),
    st.sampled_from([".", ",", ", "]),
    st.sampled_from(
        ["{}", "{} {code}", "{code} {}", "{code}{}", "{sign}{}", "{sign} {}", "{} {sign}", "{}{sign}", "{},-", "{} net"]
    ),
)
CURRENCIES = {"eur": ("€", 2), "usd": ("$", 2), "jpy": ("¥", 0), "sek": ("kr", 2), "uah": ("грн", 2)}
minor = st.integers(0, 999) | st.integers(0, 99_999_999) | st.integers(0, 99_999).map(lambda amount: amount * 1000)


@given(
    names=st.sampled_from(LANGUAGES),
    unknown=st.lists(st.sampled_from(["VAT", "Quantity", "Notes", "№"]), unique=True, max_size=2),
    filler=st.sampled_from(["", "x", "7", "20.00", "2 chairs", "Tea"]),
    currency=st.sampled_from(sorted(CURRENCIES)),
    amount_minor=minor,
    is_credit=st.booleans(),
    form=written,
    decimal_separator=st.sampled_from([".", ","]),
    data=st.data(),
)
def test_an_amount_without_quotes_is_read_exactly_or_refused(
    names: tuple[str, ...],
    unknown: list[str],
    filler: str,
    currency: str,
    amount_minor: int,
    is_credit: bool,
    form: Written,
    decimal_separator: str,
    data: st.DataObject,
) -> None:
    owner = customer(currency=currency)
    sign, digits = CURRENCIES[currency]
    form = form._replace(form=form.form.replace("{sign}", sign).replace("{code}", currency.upper()))
    text = ("-" if is_credit else "") + form.of(amount_minor, digits)
    order: list[str] = data.draw(st.permutations([*Column, *unknown]))
    values = {Column.EMAIL: EMAIL, Column.AMOUNT: text, Column.CURRENCY: currency.upper()}
    cells = [values.get(name, filler) for name in order]  # type: ignore[call-overload]
    amount_at = order.index(Column.AMOUNT)
    may_lack = [place for place in range(amount_at + 1, len(order)) if order[place] != Column.EMAIL]
    if amount_at and order[amount_at - 1] == Column.DESCRIPTION:
        may_lack.append(amount_at - 1)
    if lacking := data.draw(st.sampled_from([None, *may_lack])):
        del cells[lacking]
    (row,) = csv.reader([",".join(cells)])
    titles = [names[list(Column).index(Column(name))] if name in list(Column) else name for name in order]
    other = [{Column.EMAIL: "ben@example.com", Column.AMOUNT: "1.00"}.get(name, "") for name in order]  # type: ignore[call-overload]
    for cells_read in (row, imported(row)) if "," in text else (row,):
        try:
            snapshot = read(titles, cells_read, other)
        except SalesUnavailable:
            continue
        lines, problems = lines_for(owner, PERIOD, snapshot, decimal_separator)
        assert len(lines) + len(problems) == 1, "nobody is forgotten"
        assert [line.amount_minor for line in lines] in ([], [-amount_minor if is_credit else amount_minor])
