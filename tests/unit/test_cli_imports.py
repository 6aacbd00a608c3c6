"""A command imports what it needs and no more: most of the time of a short command is imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.sql.core.database import upgrade

ROOT = Path(__file__).parents[2]
VENDORS = {
    *("aiosmtplib", "alembic", "apprise", "argon2", "asyncpg", "babel", "fastapi", "google", "gspread", "httpx"),
    *("jinja2", "psycopg", "requests", "starlette", "stripe", "temporalio", "uvicorn"),
}
OURS = {"activities", "adapters", "bootstrap", "clients", "sandbox", "services", "settings", "workflows"}
RUN = """
import json, sys
from cli.app import app
try:
    app(prog_name="starter.py")
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
IMPORT_TYPER = "import typer"


def python(code: str, *words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs the code in a process of its own, without settings; compiled modules are kept, as everywhere."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment)


def imported(*words: str, folder: Path = ROOT) -> set[str]:
    """The top names of all modules that the command has imported at its end."""
    return set(json.loads(python(RUN, *words, folder=folder).stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["payments", "--help"]], ids=" ".join)
def test_the_list_of_commands_needs_no_command(words: list[str]) -> None:
    assert imported(*words) & (VENDORS | OURS | {"sqlalchemy"}) == set()


@pytest.mark.parametrize(
    "words", [["halt", "--help"], ["payments", "list", "--help"], ["orders", "open", "--help"]], ids=" ".join
)
def test_help_of_a_command_needs_no_vendor_and_no_ledger(words: list[str]) -> None:
    assert imported(*words) & (VENDORS | {"adapters", "sqlalchemy"}) == set()


@pytest.mark.parametrize(
    "words", [["list"], ["payments", "list"], ["customers", "list"], ["orders", "list"]], ids=" ".join
)
def test_what_reads_the_ledger_needs_no_other_vendor(tmp_path: Path, words: list[str]) -> None:
    upgrade(f"sqlite:///{tmp_path}/data/ledger.db")
    assert imported(*words, folder=tmp_path) & VENDORS == set()


def test_a_list_of_months_puts_nothing_together_but_the_ledger(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/data/ledger.db")
    needed = {"adapters", "settings"}
    assert imported("list", folder=tmp_path) & (OURS - needed) == set()


def test_a_model_is_built_at_its_first_use() -> None:
    month = "from billing.invoices.month import Month; print(Month.__pydantic_complete__)"
    assert python(month).stdout == "False\n"


def test_help_takes_little_more_than_importing_the_library_that_prints_it() -> None:
    """A slow or a busy machine slows both sides, and the least of several runs is hardly disturbed at all."""
    help, typer = (min(processor_time(*run) for _ in range(3)) for run in ((RUN, "--help"), (IMPORT_TYPER,)))
    assert help < 5 * typer  # 2 in November 2026; 17 while every command was imported


def processor_time(*run: str) -> float:
    """Seconds of processor time, without waiting."""
    before = os.times()
    python(*run)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
