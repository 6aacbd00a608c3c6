"""Of three customers one fails in a way that nobody has foreseen: the others are done, and that one is named."""

import asyncio
import json
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from adapters.sql.customers import starts as sql_ledger_starts
from adapters.stripe.payments import StripePayments
from billing.apart import Failed
from billing.customers.roster import write_roster
from billing.period import Period
from bootstrap import connect_registrar
from cli.customers import customers as roster
from cli.customers import import_customers, start
from cli.invoices import invoices as listing
from clients.registrar import Registrar
from console.reviewers import bulk as deciding
from console.reviewers.bulk import Bulk, BulkOrder
from inbound.inbox import Inbox
from sandbox.rehearsal import book
from tests.bed import OCTOBER, Bed
from tests.workflows.newcomers import typed as registration_of
from tests.workflows.three import NAMES, bolt_fails, failing, monitored

UNFORESEEN = "RuntimeError: unforeseen ("


async def exit_code(bed: Bed, monkeypatch: pytest.MonkeyPatch, command: Awaitable[None]) -> int:
    """Of a command in this process, on the bed."""
    monkeypatch.chdir(bed.folder)
    for name, value in bed.environment.items():
        monkeypatch.setenv(name, value)
    try:
        await command
    except typer.Exit as end:
        return end.exit_code
    return 0


async def test_start_and_import(bed: Bed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    people = [await bed.customer(name) for name in NAMES]
    bed.started += NAMES
    bad_card = people[1].card_on_file.card_id
    (bed.folder / "three.csv").write_text(write_roster(people))
    with monkeypatch.context() as patched:
        patched.setattr(StripePayments, "card", failing(StripePayments.card, lambda _, card: card == bad_card))
        assert await exit_code(bed, patched, start.start(roster=bed.folder / "three.csv", as_json=True)) == 1
        told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"started": 2, "already running": 0, "refused": 1}
    assert UNFORESEEN in told["customers"][1]["reason"]
    assert sorted(each.customer_id for each in await bed.ledger.customers()) == ["acme", "coal"]

    with monkeypatch.context() as patched:  # by id, of whom one cannot be read
        await bed.tamper("UPDATE customers SET timezone = 'Mars' WHERE customer_id = 'acme'")
        assert await exit_code(bed, patched, start.start(["acme", "coal"], as_json=True)) == 1
        told = json.loads(capsys.readouterr().out)
        assert {each["customer_id"]: each["status"] for each in told["customers"]} == {
            "acme": "refused",
            "coal": "already running",
        }
        await bed.tamper("UPDATE customers SET timezone = 'Europe/Paris' WHERE customer_id = 'acme'")

    with monkeypatch.context() as patched:  # who runs, and cannot be written into the ledger
        bolt_fails(patched, sql_ledger_starts, "invoice_values")
        file = bed.folder / "three.csv"
        assert await exit_code(bed, patched, import_customers.import_(file, as_json=True)) == 1
        told = json.loads(capsys.readouterr().out)
        assert told["counts"] == {"started": 0, "already running": 2, "refused": 1}
        assert "it runs, but could not be recorded in the ledger: RuntimeError" in told["customers"][1]["reason"]
    assert await exit_code(bed, monkeypatch, start.start(roster=bed.folder / "three.csv")) == 0
    assert [each.customer_id for each in await bed.ledger.customers()] == list(NAMES)


async def test_import_of_tokens(bed: Bed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = zip(NAMES, ("tok_visa", "tok_mastercard", "tok_amex"), strict=True)
    lines = [f"{name},{name}@example.com,Ann,eur,Europe/Paris,{token}" for name, token in tokens]
    (bed.folder / "tokens.csv").write_text("\n".join(["customer_id,email,name,currency,timezone,token", *lines]))
    bed.started += NAMES
    with monkeypatch.context() as patched:
        bolt_fails(patched, Registrar, "import_customer")
        file = bed.folder / "tokens.csv"
        assert await exit_code(bed, patched, import_customers.import_(file, as_json=True)) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"started": 2, "already running": 0, "refused": 1}
    assert UNFORESEEN in told["customers"][1]["reason"]


