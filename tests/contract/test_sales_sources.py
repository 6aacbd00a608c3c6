"""What the application relies on when it reads a month's sales: one suite for all three sources."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.sheets.csv_sales import CsvSales
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sheets.http_sales import HttpSales
from billing.errors import SalesUnavailable
from billing.sales.sales import RowFault, SalesRow
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sales_api import sales_app
from tests.contract.sales_fixtures import NOVEMBER, Google, google, google_sheets

__all__ = ["google_sheets"]  # fixture
SECRETS = ["a secret of thirty-two characters"]


@dataclass
class Sales:
    """A source and the file behind it: all adapters are fed with CSV, as people would type it into the sheet."""

    source: GoogleSheetsSales | CsvSales | HttpSales
    worksheet: Path

    async def rows(self, typed: str) -> list[SalesRow]:
        self.worksheet.write_text(typed, encoding="utf-8")
        return list((await self.source.read(NOVEMBER)).rows)


@pytest.fixture(params=["google", "csv", "http"])
async def sales(request: pytest.FixtureRequest, serve, tmp_path: Path) -> Sales:
    if request.param == "http":
        url = await serve(Faults(sales_app(tmp_path, SECRETS)))
        return Sales(HttpSales(f"{url}/sales", SECRETS), tmp_path / "2026-11.csv")
    if request.param == "csv":
        return Sales(CsvSales(tmp_path), tmp_path / "2026-11.csv")
    stand_in = await google(serve, tmp_path)
    return Sales(stand_in.source, stand_in.worksheet)


async def test_rows_come_with_the_number_that_a_person_sees(sales: Sales) -> None:
    first, second = await sales.rows(
        "email,amount,description\nann@example.com,twelve,Séances ☕\n\n Bob@Example.com ,#REF!,\n"
    )
    assert first == SalesRow(number=2, email="ann@example.com", amount="twelve", description="Séances ☕")
    assert (second.number, second.email, second.amount) == (4, "Bob@Example.com", "#REF!")


async def test_columns_are_found_by_their_header_in_any_order(sales: Sales) -> None:
    (row,) = await sales.rows("Description,seller,Amount,Email\nTen hours,eve,x1,ann@example.com\n")
    assert row == SalesRow(number=2, email="ann@example.com", amount="x1", description="Ten hours")


async def test_all_columns_are_read_and_those_that_are_not_needed_are_named(sales: Sales) -> None:
    (row,) = await sales.rows("A,B,C,D,E,F,VAT,E-mail,Währung,Betrag\n1,2,3,4,5,6,20%,ann@example.com,EUR,x1\n")
    assert (row.email, row.amount, row.currency, row.fault) == ("ann@example.com", "x1", "EUR", None)
    snapshot = await sales.source.read(NOVEMBER)
    assert snapshot.ignored_columns == ("A", "B", "C", "D", "E", "F", "VAT")
    assert snapshot.columns == {"email": "E-mail", "amount": "Betrag", "currency": "Währung"}


async def test_a_cell_too_many_makes_a_row_unreadable(sales: Sales) -> None:
    first, second = await sales.rows(
        "email,amount,description\nann@example.com,1,234.50,Support\nann@example.com,1,Support,,\n"
    )
    assert (first.fault, second.fault) == (RowFault.MORE_CELLS, None)


async def test_without_a_header_the_columns_are_email_amount_description(sales: Sales) -> None:
    (row,) = await sales.rows("ann@example.com,x1,Ten hours\n")
    assert row == SalesRow(number=1, email="ann@example.com", amount="x1", description="Ten hours")


@pytest.mark.parametrize("amount", ["12,50", "1,234.56", "1 200", "#REF!", "-", "12.50.1", "€5", "NaN"])
async def test_odd_amounts_stay_the_text_that_was_typed(sales: Sales, amount: str) -> None:
    (row,) = await sales.rows(f'email,amount\nann@example.com,"{amount}"\n')
    assert row.amount == amount


async def test_header_alone_is_a_month_without_sales(sales: Sales) -> None:
    assert await sales.rows("email,amount,description\n") == []


@pytest.mark.parametrize("typed", ["", "\n\n", ",,\n"])
async def test_empty_worksheet_is_never_an_empty_month(sales: Sales, typed: str) -> None:
    with pytest.raises(SalesUnavailable, match=r"2026-11.*is empty"):
        await sales.rows(typed)


async def test_missing_worksheet_is_named_with_what_to_do(sales: Sales) -> None:
    with pytest.raises(SalesUnavailable, match=r"2026-11.*add it"):
        await sales.source.read(NOVEMBER)


async def test_same_cells_have_the_same_digest_and_an_edit_another(sales: Sales) -> None:
    sales.worksheet.write_text("email,amount\nann@example.com,12.5\n")
    digests = [(await sales.source.read(NOVEMBER)).digest for _ in range(2)]
    sales.worksheet.write_text("email,amount\nann@example.com,12.6\n")
    digests.append((await sales.source.read(NOVEMBER)).digest)
    assert digests[0] == digests[1] != digests[2]


async def test_a_number_has_another_digest_than_a_word_that_python_takes_for_it(google_sheets: Google) -> None:
    digests = set()
    for typed in ("1", "TRUE", "'1"):
        google_sheets.worksheet.write_text(f"email,amount\nann@example.com,{typed}\n")
        digests.add((await google_sheets.source.read(NOVEMBER)).digest)
    assert len(digests) == 3


@pytest.mark.parametrize("sales", ["google", "csv"], indirect=True)
async def test_ping_lists_the_months(sales: Sales) -> None:
    sales.worksheet.write_text("email,amount\n")
    assert await sales.source.ping() == ["2026-11"]
