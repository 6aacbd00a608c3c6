"""Of three customers one fails as nobody has foreseen: checks and digests tell the others, and name that one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities import completeness as covering
from activities import reconciliation as reconciling
from activities.completeness import CompletenessActivities, CompletenessRequest
from activities.payment_intake import PaymentIntake
from activities.reconciliation import Reconciler, ReconcileRequest
from adapters.stripe.payments import StripePayments
from billing.accounting import reconciliation
from billing.accounting.discrepancy import DiscrepancyKind as Kind
from billing.completeness import sheet_check
from billing.completeness.chains import OpenChains
from billing.completeness.report import CustomerState, FindingKind
from billing.errors import LedgerUnavailable, PaymentUnknown
from billing.period import Period
from billing.reviewers.alerts import of_report
from billing.reviewers.digest import sections
from bootstrap import connect_completeness, connect_reconciliation
from clients.running_workflows import RunningWorkflows
from tests.bed import OCTOBER, Bed
from tests.workflows.three import NAMES, bolt_fails, failing, monitored

UNFORESEEN = "RuntimeError: unforeseen ("


async def closed(bed: Bed) -> None:
    await monitored(bed)
    for name in NAMES:
        await bed.closed(name)


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
