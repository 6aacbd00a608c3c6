"""Cells of CSV files that spreadsheets open: none may become a formula there, and all are read back as they were."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guarded(text: str) -> str:
    """The text as a cell: with an apostrophe before what a spreadsheet would calculate."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that was ``guarded``; other cells as they are."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
