"""Rows of a worksheet: which stop their customer, which are nobody's, and which are no sale."""

from typing import Any

import pytest

from billing.sales.sales import RowFault, lines_for
from billing.sales.worksheet import NO_SALE
from tests.unit.worksheets import ACME, EMAIL, HEADER, PERIOD, read, refusal

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
