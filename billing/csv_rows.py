"""Rows of a CSV file that has a header: each with its line, its cells by column, and its fault.

The header is line 1. A byte order mark and spaces around cells do not count.
"""

import csv
import io
from collections.abc import Iterator

from billing.cells import unguarded
from billing.errors import InvalidInput


def reader_of(text: str, required: tuple[str, ...], delimiter: str = ",") -> "csv.DictReader[str]":
    """The rows below the header, whose names are in lower case.

    Raises ``InvalidInput`` if the header is unreadable, lacks a required column, or names one twice.
    """
    file = io.StringIO(text.removeprefix("\ufeff"))
    reader = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise InvalidInput(f"the first row is not CSV ({error}); it must name {', '.join(required)}") from None
    if not any(columns):
        raise InvalidInput(f"the first row is empty; it must name {', '.join(required)}")
    missing = [name for name in required if name not in columns]
    if missing:
        raise InvalidInput(f"the first row lacks {', '.join(missing)}; it must name {', '.join(required)}")
    repeated = sorted({name for name in columns if name and columns.count(name) > 1})
    if repeated:
        raise InvalidInput(f"the first row has more than one column {', '.join(repeated)}; rename the others")
    reader.fieldnames = columns
    return reader


def rows_of(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str], str]]:
    """The line, cells and fault ("": none) of each row. An unclosed quotation mark swallows the rows after it."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reader.line_num = reader.reader.line_num
            yield line, {}, f"not CSV ({error}); nothing was read from here to line {reader.line_num}"
        else:
            cells = {str(name): unguarded(value.strip()) for name, value in row.items() if isinstance(value, str)}
            yield reader.line_num, cells, "more cells than columns" if None in row else ""
