"""CSV cells that no spreadsheet takes for a formula and that read back unchanged; and column names, normalized."""

import csv
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import IO

type_of_value = str | int | float | Decimal | datetime | None

_INVISIBLE = r"\s\u00ad\u200b-\u200f\u2060\ufeff"  # some programs trim these first
_FORMULA = re.compile(rf"'*([{_INVISIBLE}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")


class Writer:
    def __init__(self, file: IO[str], line_end: str = "\n") -> None:
        self._rows = csv.writer(file, lineterminator=line_end)

    def row(self, values: Iterable[type_of_value]) -> None:
        self._rows.writerow(map(cell, values))


def cell(value: type_of_value) -> str:
    """The text of ``value`` in the file; numbers stay numbers, negative ones too."""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def guarded(text: str) -> str:
    """``text`` as a cell, with an apostrophe before anything that a spreadsheet would calculate."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text before ``guarded``; a cell without a guard is unchanged."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def folded(text: str) -> str:
    """Lower-case words without accents and punctuation: ``E-Mail_Adresse:`` is ``email adresse``."""
    letters = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    words = re.sub(r"[\W_]+", " ", letters.casefold().replace("\u0131", "i")).strip()
    return re.sub(r"\b[e\u0435] (?=mail|post)", "e", words)  # the second is Cyrillic
