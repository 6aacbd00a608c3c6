"""The Google Sheets stand-in behaves as Sheets does, as seen through gspread."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gspread
import pytest
import requests

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sheets_api import sheets_app

BOOK = "1AbC-sales_2026"
TYPED = """\
email,amount,text,flag,day,note
ann@example.com,12.5,'00123,TRUE,2026-11-03,
bob@example.com,-3,"'12,50",false,2026-13-01,#REF!
cat@example.com,1200,"1,234.56",,,
,,,,,
"""
RAW = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"}


@dataclass
class Stand:
    url: str
    worksheet: Path
    google: gspread.Client

    async def values(self, cells: str, **params: str) -> dict[str, Any]:
        return await asyncio.to_thread(self.google.http_client.values_get, BOOK, cells, dict(params))


def client(url: str) -> gspread.Client:
    class Local(gspread.HTTPClient):
        def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> requests.Response:
            local = endpoint.replace("https://sheets.googleapis.com", url)
            return super().request(method, local, *args, **kwargs)

    no_credentials: Any = None
    return gspread.authorize(no_credentials, session=requests.Session(), http_client=Local)


@pytest.fixture
async def stand(serve, tmp_path: Path) -> Stand:
    book = tmp_path / BOOK
    book.mkdir()
    (book / "2026-11.csv").write_text(TYPED)
    (book / "Ann's list.csv").write_text("a,b\n")
    (book / "empty.csv").write_text("")
    url = await serve(Faults(sheets_app(tmp_path)))
    return Stand(url, book / "2026-11.csv", client(url))


async def test_unformatted_cells_have_the_type_that_sheets_takes_them_for(stand: Stand) -> None:
    answer = await stand.values("'2026-11'!A:F", **RAW)
    assert answer == {
        "range": "'2026-11'!A1:F1000",
        "majorDimension": "ROWS",
        "values": [
            ["email", "amount", "text", "flag", "day", "note"],
            ["ann@example.com", 12.5, "00123", True, "2026-11-03"],
            ["bob@example.com", -3, "12,50", False, "2026-13-01", "#REF!"],
            ["cat@example.com", 1200, "1,234.56"],
        ],
    }
    assert isinstance(answer["values"][3][1], int)


async def test_dates_are_serial_numbers_unless_asked_for_as_text(stand: Stand) -> None:
    answer = await stand.values("'2026-11'!E2", valueRenderOption="UNFORMATTED_VALUE")
    assert answer["values"] == [[46329]]


async def test_formatted_cells_are_text(stand: Stand) -> None:
    answer = await stand.values("'2026-11'!A2:D3")
    assert answer["values"] == [
        ["ann@example.com", "12.5", "00123", "TRUE"],
        ["bob@example.com", "-3", "12,50", "FALSE"],
    ]


@pytest.mark.parametrize(
    ("cells", "first_row"),
    [
        ("2026-11", ["email", "amount", "text", "flag", "day", "note"]),
        ("'2026-11'", ["email", "amount", "text", "flag", "day", "note"]),
        ("2026-11!B2:C", [12.5, "00123"]),
        ("'2026-11'!3:3", ["bob@example.com", -3, "12,50", False, "2026-13-01", "#REF!"]),
        ("'Ann''s list'!A:F", ["a", "b"]),
        ("B1", ["amount"]),  # of the first worksheet
    ],
)
async def test_ranges_are_read_as_sheets_reads_them(stand: Stand, cells: str, first_row: list[object]) -> None:
    assert (await stand.values(cells, **RAW))["values"][0] == first_row


async def test_columns_can_be_asked_for(stand: Stand) -> None:
    answer = await stand.values("'2026-11'!A:B", majorDimension="COLUMNS", **RAW)
    assert answer["values"][1] == ["amount", 12.5, -3, 1200]


@pytest.mark.parametrize("cells", ["empty", "'2026-11'!A5:F", "'2026-11'!G:Z"])
async def test_empty_range_has_no_values(stand: Stand, cells: str) -> None:
    assert "values" not in await stand.values(cells, **RAW)


@pytest.mark.parametrize("cells", ["'2026-12'!A:F", "2026-12", "'2026-11 '!A:F", "'2026-11'!A", "'2026-11'!?"])
async def test_missing_worksheet_cannot_be_parsed(stand: Stand, cells: str) -> None:
    with pytest.raises(gspread.exceptions.APIError) as refused:
        await stand.values(cells)
    assert refused.value.error == {
        "code": 400,
        "message": f"Unable to parse range: {cells}",
        "status": "INVALID_ARGUMENT",
    }


async def test_wrong_option_is_an_invalid_argument(stand: Stand) -> None:
    with pytest.raises(gspread.exceptions.APIError, match="valueRenderOption"):
        await stand.values("2026-11", valueRenderOption="RAW")


async def test_spreadsheet_opens_and_lists_its_worksheets(stand: Stand) -> None:
    def read() -> tuple[list[str], list[list[Any]]]:
        book = stand.google.open_by_key(BOOK)
        titles = [worksheet.title for worksheet in book.worksheets()]
        return titles, book.worksheet("2026-11").get("A1:B2")

    titles, cells = await asyncio.to_thread(read)
    assert titles == ["2026-11", "Ann's list", "empty"]
    assert cells == [["email", "amount"], ["ann@example.com", "12.5"]]


@pytest.mark.parametrize("book", ["no-such-book", ".."])
async def test_missing_spreadsheet_is_not_found(stand: Stand, book: str) -> None:
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        await asyncio.to_thread(stand.google.open_by_key, book)


async def test_edited_file_is_read_afresh_and_requests_are_counted(stand: Stand) -> None:
    await stand.values("'2026-11'!B2", **RAW)
    stand.worksheet.write_text(TYPED.replace("12.5", "13"))
    assert (await stand.values("'2026-11'!B2", **RAW))["values"] == [[13]]
    async with local_http(base_url=stand.url) as control:
        counted = (await control.get("/_control/requests")).json()
    assert counted["total"] == 2
    assert list(counted["by_path"].values()) == [2]


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ({"kind": "drop_before"}, lambda error: isinstance(error, requests.ConnectionError)),
        ({"kind": "drop_after"}, lambda error: isinstance(error, requests.ConnectionError)),
        ({"kind": "garbage_200"}, lambda error: isinstance(error, requests.exceptions.JSONDecodeError)),
        ({"kind": "rate_limit"}, lambda error: error.error["status"] == "RESOURCE_EXHAUSTED"),
        ({"kind": "html_502"}, lambda error: error.response.status_code == 502),
        ({"kind": "status", "status": 403}, lambda error: error.error["status"] == "PERMISSION_DENIED"),
    ],
)
async def test_faults_reach_gspread_as_google_would_send_them(
    stand: Stand, rule: dict[str, Any], seen: Callable[[Any], bool]
) -> None:
    async with local_http(base_url=stand.url) as control:
        (await control.post("/_control/faults", json={"path": "/values/"} | rule)).raise_for_status()
    with pytest.raises((requests.RequestException, gspread.exceptions.APIError)) as raised:
        await stand.values("2026-11")
    assert seen(raised.value)
    assert "values" in await stand.values("2026-11")
