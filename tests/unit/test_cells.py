"""Cells of CSV files: no text becomes a formula in a spreadsheet, whoever writes the file, and none is lost."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.cells import Writer, guarded, unguarded

ROOT = Path(__file__).parents[2]
FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx"),
    *("  =1", "\u00a0=1", "\u3000@x", "\ufeff=1", "\u200b+1", " \t -1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", " \uff1d1"),
    *("'=1", "''=1", "' =1", "'\uff1d1"),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_calculate_begins_with_an_apostrophe(text: str) -> None:
    file = io.StringIO()
    Writer(file).row([text, "plain", -3])
    assert file.getvalue().lstrip('"').startswith(f"'{text}")
    assert file.getvalue().endswith(",plain,-3\n")


@pytest.mark.parametrize("text", ["", "a=b", "'t Hooft", "'", "1+1", "  two", "\u2212"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


@given(st.text(alphabet="'=+-@ \t\r\n\ufeff\uff1dax1") | st.text())
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_nobody_writes_a_file_past_the_guard() -> None:
    folders = ("billing", "services", "activities", "adapters", "clients", "inbound", "cli", "console", "workflows")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in sources if "csv.writer" in path.read_text()] == ["cells.py"]
