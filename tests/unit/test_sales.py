"""From the cells of a worksheet to a customer's lines: nothing dropped, nothing misread, no bill of zero."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.address import email_key
from billing.errors import InvalidInput, SalesUnavailable
from billing.invoices.invoice import LineItem, Problem, Source
from billing.money import parse_amount
from billing.sales.sales import MAX_ROWS, lines_for, type_of_cell
from billing.sales.worksheet import read_worksheet
from tests.unit.months import customer
from tests.unit.worksheets import ACME, HEADER, PERIOD, read

cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
emails = st.sampled_from(["acme@example.com", " ACME@Example.com", "ben@example.com", "", "nobody"])


@pytest.mark.parametrize("rows", [[], [[]], [[], []], [["", None, "  "]]], ids=str)
def test_an_empty_worksheet_is_no_month_without_sales(rows: list[list[Any]]) -> None:
    with pytest.raises(SalesUnavailable, match="'2026-10' is empty"):
        read(*rows)


def test_only_a_header_row_is_a_month_without_sales() -> None:
    assert read(HEADER).rows == ()


def test_a_header_without_amounts_is_refused() -> None:
    with pytest.raises(SalesUnavailable, match="no column 'amount'"):
        read(["email", "description"], ["acme@example.com", "Hosting"])


def test_columns_are_found_by_their_header_in_any_order_and_case() -> None:
    snapshot = read(["Description", "notes", " EMAIL ", "Amount"], ["Hosting", "x", "acme@example.com", 12.5])
    (row,) = snapshot.rows
    assert (row.number, row.email, row.amount, row.description) == (2, "acme@example.com", 12.5, "Hosting")


def test_without_a_header_the_columns_are_email_amount_description() -> None:
    snapshot = read(["acme@example.com", 12.5, "Hosting"], ["ben@example.com", 7])
    assert [(row.number, row.email, row.amount, row.description) for row in snapshot.rows] == [
        (1, "acme@example.com", 12.5, "Hosting"),
        (2, "ben@example.com", 7, ""),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [["description", "address", "amount"], ["Hosting", "acme@example.com", 12.5]],
        [[], ["description", "email", "amount"], ["Hosting", "acme@example.com", 12.5]],
        [["email;amount;description"], ["acme, at example.com;12.50;Hosting"]],
    ],
    ids=str,
)
def test_columns_that_cannot_be_told_apart_make_no_bill_of_zero(
    rows: list[list[Any]],
) -> None:
    with pytest.raises(SalesUnavailable):
        read(*rows)


def test_rows_keep_the_numbers_that_a_person_sees_past_empty_ones() -> None:
    snapshot = read(HEADER, ["acme@example.com", 1], [], ["", None], ["acme@example.com", 2])
    assert [row.number for row in snapshot.rows] == [2, 5]


def test_a_cell_read_as_number_truth_value_or_text_stays_what_it_was() -> None:
    amounts = [1, 1.0, True, "1", None]
    snapshot = read(HEADER, *(["acme@example.com", amount] for amount in amounts))
    assert [(type(row.amount), row.amount) for row in snapshot.rows] == [(type(one), one) for one in amounts]


def test_the_digest_is_that_of_the_cells_as_one_json_array() -> None:
    cells: list[list[Any]] = [["email", "amount"], ["ann@example.com", 1.5, None, True], []]
    whole = hashlib.sha256(json.dumps(cells).encode()).hexdigest()
    assert read_worksheet("2026-10", cells).digest == whole


def test_the_digest_follows_the_cells() -> None:
    first = read(HEADER, ["acme@example.com", 1])
    assert first.digest == read(HEADER, ["acme@example.com", 1]).digest
    assert len(first.digest) == 64
    assert len({read(HEADER, ["acme@example.com", cell]).digest for cell in (1, 2, "1", True, None, "")}) == 6


def test_half_a_character_in_a_cell_does_not_stop_the_others() -> None:
    snapshot = read(HEADER, ["acme@example.com", 1, "half \ud83d"], ["ben@example.com", 2, "whole"])
    lines, _ = lines_for(ACME, PERIOD, snapshot)
    assert lines[0].model_dump_json()


def test_a_customers_rows_become_lines_whatever_the_case_of_the_email() -> None:
    snapshot = read(
        HEADER, ["ACME@example.com ", 100, "Hosting"], ["b@example.com", 1], ["acme@example.com", "20.5", ""]
    )
    lines, problems = lines_for(ACME, PERIOD, snapshot)
    assert problems == ()
    assert [(line.line_id, line.amount_minor, line.description) for line in lines] == [
        ("row-2", 10000, "Hosting"),
        ("row-4", 2050, "Sale in 2026-10"),
    ]
    assert lines[0].source is not None
    assert lines[0].source == Source(sheet="2026-10", row=2, digest=snapshot.digest)


@pytest.mark.parametrize("amount", ["1,23.56", "12,50", "NaN", "#REF!", "-0", "", None, True, "TRUE", 10.005])
def test_an_amount_that_cannot_be_read_is_a_problem_with_its_row(amount: str | float | bool | None) -> None:
    snapshot = read(HEADER, ["acme@example.com", 5, "Five"], ["acme@example.com", amount, "Odd"])
    lines, (problem,) = lines_for(ACME, PERIOD, snapshot)
    assert [line.amount_minor for line in lines] == [500]
    assert (problem.line_id, problem.description, problem.source.row) == ("row-3", "Odd", 3)
    assert problem.raw == ("" if amount is None else str(amount))
    assert problem.reason


def test_the_configured_decimal_separator_is_the_only_one() -> None:
    snapshot = read(HEADER, ["acme@example.com", "12,50"], ["acme@example.com", "12.50"], ["acme@example.com", 12.5])
    lines, (problem,) = lines_for(ACME, PERIOD, snapshot, decimal_separator=",")
    assert [(line.line_id, line.amount_minor) for line in lines] == [("row-2", 1250), ("row-4", 1250)]
    assert problem.line_id == "row-3"


def test_a_customer_without_rows_has_nothing_due() -> None:
    assert lines_for(ACME, PERIOD, read(HEADER, ["ben@example.com", 1])) == ((), ())


@given(st.lists(st.tuples(emails, cells, cells), max_size=8))
def test_every_row_of_a_customer_is_a_line_or_a_problem(rows: list[tuple[str, object, object]]) -> None:
    rows = [("ben@example.com", 1, ""), *rows]
    snapshot = read(HEADER, *rows)
    lines, problems = lines_for(ACME, PERIOD, snapshot)
    theirs = [number for number, row in enumerate(rows, start=2) if email_key(row[0]) == ACME.email]
    found: list[LineItem | Problem] = [*lines, *problems]
    assert sorted(int(one.line_id.removeprefix("row-")) for one in found) == theirs
    for line in lines:
        assert line.source is not None
        assert parse_amount(rows[line.source.row - 2][1], "eur") == line.amount_minor
    for one in found:
        assert 1 <= len(one.description) <= 500
        assert one.model_dump_json()


def test_more_rows_than_a_month_can_carry_are_a_persons_business() -> None:
    row: list[type_of_cell] = ["acme@example.com", 1]
    cells: list[list[type_of_cell]] = [["email", "amount"], *[row] * (MAX_ROWS + 1)]
    with pytest.raises(InvalidInput, match="acme has more than 2000 rows in worksheet 2026-10"):
        lines_for(customer(), PERIOD, read_worksheet("2026-10", cells))


def test_the_rows_are_sorted_once_however_many_customers_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[str] = []

    def fold(email: str) -> str:
        folded.append(email)
        return email_key(email)

    monkeypatch.setattr("billing.sales.sales.email_key", fold)
    addresses = [f"c{n}@example.com" for n in range(50)]
    snapshot = read(HEADER, *([address.upper(), 1] for address in addresses))
    for address in addresses:
        lines, problems = lines_for(customer(email=address), PERIOD, snapshot)
        assert (len(lines), problems) == (1, ())
    assert len(folded) == len(addresses)
