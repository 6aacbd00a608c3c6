"""A worksheet is understood or refused: whatever the order, language and shape of its columns, nothing is guessed."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidInput, SalesUnavailable
from billing.model import LINE_MAX
from billing.sales.sales import RowFault, SalesRow, SalesSnapshot, amount_of, lines_for
from billing.sales.worksheet import COLUMNS_MAX, NO_SALE, read_worksheet
from billing.sales.worksheet_names import Column, column_named
from tests.unit.worksheets import ACME, EMAIL, HEADER, LANGUAGES, PERIOD, read


def typed(row: SalesRow) -> tuple[Any, ...]:
    return row.email, row.amount, row.description, row.currency, row.fault


def refusal(*rows: Sequence[Any]) -> str:
    with pytest.raises(SalesUnavailable) as refused:
        read(*rows)
    return str(refused.value)


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


# -- cells


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ([EMAIL, "1", "234.50", "Support"], RowFault.MORE_CELLS),
        ([EMAIL, "12", "50", "Support"], RowFault.MORE_CELLS),
        ([EMAIL, "1", "234.50"], RowFault.SPLIT_AMOUNT),
        ([EMAIL, "12", "50"], RowFault.SPLIT_AMOUNT),
        ([EMAIL, "-1", "234"], RowFault.SPLIT_AMOUNT),
        (["", EMAIL, "1"], RowFault.MISPLACED),
        (["Acme", "1", EMAIL], RowFault.MISPLACED),
        ([EMAIL, "1", "Support", "", None, "  "], None),
        ([EMAIL, 12, "50"], RowFault.SPLIT_AMOUNT),
        ([EMAIL, "1", "2026"], RowFault.SPLIT_AMOUNT),
        ([EMAIL, "1"], None),
        ([EMAIL, "12.50", "50"], None),
    ],
)
def test_a_row_whose_amount_may_be_in_other_cells_stops_its_customer(row: list[Any], fault: RowFault | None) -> None:
    found = read(HEADER, row, ["ben@example.com", "1", ""])
    assert found.rows[0].fault is fault
    lines, problems = lines_for(ACME, PERIOD, found)
    assert (len(lines), len(problems)) == ((0, 1) if fault else (1, 0))
    assert all(problem.reason and problem.source.row == 2 for problem in problems)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["email", "amount", "notes", "description"], [EMAIL, "1", "234.50", "Support"]),
        (["description", "amount", "email"], ["Support", "1", "234.50", EMAIL]),
        (["discount", "email", "amount"], [EMAIL, "500"]),
        (["amount", "email"], ["1", "234.50", EMAIL]),
    ],
)
def test_a_customer_whose_row_has_moved_is_stopped_and_not_forgotten(header: list[str], row: list[str]) -> None:
    other = ["1" if name == "amount" else "ben@example.com" if name == "email" else "" for name in header]
    lines, problems = lines_for(ACME, PERIOD, read(header, row, other))
    assert (len(lines), len(problems)) == (0, 1)


@pytest.mark.parametrize("row", [[EMAIL, "12", "50", ""], [EMAIL, "1", "250", ""], [EMAIL, "12", "5", "", ""]])
def test_an_amount_in_two_cells_is_seen_where_an_empty_one_ends_the_row(row: list[str]) -> None:
    """As a program writes ``12,50`` without quotes, and the last column, which is empty."""
    header = ["email", "amount", "note"]
    assert read(header, row).rows[0].fault is RowFault.SPLIT_AMOUNT
    assert read([*header, "", ""], row).rows[0].fault is RowFault.SPLIT_AMOUNT
    assert read(header, [EMAIL, "12", "", ""]).rows[0].fault is None


def test_a_row_that_lacks_a_cell_before_the_amount_stops_its_customer() -> None:
    found = read(["email", "discount", "amount", "description"], [EMAIL, "500.00", "20"], [EMAIL, "", "7", "Tea"])
    assert [row.fault for row in found.rows] == [RowFault.FEWER_CELLS, None]
    assert read(["email", "amount", "discount", "description"], [EMAIL, "500.00"]).rows[0].fault is None


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
@pytest.mark.parametrize("joined", ["all", "header", "rows", "one row"])
def test_lines_in_one_cell_are_refused(separator: str, joined: str) -> None:
    sales = [[EMAIL, "500", "Chairs"], ["ben@example.com", "7", "Tea"]]
    header = [separator.join(HEADER)] if joined in ("all", "header") else HEADER
    rows = [[separator.join(row)] if joined in ("all", "rows") else row for row in sales]
    if joined == "one row":
        rows[1] = [separator.join(sales[1])]
    assert "not separated into columns" in refusal(header, *rows)


WRAPPED = ["Acme <{}>", "mailto:{}", "{} 500.00 Chairs", "{}:500", "({})", "<{}>", "Acme {}", "{}.", "mailto:{}?cc=x"]


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_an_address_that_is_not_alone_in_its_cell_stops_its_customer_or_the_worksheet(wrapped: str) -> None:
    row = [wrapped.format(EMAIL), "12", "Tea"]
    assert "no row has an email address, and nothing else" in refusal(HEADER, row, row[:1])
    lines, problems = lines_for(ACME, PERIOD, read(HEADER, row, ["ben@example.com", "1", ""]))
    assert (lines, [problem.source.row for problem in problems]) == ((), [2])
    assert "not alone in its column" in problems[0].reason


@pytest.mark.parametrize("cell", ["@", "acme@example", "acme @ example.com", "acme at example.com", "@example.com"])
def test_a_worksheet_without_one_real_address_is_refused(cell: str) -> None:
    assert "no row has an email address" in refusal(HEADER, [cell, "12", "Tea"])
    assert read(HEADER, [cell, "12", "Tea"], [EMAIL, "1", ""]).rows[0].fault is None


def test_two_addresses_in_one_cell_are_nobodys_and_no_reason_to_stop_everybody() -> None:
    assert read(HEADER, ["ann@example.com, ben@example.com"], [EMAIL, 1]).rows[0].fault is None


def test_merged_cells_leave_rows_that_are_kept() -> None:
    """The API answers the value in the first cell of a merged range, and empty ones for the rest."""
    found = read(HEADER, [EMAIL, 10, "Tea"], ["", 20, "Cup"], [EMAIL, None, "Pot"])
    assert [(row.number, row.email, row.amount) for row in found.rows] == [
        (2, EMAIL, 10),
        (3, "", 20),
        (4, EMAIL, None),
    ]
    _, (problem,) = lines_for(ACME, PERIOD, found)
    assert (problem.line_id, problem.reason) == ("row-4", "the amount is empty")


def test_a_column_without_a_name_is_named_by_its_letter_if_there_is_anything_in_it() -> None:
    found = read(["email", "", "", "amount"], [EMAIL, "", "x", 10], ["ben@example.com", "", "", 7])
    assert found.ignored_columns == ("column C",)


# -- currencies


def test_a_row_in_another_currency_stops_and_the_own_one_passes() -> None:
    rows = [[EMAIL, "1", code] for code in ("EUR", "eur ", "€", "", None, "USD", "$", "euros")]
    lines, problems = lines_for(ACME, PERIOD, read(["email", "amount", "currency"], *rows))
    assert [line.amount_minor for line in lines] == [100] * 5
    assert [problem.raw for problem in problems] == ["1 USD", "1 $", "1 euros"]
    assert problems[0].reason.startswith("the row is in USD, the customer is billed in EUR")


# -- rows that are no sale


def test_a_row_that_says_no_sale_is_none_and_is_named() -> None:
    found = read(HEADER, [EMAIL, 10, "Tea"], [f" {NO_SALE.upper()} ", 10, "Total"], ["TOTAL", 10, ""], ["-", 10, ""])
    assert found.no_sale == (3,)
    assert [row.number for row in found.rows] == [2, 4, 5]


def test_a_month_without_sales_may_have_a_total() -> None:
    assert read(HEADER, ["no sale", 0, "Total"]).rows == ()


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
