"""Stand-in for the Google Sheets API: reads folder/<spreadsheet id>/<worksheet>.csv afresh at every request.

    uvicorn.run(Faults(sheets_app(Path("sheets"))))     # values.get and spreadsheets.get, as gspread calls them

A cell has the type that Sheets gives to what people type: 12.5 a number, TRUE a boolean, 2026-11-03 a date; a leading
apostrophe makes it text ('00123), and everything else is text ("12,50", "1,234.56", #REF!).
GET /_control/requests counts the requests, by path.
"""

import csv
import re
from collections import Counter
from datetime import datetime
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

Cell = str | int | float | bool

ROWS_MIN, COLUMNS_MIN = 1000, 26  # of a new worksheet

_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no time zone
_QUOTED_RANGE = re.compile(r"'((?:[^']|'')+)'(?:!(.+))?")
_CELLS = re.compile(r"([A-Z]{0,3})(\d*)(?::([A-Z]{0,3})(\d*))?", re.IGNORECASE)


class SheetsError(Exception):
    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.body = {"error": {"code": code, "message": message, "status": status}}
        self.code = code


class ReadOptions(BaseModel):
    """The query parameters of values.get."""

    render: Literal["FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"] = Field(
        "FORMATTED_VALUE", alias="valueRenderOption"
    )
    dates: Literal["SERIAL_NUMBER", "FORMATTED_STRING"] = Field("SERIAL_NUMBER", alias="dateTimeRenderOption")
    dimension: Literal["ROWS", "COLUMNS"] = Field("ROWS", alias="majorDimension")


def sheets_app(folder: Path) -> FastAPI:
    """The stand-in as an ASGI app, over a folder that people may edit while it runs."""
    app = FastAPI(openapi_url=None)
    requested: list[str] = []

    @app.exception_handler(SheetsError)
    async def refused(_: Request, error: SheetsError) -> JSONResponse:
        return JSONResponse(error.body, error.code)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        where = error.errors()[0]["loc"][-1]
        return JSONResponse(SheetsError(400, "INVALID_ARGUMENT", f"Invalid value at '{where}'").body, 400)

    @app.get("/v4/spreadsheets/{spreadsheet_id}")
    def get_spreadsheet(request: Request, spreadsheet_id: str) -> JSONResponse:
        requested.append(request.url.path)
        return JSONResponse(_spreadsheet(folder, spreadsheet_id))

    @app.get("/v4/spreadsheets/{spreadsheet_id}/values/{cells:path}")
    def get_values(
        request: Request, spreadsheet_id: str, cells: str, options: Annotated[ReadOptions, Query()]
    ) -> JSONResponse:
        requested.append(request.url.path)
        return JSONResponse(_values(_worksheets(folder, spreadsheet_id), cells, options))

    @app.get("/_control/requests")
    async def requests() -> dict[str, Any]:
        return {"total": len(requested), "by_path": Counter(requested)}

    return app


def _spreadsheet(folder: Path, spreadsheet_id: str) -> dict[str, Any]:
    sheets = []
    for index, (title, path) in enumerate(_worksheets(folder, spreadsheet_id).items()):
        rows, columns = _grid_size(_read(path))
        grid = {"rowCount": rows, "columnCount": columns}
        properties = {"sheetId": index, "title": title, "index": index, "sheetType": "GRID"}
        sheets.append({"properties": properties | {"gridProperties": grid}})
    properties = {"title": spreadsheet_id, "locale": "en_US", "timeZone": "Etc/GMT"}
    return {"spreadsheetId": spreadsheet_id, "properties": properties, "sheets": sheets}


def _values(worksheets: dict[str, Path], cells: str, options: ReadOptions) -> dict[str, Any]:
    title, top, first, bottom, end = _parse_range(cells, list(worksheets))
    grid = _read(worksheets[title])
    rows, columns = _grid_size(grid)
    if top >= rows or first >= columns:
        raise SheetsError(400, "INVALID_ARGUMENT", f"Range ({cells}) exceeds grid limits.")
    bottom, end = min(bottom, rows), min(end, columns)
    values: list[list[Cell]] = [
        [_rendered(text, options.render, options.dates) for text in row[first:end]] for row in grid[top:bottom]
    ]
    if options.dimension == "COLUMNS":
        values = [list(column) for column in zip_longest(*values, fillvalue="")]
    answer: dict[str, Any] = {
        "range": f"'{title}'!{_column_name(first)}{top + 1}:{_column_name(end - 1)}{bottom}",
        "majorDimension": options.dimension,
    }
    values = _without_empty_ends(values)
    return answer | {"values": values} if values else answer


def _worksheets(folder: Path, spreadsheet_id: str) -> dict[str, Path]:
    """The worksheets by title, in the order of their titles."""
    spreadsheet = folder / spreadsheet_id
    if not re.fullmatch(r"[\w-]+", spreadsheet_id) or not spreadsheet.is_dir():
        raise SheetsError(404, "NOT_FOUND", "Requested entity was not found.")
    return {path.stem: path for path in sorted(spreadsheet.glob("*.csv"))}


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def _grid_size(grid: list[list[str]]) -> tuple[int, int]:
    return max(ROWS_MIN, len(grid)), max([COLUMNS_MIN, *map(len, grid)])


def _parse_range(text: str, titles: list[str]) -> tuple[str, int, int, int, int]:
    """Title, first row and column (from 0), last row and column (exclusive) of an A1 range."""
    if quoted := _QUOTED_RANGE.fullmatch(text):
        title, cells = quoted[1].replace("''", "'"), quoted[2]
    elif text in titles:
        title, cells = text, None
    else:
        title, sheet_named, cells = text.rpartition("!")
        title = title if sheet_named else (titles or [""])[0]
    parsed = _CELLS.fullmatch(cells or "A:ZZZ")
    one_cell = parsed and parsed[3] is None
    if not parsed or title not in titles or (one_cell and not (parsed[1] and parsed[2])):
        raise SheetsError(400, "INVALID_ARGUMENT", f"Unable to parse range: {text}")
    first, top = _column_number(parsed[1]) or 1, int(parsed[2] or 1)
    last, bottom = (first, top) if one_cell else (_column_number(parsed[3]), int(parsed[4] or 0))
    return title, max(top, 1) - 1, first - 1, bottom or 10**7, last or 10**5


def _column_number(name: str) -> int:
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _column_name(index: int) -> str:
    return (_column_name(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _rendered(text: str, render: str, dates: str) -> Cell:
    if text.startswith("'"):
        return text[1:]
    typed = text.strip()
    if typed.upper() in ("TRUE", "FALSE"):
        return typed.upper() if render == "FORMATTED_VALUE" else typed.upper() == "TRUE"
    if render == "FORMATTED_VALUE":
        return text
    if _NUMBER.fullmatch(typed) and isfinite(number := float(typed)):
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    if _DATE.fullmatch(typed) and dates == "SERIAL_NUMBER":
        try:
            days = (datetime.fromisoformat(typed) - _DAY_ZERO).total_seconds() / 86_400
        except ValueError:  # 2026-13-01 is text
            return text
        return int(days) if days.is_integer() else days
    return text


def _without_empty_ends(rows: list[list[Cell]]) -> list[list[Cell]]:
    trimmed = [row[: max((i + 1 for i, cell in enumerate(row) if cell != ""), default=0)] for row in rows]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return trimmed
