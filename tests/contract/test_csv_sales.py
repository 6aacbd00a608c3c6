"""A month's sales in a CSV file: cells are text, and what cannot be read is never an empty month."""

from pathlib import Path

import pytest

from adapters.sheets.csv_sales import CsvSales
from billing.errors import SalesUnavailable
from billing.sales.sales import RowFault
from tests.contract.sales_fixtures import NOVEMBER, Google, google_sheets

__all__ = ["google_sheets"]  # fixture


async def test_csv_row_that_lacks_a_cell_is_unreadable_and_a_sheet_has_all_its_cells(
    google_sheets: Google, tmp_path: Path
) -> None:
    typed = "email,discount,amount,description\nann@example.com,20,500\nann@example.com,20,500,\n"
    for path in (google_sheets.worksheet, tmp_path / "2026-11.csv"):
        path.write_text(typed)
    snapshots = [await each.read(NOVEMBER) for each in (CsvSales(tmp_path), google_sheets.source)]
    assert [[row.fault for row in each.rows] for each in snapshots] == [[RowFault.FEWER_CELLS, None], [None, None]]


async def test_csv_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,1\n")
    monkeypatch.setattr("adapters.sheets.csv_sales.BYTES_MAX", 10)
    with pytest.raises(SalesUnavailable, match="has more than"):
        await CsvSales(tmp_path).read(NOVEMBER)


async def test_csv_cells_are_text(tmp_path: Path) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,12.50\n")
    (row,) = (await CsvSales(tmp_path).read(NOVEMBER)).rows
    assert row.amount == "12.50"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("email,amount\nrené@example.com,1\n".encode("latin-1"), "not UTF-8"),
        ("email,amount\nann@example.com,1\n".encode("utf-16"), "not UTF-8"),
        (b'email,amount\nann@example.com,"1\nbob@example.com,2\n', "not CSV"),
        (b"email;amount\nann@example.com;12,50\n", "not separated into columns"),
        (b"email\tamount\nann@example.com\t12,50\n", "not separated into columns"),
        (b"email|amount\nann@example.com|12\n", "not separated into columns"),
        (b'"email,amount"\n"ann@example.com,12"\n', "not separated into columns"),
        (b'email,amount\n"ann@example.com,12"\n', "not separated into columns"),
        (b"email,amount\nann@example.com|12\n", "not separated into columns"),
    ],
)
async def test_csv_that_cannot_be_read_is_never_an_empty_month(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "2026-11.csv").write_bytes(content)
    with pytest.raises(SalesUnavailable, match=f"2026-11.*is {told}.*save it as CSV UTF-8"):
        await CsvSales(tmp_path).read(NOVEMBER)


async def test_csv_with_a_byte_order_mark_has_its_header(tmp_path: Path) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,1\n", encoding="utf-8-sig")
    assert [row.number for row in (await CsvSales(tmp_path).read(NOVEMBER)).rows] == [2]


async def test_csv_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SalesUnavailable, match="nowhere"):
        await CsvSales(tmp_path / "nowhere").ping()
    (tmp_path / "2026-11.csv").mkdir()
    with pytest.raises(SalesUnavailable, match="cannot be read"):
        await CsvSales(tmp_path).read(NOVEMBER)
