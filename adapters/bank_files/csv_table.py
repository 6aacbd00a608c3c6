"""Tables in banks' CSV files: the header is looked for, the separator found out, and each row is whole or has a fault.

::

    table = table_in(text, mapping.columns)             # None: no row names all of these
    for line, cells, fault in rows_in(text, table, mapping.columns, says_total):
        amount = cell_of(cells, mapping.amount)

Names of columns are in small letters.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from typing import NamedTuple

from billing.cells import unguarded
from billing.errors import InvalidInput

Cells = Mapping[str, str]
"""Of a row, by column."""
_SEPARATORS = (";", ",", "\t", "|")
_HEAD_LINES = 30  # of which one names the columns
_TOTAL = re.compile(r"(итого|всего|обороты|жиыны|барлығы|total|totals|sum|summe|gesamt)\b", re.IGNORECASE)


class Table(NamedTuple):
    """Where the columns are named, and what separates cells."""

    line: int
    separator: str


def table_in(text: str, columns: Sequence[str]) -> Table | None:
    wanted = set(columns)
    for place, line in enumerate(text.removeprefix("\ufeff").splitlines()[:_HEAD_LINES]):
        for separator in _SEPARATORS:
            if wanted <= {cell.strip().casefold() for cell in _cells(line, separator)}:
                return Table(place, separator)
    return None


def rows_in(
    text: str, table: Table, columns: Sequence[str], is_left_out: Callable[[Cells], bool]
) -> Iterator[tuple[int, Cells, str]]:
    """The line, the cells and the fault ("": none; else such as "has no amount") of each row that is not left out.

    After damage there are no more.
    Raises ``InvalidInput`` if one of the columns is there twice.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)[table.line :]
    reader = csv.reader(StringIO("".join(lines)), delimiter=table.separator, strict=True)
    try:
        names = _names(next(reader), columns)
        for cells in reader:
            row = {name: unguarded(cell.strip()) for name, cell in zip(names, cells, strict=False)}
            if not is_left_out(row):
                yield table.line + reader.line_num, row, _fault(cells, len(names))
    except csv.Error as error:
        yield table.line + reader.line_num, {}, f"is cut off or damaged ({error}); export the file again"


def cell_of(cells: Cells, column: str | None) -> str:
    return cells.get(column.strip().casefold(), "") if column else ""


def says_total(cells: Cells) -> bool:
    """Whether it adds other rows up, in so many words."""
    return any(_TOTAL.match(cell) for cell in cells.values())


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _names(cells: list[str], columns: Sequence[str]) -> list[str]:
    names = [name.strip().casefold() for name in cells]
    if twice := [name for name in columns if names.count(name) > 1]:
        raise InvalidInput(f"the file has several columns {twice[0]!r}; name each otherwise, and map the right one")
    return names


def _fault(cells: list[str], width: int) -> str:
    if len(cells) < width:
        return "has fewer cells than columns: the file is cut off or damaged"
    if any(cell.strip() for cell in cells[width:]):
        return "has more cells than columns: a text in it has an unquoted separator"
    return ""
