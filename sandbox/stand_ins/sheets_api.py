"""Stand-in for the Google Sheets API: reads folder/<spreadsheet id>/<worksheet>.csv afresh at every request.

    uvicorn.run(Faults(sheets_app(Path("sheets"))))

It answers what the product asks: a whole worksheet ('2026-11'), unformatted and with dates as text, and the titles of
the worksheets. Anything else is refused. A cell has the type that Sheets gives to what people type: 12.5 a number,
TRUE a boolean; a leading apostrophe makes it text ('00123), and everything else is text ("12,50", "1,234.56", #REF!).
GET /_control/requests counts the requests, by path.
"""

import csv
import re
from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

Cell = str | int | float | bool

_QUOTED_TITLE = re.compile(r"'([^']+)'")
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class SheetsError(Exception):
    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.body = {"error": {"code": code, "message": message, "status": status}}
        self.code = code


class _Options(BaseModel):
    """The query parameters of a request: these, and no others."""

    model_config = ConfigDict(extra="forbid")


class ReadOptions(_Options):
    render: Literal["UNFORMATTED_VALUE"] = Field(alias="valueRenderOption")
    dates: Literal["FORMATTED_STRING"] = Field(alias="dateTimeRenderOption")


class ListOptions(_Options):
    fields: Literal["sheets.properties.title"]


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
    def get_titles(request: Request, spreadsheet_id: str, _: Annotated[ListOptions, Query()]) -> JSONResponse:
        requested.append(request.url.path)
        titles = _worksheets(folder, spreadsheet_id)
        return JSONResponse({"sheets": [{"properties": {"title": title}} for title in titles]})

    @app.get("/v4/spreadsheets/{spreadsheet_id}/values/{cells:path}")
    def get_values(
        request: Request, spreadsheet_id: str, cells: str, _: Annotated[ReadOptions, Query()]
    ) -> JSONResponse:
        requested.append(request.url.path)
        return JSONResponse(_values(_worksheets(folder, spreadsheet_id), cells))

    @app.get("/_control/requests")
    async def requests() -> dict[str, Any]:
        return {"total": len(requested), "by_path": Counter(requested)}

    return app


def _values(worksheets: dict[str, Path], cells: str) -> dict[str, Any]:
    quoted = _QUOTED_TITLE.fullmatch(cells)
    if not quoted or quoted[1] not in worksheets:
        raise SheetsError(400, "INVALID_ARGUMENT", f"Unable to parse range: {cells}")
    grid = _read(worksheets[quoted[1]])
    values = _without_empty_ends([[unformatted(text) for text in row] for row in grid])
    answer = {"range": f"{cells}!A1:ZZ{max(len(grid), 1)}", "majorDimension": "ROWS"}
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


def unformatted(text: str) -> Cell:
    if text.startswith("'"):
        return text[1:]
    typed = text.strip()
    if typed.upper() in ("TRUE", "FALSE"):
        return typed.upper() == "TRUE"
    if _NUMBER.fullmatch(typed) and isfinite(number := float(typed)):
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    return text


def _without_empty_ends(rows: list[list[Cell]]) -> list[list[Cell]]:
    trimmed = [row[: max((i + 1 for i, cell in enumerate(row) if cell != ""), default=0)] for row in rows]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return trimmed
