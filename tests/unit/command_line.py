"""Shared by the tests of the command line without a server: it runs in an empty folder, beside a ledger of its own."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from adapters.sql.ledger import SqlLedger
from billing.customers.customer import Customer
from billing.invoices.invoice import Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from billing.period import Period
from cli.app import app
from tests.empty_ledger import empty_ledger

NOW = datetime.now(UTC).replace(microsecond=0)
SOURCE = Source(sheet="2026-10", row=2, digest="d")
ACME = Customer(
    customer_id="acme",
    email="billing@acme.example",
    name="Acme [bold]Bakery",
    currency="eur",
    timezone="Europe/Paris",
    payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder, in the sandbox, with nobody at the addresses of Temporal and stand-ins."""
    for name in list(os.environ):
        if name.startswith(("BILLING_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    for name in ("STRIPE", "SHEETS", "SMTP", "PRODUCTION"):
        monkeypatch.setenv(f"BILLING_SANDBOX_{name}_PORT", "1")
    monkeypatch.setenv("BILLING_CONSOLE_PORT", "1")
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words, prog_name="starter.py")

    return invoke


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[..., None]:
    """Prepares the ledger of ``run`` and records months in it."""

    async def record(months: tuple[Month, ...]) -> None:
        empty_ledger(tmp_path / "data")
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        for month in months:
            await ledger.record(month, NOW)
        await ledger.close()

    return lambda *months: asyncio.run(record(months))


def drafted(period: str = "2026-10", *problems: Problem) -> Month:
    line = LineItem(line_id="row-2", description="Bread [red]\x1b[31m", amount_minor=1250, source=SOURCE)
    invoice = Invoice(currency="eur", imported_at=NOW, lines=(line,), problems=problems)
    return Month.open(ACME, Period(period)).drafted(invoice)


def unreadable() -> Problem:
    return Problem(line_id="row-7", description="Cake", raw="12,50", reason="no amount", source=SOURCE)


def one_line(result: Result) -> str:
    """The only line on stderr, which must be ours; nothing else was printed."""
    assert result.stdout == ""
    assert result.stderr.startswith("starter: ")
    assert result.stderr.count("\n") == 1
    return result.stderr
