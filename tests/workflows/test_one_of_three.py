"""Of three customers one fails in a way that nobody has foreseen: the others are done, and that one is named."""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from activities import completeness as covering
from activities import reconciliation as reconciling
from activities.completeness import CompletenessActivities, CompletenessRequest
from activities.payment_intake import PaymentIntake
from activities.reconciliation import Reconciler, ReconcileRequest
from adapters.sql.customers import starts as sql_ledger_starts
from adapters.stripe.payments import StripePayments
from billing.accounting import reconciliation
from billing.accounting.discrepancy import DiscrepancyKind as Kind
from billing.apart import Failed
from billing.completeness import sheet_check
from billing.completeness.chains import OpenChains
from billing.completeness.report import CustomerState, FindingKind
from billing.customers.roster import write_roster
from billing.errors import LedgerUnavailable, PaymentUnknown
from billing.period import Period
from billing.reviewers.alerts import of_report
from billing.reviewers.digest import sections
from bootstrap import connect_completeness, connect_reconciliation, connect_registrar
from cli.customers import customers as roster
from cli.customers import import_customers, start
from cli.invoices import invoices as listing
from clients.registrar import Registrar
from clients.running_workflows import RunningWorkflows
from console.reviewers import bulk as deciding
from console.reviewers.bulk import Bulk, BulkOrder
from inbound.inbox import Inbox
from sandbox.rehearsal import book
from tests.bed import OCTOBER, Bed
from tests.workflows.test_registering import typed as registration_of

NAMES = ("acme", "bolt", "coal")
UNFORESEEN = "RuntimeError: unforeseen ("


def failing(original: Callable[..., Any], is_bolt: Callable[..., bool]) -> Callable[..., Any]:
    """``original``, which raises an error for bolt."""

    @functools.wraps(original)
    def called(*arguments: Any, **options: Any) -> Any:
        if is_bolt(*arguments, **options):
            raise RuntimeError("unforeseen")
        return original(*arguments, **options)

    return called


