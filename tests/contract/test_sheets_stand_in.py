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
    google: gspread.HTTPClient

    async def values(self, cells: str, **params: str) -> dict[str, Any]:
        return await asyncio.to_thread(self.google.values_get, BOOK, cells, dict(params))

    async def spreadsheet(self, book: str, **params: str) -> Any:
        return await asyncio.to_thread(self.google.fetch_sheet_metadata, book, dict(params))


def client(url: str) -> gspread.HTTPClient:
    class Local(gspread.HTTPClient):
        def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> requests.Response:
            local = endpoint.replace("https://sheets.googleapis.com", url)
            return super().request(method, local, *args, **kwargs)

    no_credentials: Any = None
    return Local(no_credentials, session=requests.Session())


@pytest.fixture
async def stand(serve, tmp_path: Path) -> Stand:
    book = tmp_path / BOOK
    book.mkdir()
    (book / "2026-11.csv").write_text(TYPED)
    (book / "empty.csv").write_text("")
    url = await serve(Faults(sheets_app(tmp_path)))
    return Stand(url, book / "2026-11.csv", client(url))


async def test_unformatted_cells_have_the_type_that_sheets_takes_them_for(stand: Stand) -> None:
    answer = await stand.values("'2026-11'", **RAW)
    assert answer == {
        "range": "'2026-11'!A1:ZZ5",
        "majorDimension": "ROWS",
        "values": [
            ["email", "amount", "text", "flag", "day", "note"],
            ["ann@example.com", 12.5, "00123", True, "2026-11-03"],
            ["bob@example.com", -3, "12,50", False, "2026-13-01", "#REF!"],
            ["cat@example.com", 1200, "1,234.56"],
        ],
    }
    assert isinstance(answer["values"][3][1], int)


async def test_empty_worksheet_has_no_values(stand: Stand) -> None:
    assert "values" not in await stand.values("'empty'", **RAW)


@pytest.mark.parametrize("cells", ["'2026-12'", "2026-11", "'2026-11 '", "'2026-11'!A:F"])
async def test_only_the_whole_of_a_worksheet_that_is_there_can_be_read(stand: Stand, cells: str) -> None:
    with pytest.raises(gspread.exceptions.APIError) as refused:
        await stand.values(cells, **RAW)
    assert refused.value.error == {
        "code": 400,
        "message": f"Unable to parse range: {cells}",
        "status": "INVALID_ARGUMENT",
    }


@pytest.mark.parametrize(
    "wrong",
    [{"valueRenderOption": "FORMATTED_VALUE"}, {"dateTimeRenderOption": "SERIAL_NUMBER"}, {"majorDimension": "ROWS"}],
)
async def test_option_that_the_product_does_not_use_is_an_invalid_argument(stand: Stand, wrong: dict[str, str]) -> None:
    with pytest.raises(gspread.exceptions.APIError, match=next(iter(wrong))):
        await stand.values("'2026-11'", **(RAW | wrong))


async def test_titles_of_the_worksheets_are_listed(stand: Stand) -> None:
    listed = await stand.spreadsheet(BOOK, fields="sheets.properties.title")
    assert listed == {"sheets": [{"properties": {"title": title}} for title in ("2026-11", "empty")]}
    with pytest.raises(gspread.exceptions.APIError, match="fields"):
        await stand.spreadsheet(BOOK)


@pytest.mark.parametrize("book", ["no-such-book", ".."])
async def test_missing_spreadsheet_is_not_found(stand: Stand, book: str) -> None:
    with pytest.raises(gspread.exceptions.APIError) as missing:
        await stand.spreadsheet(book, fields="sheets.properties.title")
    assert missing.value.response.status_code == 404


async def test_edited_file_is_read_afresh_and_requests_are_counted(stand: Stand) -> None:
    await stand.values("'2026-11'", **RAW)
    stand.worksheet.write_text(TYPED.replace("12.5", "13"))
    assert (await stand.values("'2026-11'", **RAW))["values"][1][1] == 13
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
        await stand.values("'2026-11'", **RAW)
    assert seen(raised.value)
    assert "values" in await stand.values("'2026-11'", **RAW)
