"""Reads a worksheet: finds its columns and rows, and refuses whatever is ambiguous; nothing is guessed.

    snapshot = read_worksheet("2026-11", cells)    # of a Google sheet or a CSV file, row by row

A header names the columns, in any order and in the usual languages. Without one, the columns are email, amount and
description. The snapshot names the columns and rows that were ignored.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from billing.cells import folded
from billing.errors import SalesUnavailable
from billing.model import LINE_MAX, cut
from billing.money import MAX_AMOUNT_MINOR
from billing.sales.sales import RowFault, SalesRow, SalesSnapshot, type_of_cell
from billing.sales.worksheet_names import Column, column_named, speaks_of_amounts

Cells = Sequence[type_of_cell]

COLUMNS = (Column.EMAIL, Column.AMOUNT, Column.DESCRIPTION)
"""The columns of a worksheet without a header."""
ROWS_MAX, COLUMNS_MAX = 500_000, 200
HEADER_MAX = 100
NO_SALE = "no sale"
"""Instead of an address, it marks a row that is no sale, such as a total."""

_ADDRESS = re.compile(r"[^@\s,;|<>\"]+@[^@\s,;|<>\".]+(\.[^@\s,;|<>\".]+)+")
_SEPARATOR = re.compile(r"[,;|\t]")
_BEFORE_COMMA = re.compile(r"-?[0-9]{1,3}")
_AFTER_COMMA = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")
_AFTER_THOUSANDS = re.compile(r"[0-9]{3}\.[0-9]{1,3}")
_ONE_EACH = "give each value a cell of its own (a CSV file: save it as CSV UTF-8 with commas)"
_HOW = "the first row names the columns: email, amount and, if you like, description and currency"
_SHOWN = 10


def read_worksheet(sheet: str, cells: Sequence[Cells]) -> SalesSnapshot:
    """Reads all rows. A row that is shorter than the first one lacks cells; empty cells at the end do not matter.

    Raises ``SalesUnavailable`` for a worksheet that is empty or ambiguous as a whole, so that nobody is billed zero, or
    by another column. A single row in doubt has a ``fault``.
    """
    return _Reader(sheet, cells).snapshot()


def ignored(columns: Sequence[str], no_sale: Sequence[int]) -> str:
    """The ignored columns and rows of a worksheet, in words; "" if there are none."""
    parts = [f"columns that are not read: {', '.join(columns)}"] if columns else []
    if no_sale:
        rows = ", ".join(map(str, no_sale[:_SHOWN])) + (" …" if len(no_sale) > _SHOWN else "")
        parts.append(f"rows that say {NO_SALE!r}: {rows}")
    return "; ".join(parts)


class _Layout(NamedTuple):
    """The places of the columns. ``width`` is the header's; 0: there is none."""

    places: Mapping[Column, int]
    headers: Sequence[str]
    width: int

    @property
    def shifts(self) -> bool:
        """Whether a missing cell could move another number into the place of the amount."""
        read = set(self.places.values())
        return any(place not in read for place in range(self.places[Column.AMOUNT]))


