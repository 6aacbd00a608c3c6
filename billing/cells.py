"""Cells of CSV files that spreadsheets open: none may become a formula there, and all are read back as they were; and
what the name of a column comes to.

Every CSV file that the application writes comes from here.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import IO

type_of_value = str | int | float | Decimal | datetime | None

_UNSEEN = r"\s\u00ad\u200b-\u200f\u2060\ufeff"  # what some programs trim before they look
_FORMULA = re.compile(rf"'*([{_UNSEEN}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")


class Writer:
    """Writes rows to a CSV file."""

    def __init__(self, file: IO[str], line_end: str = "\n") -> None:
        self._rows = csv.writer(file, lineterminator=line_end)

    def row(self, values: Iterable[type_of_value]) -> None:
        self._rows.writerow(map(cell, values))


def cell(value: type_of_value) -> str:
    """A value as it stands in the file; numbers stay numbers, also negative ones."""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def guarded(text: str) -> str:
    """The text as a cell: with an apostrophe before what a spreadsheet would calculate."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that was ``guarded``; other cells as they are."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def folded(text: str) -> str:
    """Lower-case words without accents and punctuation: ``E-Mail_Adresse:`` is ``email adresse``."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    words = re.sub(r"[\W_]+", " ", letters.casefold().replace("\u0131", "i")).strip()
    return re.sub(r"\b[e\u0435] (?=mail|post)", "e", words)  # the second is Cyrillic
