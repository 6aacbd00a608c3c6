"""The worksheets of a rehearsal: those that exist, and for months to come the newest of them once more."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from billing.errors import InvalidInput, SalesUnavailable
from billing.period import Period
from billing.ports import SalesSource
from billing.sales import COLUMNS, SalesRow, SalesSnapshot, type_of_cell


class Worksheets:
    """``used`` names, by month, the worksheet that it is billed from; ``unread`` says why others are not used."""

    def __init__(self, snapshots: Mapping[Period, SalesSnapshot], used: Mapping[Period, Period], unread: list[str]):
        self.used = used
        self.unread = unread
        self._snapshots = snapshots

    def write(self, folder: Path) -> None:
        """One file a month, as the stand-in for Google Sheets reads them; rows keep their numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        for period, source in self.used.items():
            with (folder / f"{period}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(cells(self._snapshots[source]))


async def read_worksheets(
    source: SalesSource, titles: Iterable[str], periods: Sequence[Period], repeat: Period | None = None
) -> Worksheets:
    """Reads what there is for ``periods``; all others get the newest readable worksheet, or ``repeat``.

    Raises ``InvalidInput`` if there is none, ``SalesUnavailable`` if ``repeat`` cannot be read.
    """
    existing = sorted(title for title in map(_period, titles) if title is not None)
    newest_first = [*reversed(existing)] if repeat is None else [repeat]
    snapshots: dict[Period, SalesSnapshot] = {}
    unread: list[str] = []
    for period in [*newest_first, *periods]:
        is_newest = period in newest_first and not snapshots
        if period in snapshots or not (is_newest or (period in existing and period in periods)):
            continue
        try:
            snapshots[period] = await source.read(period)
        except SalesUnavailable as error:
            if period == repeat:
                raise
            unread.append(str(error))
    if not snapshots:
        words = f": {unread[0]}" if unread else f"; there are: {', '.join(existing) or 'none'}"
        raise InvalidInput(f"no worksheet of a month can be read{words}")
    newest = repeat or max(snapshots)
    used = {period: period if period in snapshots else newest for period in periods}
    return Worksheets(snapshots, used, list(dict.fromkeys(unread)))


def _period(title: str) -> Period | None:
    try:
        return Period(title)
    except InvalidInput:
        return None


def cells(snapshot: SalesSnapshot) -> list[list[str]]:
    """What has to be typed to get the rows of ``snapshot`` again, each in its place, with the types they have."""
    rows = {row.number: [as_typed(cell) for cell in (row.email, row.amount, row.description)] for row in snapshot.rows}
    if 1 not in rows:
        rows[1] = list(COLUMNS)
    return [rows.get(number, ["", "", ""]) for number in range(1, max(rows) + 1)]


def as_typed(cell: type_of_cell) -> str:
    """A leading apostrophe keeps text from being taken for something else."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    return f"'{cell}" if isinstance(cell, str) else repr(cell)


def sample_snapshot(period: Period, rows: Iterable[tuple[str, str, str]]) -> SalesSnapshot:
    """A worksheet of rows as people type them: an apostrophe makes text, else what looks like a number is one."""
    numbered = enumerate(rows, start=2)
    return SalesSnapshot(
        sheet=period,
        digest="",
        rows=tuple(
            SalesRow(number=number, email=email, amount=_typed(amount), description=description)
            for number, (email, amount, description) in numbered
        ),
    )


def _typed(text: str) -> type_of_cell:
    return text[1:] if text.startswith("'") else float(text)
