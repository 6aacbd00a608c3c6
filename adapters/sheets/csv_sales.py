"""Sales from a folder of CSV files, one per month: ``2026-11.csv`` with the columns of the worksheet."""

import asyncio
import csv
from pathlib import Path

from billing.errors import SalesUnavailable, WorksheetMissing
from billing.period import Period
from billing.sales.sales import SalesSnapshot
from billing.sales.worksheet import read_worksheet

BYTES_MAX = 100_000_000


class CsvSales:
    """``SalesSource`` over UTF-8 files with commas. Cells are text, as typed.

    Replace a file by renaming a complete one: a half-copied file looks like a short month.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return str(self._folder)

    async def read(self, period: Period) -> SalesSnapshot:
        return await asyncio.to_thread(self._read, period)

    async def ping(self) -> list[str]:
        """The months with a file. Raises ``SalesUnavailable`` if the folder cannot be read."""
        return await asyncio.to_thread(self._months)

    def _read(self, period: Period) -> SalesSnapshot:
        path = self._folder / f"{period}.csv"
        try:
            if path.stat().st_size > BYTES_MAX:
                raise SalesUnavailable(f"{path} has more than {BYTES_MAX // 1_000_000} MB; is it a list of sales?")
            with path.open(encoding="utf-8-sig", newline="") as file:
                cells = list(csv.reader(file, strict=True))
        except FileNotFoundError:
            missing = f"there is no {path}; add it, with only a header row if there were no sales"
            raise WorksheetMissing(missing) from None
        except OSError as error:
            raise SalesUnavailable(f"{path} cannot be read ({error.strerror}); correct its permissions") from error
        except UnicodeDecodeError as error:
            raise SalesUnavailable(f"{path} is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from error
        except csv.Error as error:
            raise SalesUnavailable(f"{path} is not CSV ({error}); save it as CSV UTF-8 with commas") from error
        return read_worksheet(period, cells)

    def _months(self) -> list[str]:
        try:
            return sorted(path.stem for path in self._folder.iterdir() if path.suffix == ".csv")
        except OSError as error:
            raise SalesUnavailable(
                f"the folder {self._folder} cannot be read ({error.strerror}); create it, or name another"
            ) from error
