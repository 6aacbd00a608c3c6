"""Reads a worksheet: finds its columns and rows, and refuses whatever is ambiguous; nothing is guessed.

    snapshot = read_worksheet("2026-11", cells)    # of a Google sheet or a CSV file, row by row

A header names the columns, in any order and in the usual languages. Without one, the columns are email, amount and
description. The snapshot names the columns and rows that were ignored.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from billing.cells import folded
from billing.customers.address import email_key
from billing.errors import SalesUnavailable
from billing.model import LINE_MAX, cut
from billing.money import MAX_AMOUNT_MINOR, is_currency
from billing.sales.cell_addresses import SEPARATOR, address_within, is_address, is_joined
from billing.sales.sales import RowFault, SalesRow, SalesSnapshot, type_of_cell
from billing.sales.split_amounts import begins_as_amount, is_split
from billing.sales.worksheet_names import Column, column_named, speaks_of_amounts, speaks_of_currencies

Cells = Sequence[type_of_cell]

COLUMNS = (Column.EMAIL, Column.AMOUNT, Column.DESCRIPTION)
"""The columns of a worksheet without a header."""
ROWS_MAX, COLUMNS_MAX = 500_000, 200
HEADER_MAX = 100
NO_SALE = "no sale"
"""Instead of an address, it marks a row that is no sale, such as a total."""

_ONE_EACH = "give each value a cell of its own (a CSV file: save it as CSV UTF-8 with commas)"
_HOW = "the first row names the columns: email, amount and, if you like, description and currency"
_MAYBE_CURRENCY = "{} may be the currency; name it 'currency', or remove it"
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
        return any(place < self.places[Column.AMOUNT] for place in self.unread)

    @property
    def unread(self) -> Sequence[int]:
        """The places of the columns that are ignored."""
        return sorted(set(range(self.width)) - set(self.places.values()))


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
            found = "no row has an email address, and nothing else, in its column"
            raise self._refused(f"{found}; {_ONE_EACH}, the header in the first row")
        self._check_unread(layout)
        read = {column: place for column, place in layout.places.items() if place < layout.width}
        unread = [layout.headers[place] for place in layout.unread if layout.headers[place]]
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
            if any(map(is_address, headers)):
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
        if _width(headers) == 1 and SEPARATOR.search(headers[0]):
            raise self._refused(f"it is not separated into columns: the first row is {_shown(headers)}; {_ONE_EACH}")
        for number, row in enumerate(self._cells[1:20], start=2):
            if _is_header([_text(cell) for cell in row]):
                raise self._refused(
                    f"it has its header in row {number}; it must be the first row: delete what is above it"
                )
        if not any(column_named(name) in (Column.EMAIL, Column.AMOUNT) for name in headers):
            raise self._refused(f"its first row is neither a header nor a sale: {_shown(headers)}; {_HOW}")

    def _check_certain(self, column: Column, headers: Sequence[str], candidates: Sequence[int]) -> None:
        speaks_of = {Column.AMOUNT: speaks_of_amounts, Column.CURRENCY: speaks_of_currencies}.get(column)
        doubtful = [
            place for place, name in enumerate(headers) if place in candidates or (speaks_of and speaks_of(name))
        ]
        if column is Column.CURRENCY and doubtful and not candidates:
            raise self._refused(_MAYBE_CURRENCY.format(_shown([headers[doubtful[0]]])))
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
        if not is_address(first[0]) or not widths <= {0, 1, 2, 3} or not max(widths) >= 2:
            raise self._refused(f"it has no header, and its columns are not certain; {_HOW}")
        if any(begins_as_amount(row[2]) or is_split(row[1], row[2]) for row in self._cells if len(row) > 2):
            raise self._refused(f"it has no header, and two columns of numbers or amounts; {_HOW}")
        return _Layout({column: place for place, column in enumerate(COLUMNS)}, (), 0)

    def _check_unread(self, layout: _Layout) -> None:
        """Refuses an ignored column in which every value is a currency."""
        for place in layout.unread:
            values = (_text(row[place]) for row in self._cells[1:] if place < len(row) and row[place])
            filled = filter(None, values)
            if is_currency(next(filled, "")) and all(map(is_currency, filled)):
                name = layout.headers[place]
                raise self._refused(_MAYBE_CURRENCY.format(_shown([name]) if name else _letters(place)))

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
                address = next(filter(is_address, map(_text, row)), "")
            elif width == email_at + 1 and is_joined(email):
                raise self._refused(
                    f"it is not separated into columns: row {number} is one cell, {_shown([email])}; {_ONE_EACH}"
                )
            elif not is_address(email):
                address = address_within(email)
            self._unnamed.update(place for place in unnamed if _text(_cell(row, place)))
            description, currency = _text(_cell(row, description_at)), _text(_cell(row, currency_at))
            if currency_at is None and is_currency(description) and not description.islower():
                currency = description
            self._is_addressed = self._is_addressed or is_address(email_key(email))
            yield SalesRow.model_construct(
                _ROW_FIELDS,
                number=number,
                email=sys.intern(cut(address or email, LINE_MAX)),
                amount=_amount(_cell(row, amount_at)),
                description=sys.intern(cut(description, LINE_MAX)),
                currency=sys.intern(cut(currency, HEADER_MAX)),
                fault=_fault(layout, row, width) or (RowFault.MISPLACED if address else None),
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
    return RowFault.SPLIT_AMOUNT if _is_in_doubt(layout, row) else None


def _is_in_doubt(layout: _Layout, row: Cells) -> bool:
    """Whether the cell after the amount may be the rest of it, or a description before it its beginning, or itself."""
    amount_at = layout.places[Column.AMOUNT]
    if is_split(_cell(row, amount_at), _cell(row, amount_at + 1)):
        return True
    before_at = amount_at - 1
    if before_at < 0:
        return False
    is_description = before_at == layout.places.get(Column.DESCRIPTION) or not layout.headers[before_at]
    return is_description and begins_as_amount(_cell(row, before_at))


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