def bolt_fails(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Whenever bolt is in the arguments, by id or email."""
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), lambda *all, **named: "bolt" in f"{all}{named}"))


async def monitored(bed: Bed) -> None:
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Tea") for name in NAMES))
    for name in NAMES:
        await bed.start(await bed.customer(name), OCTOBER)
    for name in NAMES:
        await bed.drafted(name, OCTOBER)


async def closed(bed: Bed) -> None:
    await monitored(bed)
    for name in NAMES:
        await bed.closed(name)


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


@pytest.mark.parametrize("where", ["rows", "workflow", "ledger"])
async def test_coverage(bed: Bed, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    await monitored(bed)
    if where == "rows":
        bolt_fails(monkeypatch, sheet_check, "check_rows")
    elif where == "workflow":
        monkeypatch.setattr(RunningWorkflows, "listed", _nobody)
        bolt_fails(monkeypatch, RunningWorkflows, "status")
    else:
        await bed.tamper("UPDATE customers SET timezone = 'Mars' WHERE customer_id = 'bolt'")
    coverage = await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(OCTOBER))
    (finding,) = coverage.findings
    assert (finding.kind, finding.customer_id) == (FindingKind.FAILED, "bolt")
    assert ("timezone" if where == "ledger" else UNFORESEEN) in finding.text
    known = where == "workflow"
    assert coverage.customers["bolt"] == (CustomerState.WAITING if known else CustomerState.UNKNOWN)
    assert [coverage.customers[name] for name in ("acme", "coal")] == [CustomerState.WAITING] * 2
    (euros,) = coverage.sums
    assert (euros.invoiced_minor, coverage.unsummed_rows) == ((30000, 0) if known else (20000, 1))


async def test_coverage_of_rows_that_are_nobodys(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await monitored(bed)
    rows = [(f"{name}@elsewhere.org", "7", "Tea") for name in NAMES]
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Tea") for name in NAMES), *rows)
    bolt_fails(monkeypatch, sheet_check, "amount_of")
    coverage = await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(OCTOBER))
    assert coverage.customers == dict.fromkeys(NAMES, CustomerState.WAITING)
    assert coverage.kinds == {FindingKind.FAILED: 1, FindingKind.UNCLAIMED: 2}
    failed, *others = coverage.findings
    assert f"row 6 of worksheet {OCTOBER} could not be checked: {UNFORESEEN}" in failed.text
    assert [finding.text.partition("@")[0] for finding in others] == [
        f"row {row} of worksheet {OCTOBER}, {name}" for row, name in ((5, "acme"), (7, "coal"))
    ]
    (euros,) = coverage.sums
    assert (euros.sheet_minor, euros.invoiced_minor, coverage.unsummed_rows) == (31400, 30000, 1)
    assert euros.unexplained_minor == 0


async def _nobody(_: RunningWorkflows) -> OpenChains:
    return OpenChains({})


async def test_the_daily_coverage_tells_the_others(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await monitored(bed)
    bed.sales(OCTOBER)  # the sheet was emptied
    request = CompletenessRequest(periods=(Period(OCTOBER),))
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    with monkeypatch.context() as patched:
        bolt_fails(patched, covering, "of_report")
        with pytest.raises(RuntimeError):
            await check.cover(request)
    assert [name for name in NAMES if any(name in text for text in await bed.alerted())] == ["acme", "coal"]
    await check.cover(request)
    assert [name for name in NAMES if any(name in text for text in await bed.alerted())] == list(NAMES)


async def test_one_month_of_the_daily_checks(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await closed(bed)
    bed.sales(OCTOBER)  # the sheet was emptied
    await bed.tamper("UPDATE charges SET payment_id = 'pi_' || customer_id")
    october = Period(OCTOBER)
    periods = (october.previous(), october)
    for owner, name in ((CompletenessActivities, "look"), (Reconciler, "reconcile_period")):
        fails = failing(getattr(owner, name), lambda _, period, **named: period != october)
        monkeypatch.setattr(owner, name, fails)
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    with pytest.raises(RuntimeError, match="unforeseen"):
        await check.cover(CompletenessRequest(periods=periods))
    assert await bed.ledger.coverage_of(october)
    told = await bed.alerted()
    assert [name for name in NAMES if any(f"{name}: row" in text for text in told)] == list(NAMES)
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    with pytest.raises(RuntimeError, match="unforeseen"):
        await books.reconcile(ReconcileRequest(periods=periods))
    told = await bed.alerted()
    assert [name for name in NAMES if any(f"pi_{name}" in text for text in told)] == list(NAMES)


async def test_what_is_down_ends_the_whole_look(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await monitored(bed)

    async def down(*_: Any) -> Any:
        raise LedgerUnavailable("down")

    monkeypatch.setattr(type(bed.ledger), "run", down)
    with pytest.raises(LedgerUnavailable):
        await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(OCTOBER))


@pytest.mark.parametrize("where", ["repair", "comparison", "ledger", "register"])
async def test_reconciliation(bed: Bed, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    await closed(bed)
    if where == "register":
        for table in ("entries", "transactions", "incoming_payments"):
            await bed.tamper(f"DELETE FROM {table}")
        bolt_fails(monkeypatch, PaymentIntake, "take")
    else:
        await bed.tamper("DELETE FROM charges")
    if where == "repair":
        (bolt,) = [each["id"] for each in bed.intents() if each["metadata"]["customer_id"] == "bolt"]
        monkeypatch.setattr(Reconciler, "take_in", failing(Reconciler.take_in, lambda _, paid: paid == bolt))
    elif where == "comparison":
        bolt_fails(monkeypatch, reconciliation, "_of_payment")
    elif where == "ledger":
        await bed.tamper("UPDATE invoices SET stage = 'nonsense' WHERE customer_id = 'bolt' AND period = ?", OCTOBER)
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    result = await books.reconcile_period(Period(OCTOBER))
    await bed.tamper("UPDATE invoices SET stage = 'Paid' WHERE stage = 'nonsense'")
    kind = Kind.MISSING if where == "repair" else Kind.FAILED
    assert [
        (each.customer_id, each.kind, each.repaired)
        for each in sorted(result.findings, key=lambda each: each.customer_id)
    ] == [
        ("acme", Kind.MISSING, True),
        ("bolt", kind, False),
        ("coal", Kind.MISSING, True),
    ]


async def test_the_daily_reconciliation_tells_the_others(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await closed(bed)
    await bed.tamper("UPDATE charges SET payment_id = 'pi_' || customer_id")
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    bolt_fails(monkeypatch, reconciling, "of_report")
    with pytest.raises(RuntimeError):
        await books.reconcile(ReconcileRequest(periods=(Period(OCTOBER),)))
    told = await bed.alerted()
    assert [name for name in NAMES if any(f"pi_{name}" in text for text in told)] == ["acme", "coal"]


async def test_a_processor_that_answers_nobody_ends_the_comparison(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    await closed(bed)
    await bed.tamper("UPDATE charges SET payment_id = 'pi_' || customer_id")

    async def down(*_: Any) -> Any:
        raise PaymentUnknown("no answer")

    monkeypatch.setattr(StripePayments, "payment", down)
    with pytest.raises(PaymentUnknown):
        await connect_reconciliation(bed.settings, bed.adapters, bed.client).reconcile_period(Period(OCTOBER))


@pytest.mark.parametrize("where", ["writing", "ledger"])
async def test_a_digest(bed: Bed, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "writing":
        fails = lambda digest: any(each.text == "matter of bolt" for each in digest.alerts)  # noqa: E731
        monkeypatch.setattr("adapters.mail.mail_templates.sections", failing(sections, fails))
    for name in NAMES:
        await bed.ledger.save_alert(of_report(name, Period(OCTOBER), 1, f"matter of {name}", datetime.now(UTC)))
    if where == "ledger":
        await bed.tamper("UPDATE alerts SET kind = 'nonsense' WHERE customer_id = 'bolt'")
        monkeypatch.setattr(bed.ledger, "alerts", _none)  # which the bed reads to know whether all was told
    await bed.tell_reviewers()
    await bed.client.get_workflow_handle("reviewer-digest-v1").result()
    told = " ".join(" ".join(mail.text.split()) for mail in bed.mails("reviewers@example.com"))
    assert [told.count(f"matter of {name}") for name in NAMES] == [1, 0, 1]
    assert ("bolt, 2026-10: an alert about this cannot be sent as written (RuntimeError)" in told) == (
        where == "writing"
    )
    assert ("an alert of bolt cannot be read in the ledger's outbox" in told) == (where == "ledger")


async def _none() -> list[Any]:
    return []


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
