"""The stand-in of Google Sheets on a real socket, and the month whose sales are read there and elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.sheets.google_sheets import GoogleSheetsSales
from billing.period import Period
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sheets_api import sheets_app

NOVEMBER = Period("2026-11")
BOOK = "1AbC-sales_2026"


@dataclass
class Google:
    """The stand-in of Google Sheets, and what a test does to it."""

    url: str
    worksheet: Path

    @property
    def source(self) -> GoogleSheetsSales:
        return GoogleSheetsSales.connect(BOOK, base_url=self.url)

    async def fails(self, kind: str, **rule: Any) -> None:
        async with local_http(base_url=self.url) as http:
            (await http.post("/_control/faults", json={"kind": kind, **rule})).raise_for_status()


async def google(serve: Any, folder: Path) -> Google:
    (folder / BOOK).mkdir()
    return Google(await serve(Faults(sheets_app(folder))), folder / BOOK / "2026-11.csv")


@pytest.fixture
async def google_sheets(serve, tmp_path: Path) -> Google:
    return await google(serve, tmp_path)