class _Reader:
    def __init__(self, sheet: str, cells: Sequence[Cells]) -> None:
        self._about = f"worksheet {sheet!r}"
        self._sheet = sheet
        self._cells = cells
        self._is_addressed = False
        self._no_sale: list[int] = []
        self._unnamed: set[int] = set()

    def snapshot(self) -> SalesSnapshot:
        self._check_size()
        layout = self._header() or self._unheaded()
        rows = tuple(self._rows(layout))
        if rows and not self._is_addressed:
            raise self._refused(f"no row has an email address in its column; {_ONE_EACH}, the header in the first row")
        read = {column: place for column, place in layout.places.items() if place < layout.width}
        unread_places = set(range(layout.width)) - set(read.values())
        unread = [layout.headers[place] for place in sorted(unread_places) if layout.headers[place]]
        return SalesSnapshot(
            sheet=self._sheet,
            digest=_digest(self._cells),
            rows=rows,
            columns={column: cut(layout.headers[place], HEADER_MAX) for column, place in read.items()},
            ignored_columns=tuple(cut(name, HEADER_MAX) for name in (*unread, *map(_letters, sorted(self._unnamed)))),
            no_sale=tuple(self._no_sale),
        )

    def _refused(self, reason: str) -> SalesUnavailable:
        return SalesUnavailable(f"{self._about}: {reason}")

    def _check_size(self) -> None:
        if not any(any(_text(cell) for cell in row) for row in self._cells):
            raise SalesUnavailable(
                f"{self._about} is empty; enter the month's sales, or only a header row if there were none"
            )
        if len(self._cells) > ROWS_MAX or len(max(self._cells, key=len)) > COLUMNS_MAX:
            raise self._refused(f"it has more than {ROWS_MAX:,} rows or {COLUMNS_MAX} columns; split or shorten it")

    # -- the columns

    def _header(self) -> _Layout | None:
        """The columns by their names; None if the first row is a sale."""
        headers = [_text(cell) for cell in self._cells[0]]
        if not _is_header(headers):
            if any(map(_ADDRESS.fullmatch, headers)):
                return None
            self._check_begins(headers)
        places: dict[Column, int] = {}
        for column in Column:
            candidates = [place for place, name in enumerate(headers) if column_named(name) is column]
            self._check_certain(column, headers, candidates)
            if candidates:
                places[column] = candidates[0]
        return _Layout(places, headers, _width(headers))

    def _check_begins(self, headers: Sequence[str]) -> None:
        """Checks a first row that is neither a header nor a sale. Raises unless only one column is missing."""
        if _width(headers) == 1 and _SEPARATOR.search(headers[0]):
            raise self._refused(f"it is not separated into columns: the first row is {_shown(headers)}; {_ONE_EACH}")
        for number, row in enumerate(self._cells[1:20], start=2):
            if _is_header([_text(cell) for cell in row]):
                raise self._refused(
                    f"it has its header in row {number}; it must be the first row: delete what is above it"
                )
        if not any(column_named(name) in (Column.EMAIL, Column.AMOUNT) for name in headers):
            raise self._refused(f"its first row is neither a header nor a sale: {_shown(headers)}; {_HOW}")

    def _check_certain(self, column: Column, headers: Sequence[str], candidates: Sequence[int]) -> None:
        doubtful = list(candidates)
        if column is Column.AMOUNT:
            doubtful = [place for place, name in enumerate(headers) if place in candidates or speaks_of_amounts(name)]
        if len(doubtful) > 1:
            names = " and ".join(_shown([headers[place]]) for place in doubtful[:_SHOWN])
            raise self._refused(
                f"it has {len(doubtful)} columns that may be the {column}: {names}; name the right one "
                f"{str(column)!r}, and remove or rename the others"
            )
        if column in (Column.EMAIL, Column.AMOUNT) and not candidates:
            raise self._refused(f"it has no column {str(column)!r}: the first row is {_shown(headers)}; {_HOW}")

    def _unheaded(self) -> _Layout:
        """Email, amount and description, if all rows can be that."""
        first = [_text(cell) for cell in self._cells[0]]
        widths = {_width(row) for row in self._cells}
        if not _ADDRESS.fullmatch(first[0]) or not widths <= {0, 1, 2, 3} or not max(widths) >= 2:
            raise self._refused(f"it has no header, and its columns are not certain; {_HOW}")
        if any(_is_number(row[2]) for row in self._cells if len(row) > 2):
            raise self._refused(f"it has no header, and two columns of numbers; {_HOW}")
        return _Layout({column: place for place, column in enumerate(COLUMNS)}, (), 0)

    # -- the rows

    def _rows(self, layout: _Layout) -> Iterator[SalesRow]:
        email_at, amount_at = layout.places[Column.EMAIL], layout.places[Column.AMOUNT]
        description_at, currency_at = layout.places.get(Column.DESCRIPTION), layout.places.get(Column.CURRENCY)
        unnamed = [place for place, name in enumerate(layout.headers[: layout.width]) if not name]
        for number, row in enumerate(self._cells, start=1):
            width = _width(row)
            if not width or (number == 1 and layout.width):
                continue
            email, address = _text(_cell(row, email_at)), ""
            if "@" not in email:
                if folded(email) == NO_SALE:
                    self._no_sale.append(number)
                    continue
                self._check_no_header(number, row)
                address = _misplaced(row, layout)
            elif width == email_at + 1 and _is_joined(email):
                raise self._refused(
                    f"it is not separated into columns: row {number} is one cell, {_shown([email])}; {_ONE_EACH}"
                )
            self._unnamed.update(place for place in unnamed if _text(_cell(row, place)))
            amount, description = _cell(row, amount_at), _text(_cell(row, description_at))
            fault = _fault(layout, row, width) or (RowFault.MISPLACED if address else None)
            self._is_addressed = self._is_addressed or "@" in email
            yield SalesRow.model_construct(
                _ROW_FIELDS,
                number=number,
                email=sys.intern(cut(address or email, LINE_MAX)),
                amount=_amount(amount),
                description=sys.intern(cut(description, LINE_MAX)),
                currency=sys.intern(cut(_text(_cell(row, currency_at)), HEADER_MAX)),
                fault=fault,
            )

    def _check_no_header(self, number: int, row: Cells) -> None:
        if _is_header([_text(cell) for cell in row]):
            raise self._refused(f"it has a header in row {number}; it must be the first row, and the only one")


