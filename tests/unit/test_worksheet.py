"""A worksheet is understood or refused: whatever the order, language and shape of its columns, nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidInput, SalesUnavailable
from billing.model import LINE_MAX
from billing.sales.sales import RowFault, SalesRow, SalesSnapshot, amount_of, lines_for
from billing.sales.worksheet import COLUMNS_MAX, read_worksheet
from billing.sales.worksheet_names import Column, column_named
from tests.unit.worksheets import ACME, EMAIL, HEADER, LANGUAGES, PERIOD, read, refusal


def typed(row: SalesRow) -> tuple[Any, ...]:
    return row.email, row.amount, row.description, row.currency, row.fault


# -- the header


@pytest.mark.parametrize("names", LANGUAGES, ids=lambda names: names[1])
def test_the_columns_have_names_in_the_usual_languages(names: tuple[str, ...]) -> None:
    assert [column_named(f" {name.upper()}: ") for name in names] == list(Column)
    assert [column_named(name) for name in names] == list(Column)


def test_a_quantity_before_the_amount_is_never_charged() -> None:
    found = read(["E-mail", "Quantity", "Amount", "Description"], [EMAIL, "2", "500.00", "Chairs"])
    (line,), problems = lines_for(ACME, PERIOD, found)
    assert (line.amount_minor, line.description, problems) == (50000, "Chairs", ())
    assert found.ignored_columns == ("Quantity",)
    assert found.columns == {"email": "E-mail", "amount": "Amount", "description": "Description"}


UNKNOWN = st.lists(st.sampled_from(["VAT", "Quantity", "Notes", "Customer", "Paid?", "№"]), unique=True, max_size=4)
values = st.sampled_from(["12.50", 7, "1,250.00", "x", None, True])


@given(
    names=st.sampled_from(LANGUAGES), unknown=UNKNOWN, cells=st.lists(values, min_size=1, max_size=5), data=st.data()
)
def test_columns_in_any_order_and_language_are_read_alike_and_the_others_named(
    names: tuple[str, ...], unknown: list[str], cells: list[Any], data: st.DataObject
) -> None:
    order = data.draw(st.permutations([*Column, *unknown]))
    titles = [names[list(Column).index(name)] if isinstance(name, Column) else name for name in order]
    rows = [
        {Column.EMAIL: EMAIL, Column.AMOUNT: cell, Column.DESCRIPTION: "Tea", Column.CURRENCY: "EUR"} for cell in cells
    ]
    found = read(titles, *([row.get(name, "999.99") for name in order] for row in rows))
    is_before_number = not {*order[order.index(Column.AMOUNT) + 1 :][:1]}.isdisjoint(unknown)
    faults = [RowFault.SPLIT_AMOUNT if is_before_number and cell == 7 else None for cell in cells]  # 7,999.99?
    assert [typed(row) for row in found.rows] == [
        (EMAIL, cell, "Tea", "EUR", fault) for cell, fault in zip(cells, faults, strict=True)
    ]
    assert set(found.ignored_columns) == set(unknown)


@given(
    title=st.sampled_from([["Sales of October"], ["", "2026"], ["Sales", "of", "October", "2026"], []]),
    rows=st.integers(0, 3),
)
def test_a_title_above_the_header_is_refused_by_its_row(title: list[str], rows: int) -> None:
    above = [title, *[[]] * rows]
    words = refusal(*above, HEADER, [EMAIL, "2", "Tea"])
    assert f"its header in row {len(above) + 1}; it must be the first row" in words


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (["email", "Net", "Gross"], "2 columns that may be the amount: 'Net' and 'Gross'"),
        (["email", "Amount", "Betrag"], "2 columns that may be the amount: 'Amount' and 'Betrag'"),
        (["email", "amount", "VAT amount"], "'amount' and 'VAT amount'"),
        (["email", "amount", "Price"], "'amount' and 'Price'"),
        (["email", "amount", "Total"], "'amount' and 'Total'"),
        (["email", "E-mail", "amount"], "2 columns that may be the email: 'email' and 'E-mail'"),
        (["email", "amount", "amount"], "2 columns that may be the amount"),
        (["email", "amount", "Währung", "currency"], "2 columns that may be the currency"),
        (["email", "Netto"], "no column 'amount': the first row is 'email', 'Netto'"),
        (["email", "Amount (EUR)"], "no column 'amount': the first row is 'email', 'Amount (EUR)'"),
        (["Kunde", "Betrag"], "no column 'email': the first row is 'Kunde', 'Betrag'"),
        (["email", "Amount", "Total EUR"], "2 columns that may be the amount: 'Amount' and 'Total EUR'"),
        (["email", "Amount", "Grand total"], "'Amount' and 'Grand total'"),
        (["email", "Amount", "Line total"], "'Amount' and 'Line total'"),
        (["email", "Amount", "Total due"], "'Amount' and 'Total due'"),
        (["email", "Amount", "Value"], "'Amount' and 'Value'"),
        (["email", "Amount", "Total (no VAT)"], "'Amount' and 'Total (no VAT)'"),
        (["email", "Amount", "Cost per hour"], "'Amount' and 'Cost per hour'"),
        (["email", "Amount", "EUR"], "'Amount' and 'EUR'"),
        (["email", "Amount", "Ammount"], "'Amount' and 'Ammount'"),
        (["email", "Amount", "AmountEUR"], "'Amount' and 'AmountEUR'"),
        (["email", "Сумма", "к оплате"], "'Сумма' and 'к оплате'"),
        (["email", "Betrag", "Zu zahlen"], "'Betrag' and 'Zu zahlen'"),
        (["email", "amount", "Curr"], "'Curr' may be the currency; name it 'currency', or remove it"),
        (["email", "amount", "Currency (ISO)"], "'Currency (ISO)' may be the currency"),
        (["email", "amount", "Cur."], "'Cur.' may be the currency"),
        (["email", "amount", "Curency"], "'Curency' may be the currency"),
        (["email", "amount", "currencyCode"], "'currencyCode' may be the currency"),
        (["email", "amount", "Waehrung"], "'Waehrung' may be the currency"),
        (["email", "amount", "Валюта платежа"], "'Валюта платежа' may be the currency"),
        (["email", "amount", "currency", "Invoice currency"], "'currency' and 'Invoice currency'"),
        (["Who", "What", "How much"], "neither a header nor a sale: 'Who', 'What', 'How much'"),
    ],
)
def test_a_header_that_could_mean_two_things_is_refused_with_what_was_seen(header: list[str], words: str) -> None:
    said = refusal(header, [EMAIL, "2", "500.00"])
    assert words in said
    assert "name" in said


@pytest.mark.parametrize(
    "name", ["Total hours", "Due date", "VAT rate", "VAT %", "Cost centre", "Sales rep", "Country", "Month", "Account"]
)
def test_a_column_that_is_neither_an_amount_nor_a_currency_is_ignored_and_named(name: str) -> None:
    assert read([*HEADER, name], [EMAIL, "5", "Tea", "x"]).ignored_columns == (name,)


@pytest.mark.parametrize("header", [["email", "amount", "Unit"], ["email", "amount", "", "description"]])
def test_a_column_of_currencies_is_never_ignored_whatever_its_name(header: list[str]) -> None:
    rows = [[EMAIL, "500", "JPY", "Tea"], [EMAIL, "5", "", "Cup"], [EMAIL, "5", "€", ""]]
    said = refusal(header, *(row[: len(header)] for row in rows))
    assert ("'Unit' may be" if header[2] else "column C may be") in said
    assert read(header, *(row[: len(header)] for row in [*rows, [EMAIL, "5", "each", ""]])).rows


@pytest.mark.parametrize("header", [[HEADER], []])
def test_a_currency_in_the_place_of_the_description_is_the_rows(header: list[list[str]]) -> None:
    found = read(*header, [EMAIL, "500", "JPY"], [EMAIL, "5", "EUR"], [EMAIL, "5", "all"])
    lines, (problem,) = lines_for(ACME, PERIOD, found)
    assert [line.amount_minor for line in lines] == [500, 500]
    assert problem.reason.startswith("the row is in JPY")


def test_a_second_header_further_down_is_refused() -> None:
    words = refusal(HEADER, [EMAIL, 1, "Tea"], ["Description", "Amount", "E-Mail"], ["Tea", 1, EMAIL])
    assert "a header in row 3" in words


# -- without a header


@pytest.mark.parametrize(
    "rows",
    [
        [[EMAIL, "2", "500.00", "Chairs"]],
        [[EMAIL, "2", "500.00"]],
        [[EMAIL, 2, 500]],
        [["Chairs", EMAIL, "500.00"]],
        [[EMAIL]],
        *([[EMAIL, "2", price]] for price in ("$500.00", "500 €", "EUR 500", "(500.00)", "+500", "-5", "5 kr.", "¥5")),
        [[EMAIL, "2", "Chairs"], [EMAIL, "2", "Chairs", "500.00"]],
        [["500.00", "Chairs"], [EMAIL, "2"]],
    ],
)
def test_without_a_header_columns_that_are_not_certain_are_refused(rows: list[list[Any]]) -> None:
    assert "the first row names the columns: email, amount" in refusal(*rows)


# -- anything


junk = st.sampled_from(
    [EMAIL, "ben@example.com", "", None, "E-mail", "Amount", "Net", "12.50", 7, 0.5, True, "a;b", "no sale", "x" * 600]
)


@given(st.lists(st.lists(junk, max_size=5), max_size=6), st.booleans())
def test_any_grid_is_refused_or_every_row_of_it_is_accounted_for(grid: list[list[Any]], headed: bool) -> None:
    grid = [HEADER, *grid] if headed else grid
    try:
        found = read_worksheet(PERIOD, grid)
    except SalesUnavailable as error:
        said = str(error)
    else:
        said = ""
        _is_accounted_for(grid, found)
    assert len(said) < 700


def _is_accounted_for(grid: list[list[Any]], found: SalesSnapshot) -> None:
    first = 2 if found.columns else 1
    filled = [
        number
        for number, row in enumerate(grid, start=1)
        if any(str(cell or "").strip() or cell is False or cell == 0 for cell in row)
    ]
    assert sorted([*(row.number for row in found.rows), *found.no_sale]) == [
        number for number in filled if number >= first
    ]
    assert SalesSnapshot.model_validate_json(found.model_dump_json()) == found
    for row in found.rows:
        try:
            amount_minor = amount_of(row, "eur")
        except InvalidInput:
            continue
        cells = grid[row.number - 1]
        place = [column_named(str(cell)) for cell in grid[0]].index(Column.AMOUNT) if found.columns else 1
        assert amount_minor == round(float(str(cells[place])) * 100)


def test_what_is_too_long_is_never_taken_for_what_it_begins_with() -> None:
    gap = " " * 1000
    found = read(
        ["email", "amount", "currency"],
        [EMAIL, f"1{gap}2", "EUR"],
        [EMAIL, "1", f"EUR{gap}x"],
        [f"{EMAIL}{gap}x", 1, ""],
    )
    lines, problems = lines_for(ACME, PERIOD, found)
    assert (lines, len(problems)) == ((), 3)
    assert all(len(str(row.amount)) <= LINE_MAX for row in found.rows)


def test_a_worksheet_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more than" in refusal(HEADER, [EMAIL, *["x"] * COLUMNS_MAX])
    monkeypatch.setattr("billing.sales.worksheet.ROWS_MAX", 3)
    assert "split or shorten it" in refusal(HEADER, *[[EMAIL, 1]] * 3)