async def test_registrations(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    begun = [await registrar.begin(registration_of(f"{name}@example.com")) for name in NAMES]
    for each in begun:
        await registrar.card_page(each, "https://console.example/register")
    bad = begun[1].registration_id
    with monkeypatch.context() as patched:
        fails = failing(Registrar.go_on, lambda _, each, now: each.registration_id == bad)
        patched.setattr(Registrar, "go_on", fails)
        results = await registrar.sweep(datetime.now(UTC))
    failed = results.pop(bad)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith(UNFORESEEN)
    assert set(results.values()) == {"waits for the customer"}
    await bed.tamper("UPDATE registrations SET timezone = 'Mars' WHERE registration_id = ?", bad)
    assert len(await registrar.sweep(datetime.now(UTC))) == 3


async def test_events(bed: Bed) -> None:
    handled = []

    class Books:
        async def take_in(self, payment_id: str) -> str:
            if payment_id == "pi_bolt":
                raise RuntimeError("unforeseen")
            handled.append(payment_id)
            return "done"

    for name in NAMES:
        values = (f"evt_{name}", "payment_intent.succeeded", f"pi_{name}", f"pi_{name}", *2 * ("2026-10-02 03:00:00",))
        names = "event_id, type, object_id, payment_id, created_at, received_at"
        await bed.tamper(f"INSERT INTO events ({names}, result) VALUES (?, ?, ?, ?, ?, ?, NULL)", *values)
    inbox: Any = Inbox(bed.ledger, Books(), None, None)  # type: ignore[arg-type]
    async with inbox.open(), asyncio.timeout(60):
        while len(handled) < 2:
            await asyncio.sleep(0.01)
    assert sorted(handled) == ["pi_acme", "pi_coal"]


async def test_one_decision_about_many(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await monitored(bed)
    seen = list((await bed.ledger.now_of(Period(OCTOBER), NAMES)).values())
    bolt_fails(monkeypatch, deciding, "send_command")
    order = BulkOrder("halt", Period(OCTOBER), "ann", "look", "s1", seen)
    bulk = Bulk(bed.client, bed.ledger)
    outcomes = {each.customer_id: each async for each in bulk.carry_out(order)}
    assert {name: each.accepted for name, each in outcomes.items()} == {"acme": True, "bolt": False, "coal": True}
    assert "unforeseen" in outcomes["bolt"].result
    monkeypatch.setattr(type(bed.ledger), "now_of", failing(type(bed.ledger).now_of, lambda *_: True))
    outcomes = {each.customer_id: each async for each in bulk.carry_out(order)}
    assert {each.accepted for each in outcomes.values()} == {False}
    assert len(outcomes) == 3


async def test_lists_and_the_roster(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await monitored(bed)
    with monkeypatch.context() as patched:
        bolt_fails(patched, roster, "write_roster")
        assert await exit_code(bed, patched, roster.export()) == 1
        told = capsys.readouterr()
        assert [name for name in NAMES if f"{name}@example.com" in told.out] == ["acme", "coal"]
        assert f"bolt: {UNFORESEEN}" in told.err
    await bed.tamper("UPDATE customers SET timezone = 'Mars' WHERE customer_id = 'bolt'")
    await bed.tamper("UPDATE invoices SET stage = 'nonsense' WHERE customer_id = 'bolt'")
    for command in (
        roster.list_(),
        roster.list_(as_json=True),
        roster.export(),
        listing.list_(),
        listing.list_(period=Period(OCTOBER), as_json=True),
    ):
        assert await exit_code(bed, monkeypatch, command) == 1
        told = capsys.readouterr()
        assert [name for name in ("acme", "coal") if name in told.out] == ["acme", "coal"]
        assert "bolt: a row does not fit this release" in told.err
        assert "1 could not be read and is missing here" in told.err
    await bed.tamper("UPDATE invoices SET stage = 'Monitoring' WHERE customer_id = 'bolt'")


async def test_rehearsal(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await monitored(bed)
    with monkeypatch.context() as patched:
        bolt_fails(patched, book, "_standing")
        read = await book.read_book(bed.settings, book.RehearsalRequest(months=1), datetime.now(UTC))
    assert [each.month.customer.customer_id for each in read.entries] == ["acme", "coal"]
    assert [(each.customer_id, UNFORESEEN in each.reason) for each in read.failed] == [("bolt", True)]
    await bed.tamper("UPDATE customers SET timezone = 'Mars' WHERE customer_id = 'bolt'")
    read = await book.read_book(bed.settings, book.RehearsalRequest(months=1), datetime.now(UTC))
    assert [each.customer_id for each in read.failed] == ["bolt"]