_ROW_FIELDS = set(SalesRow.model_fields)


def _is_header(texts: Sequence[str]) -> bool:
    named = {column_named(text) for text in texts if len(text) <= HEADER_MAX}
    return {Column.EMAIL, Column.AMOUNT} <= named


def _fault(layout: _Layout, row: Cells, width: int) -> RowFault | None:
    if not layout.width:
        return None
    if width > layout.width:
        return RowFault.MORE_CELLS
    if len(row) < layout.width and layout.shifts:
        return RowFault.FEWER_CELLS
    return RowFault.SPLIT_AMOUNT if _is_split(layout, row) else None


def _is_split(layout: _Layout, row: Cells) -> bool:
    """Whether the amount is an unquoted ``1,234.50``, in a row with the right number of cells all the same."""
    amount_at = layout.places[Column.AMOUNT]
    amount, after = _cell(row, amount_at), _cell(row, amount_at + 1)
    if not (isinstance(amount, str) and isinstance(after, str) and after[:1].isdigit()):
        return False
    is_doubtful = len(row) > len(layout.headers) or layout.places.get(Column.DESCRIPTION) == amount_at + 1
    rest = _AFTER_COMMA if is_doubtful else _AFTER_THOUSANDS
    return bool(_BEFORE_COMMA.fullmatch(amount.strip()) and rest.fullmatch(after.strip()))


def _misplaced(row: Cells, layout: _Layout) -> str:
    """An address in another column that is read, or in a cell that has moved; "" if there is none."""
    is_moved = len(row) < layout.width
    places = range(len(row)) if is_moved else (*layout.places.values(), *range(layout.width, len(row)))
    texts = (_text(_cell(row, place)) for place in places)
    return next((text for text in texts if _ADDRESS.fullmatch(text)), "")


def _is_joined(cell: str) -> bool:
    """Whether the cell has an address and something else."""
    parts = [part.strip() for part in _SEPARATOR.split(cell)]
    addresses = [part for part in parts if _ADDRESS.fullmatch(part)]
    return 0 < len(addresses) < len([part for part in parts if part])


def _is_number(cell: type_of_cell) -> bool:
    return isinstance(cell, int | float) or re.fullmatch(r"[\d.,'\s-]*\d[\d.,'\s-]*", _text(cell)) is not None


def _width(row: Cells) -> int:
    width = len(row)
    while width and not _text(row[width - 1]):
        width -= 1
    return width


def _cell(row: Cells, place: int | None) -> type_of_cell:
    return row[place] if place is not None and place < len(row) else None


def _text(cell: type_of_cell) -> str:
    return "" if cell is None else str(cell).encode("utf-8", "replace").decode().strip()


def _amount(cell: type_of_cell) -> type_of_cell:
    if isinstance(cell, str) or (isinstance(cell, int) and abs(cell) > MAX_AMOUNT_MINOR):
        return cut(str(cell), LINE_MAX)  # nothing longer is an amount
    return cell


def _shown(texts: Sequence[str]) -> str:
    return ", ".join(repr(text[:40]) for text in texts[:_SHOWN]) + (" …" if len(texts) > _SHOWN else "")


def _letters(place: int) -> str:
    """``column B``, as a spreadsheet counts."""
    name = ""
    while place >= 0:
        name, place = chr(ord("A") + place % 26) + name, place // 26 - 1
    return f"column {name}"


def _digest(cells: Sequence[Cells]) -> str:
    """The SHA-256 of the cells as one JSON array, without building it in memory."""
    digest = hashlib.sha256(b"[")
    for number, row in enumerate(cells):
        digest.update(f"{', ' if number else ''}{json.dumps(list(row))}".encode())
    digest.update(b"]")
    return digest.hexdigest()
