"""The ledger asked about everybody, on SQLite and on PostgreSQL alike: page by page, as the months were recorded."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.completeness import completeness as coverage
from adapters.sql.ledger import SqlLedger
from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage
from billing.commands import Halt
from billing.completeness.snapshots import (
    CustomerSnapshot,
    DataSource,
    DebtSnapshot,
    LastRun,
    LineSnapshot,
)
from billing.invoices.commands import Edit
from billing.invoices.invoice import AddLine, ChangeLine, Invoice, LineItem, RemoveLine, SalesSeen, SheetRow, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, INVOICE, LATER, NOVEMBER, OCTOBER, SOURCE
from tests.unit.months import decided

ANN: dict[str, Any] = {"by": "ann", "reason": "looked"}


async def accounts(ledger: SqlLedger, period: Period = NOVEMBER) -> dict[str, CustomerSnapshot]:
    return {each.customer.customer_id: each async for page in pages(ledger, period) for each in page}


async def pages(ledger: SqlLedger, period: Period = NOVEMBER) -> AsyncIterator[list[CustomerSnapshot]]:
    """All of which can be read."""
    async for page in ledger.accounts(period):
        assert not any(isinstance(each, Failed) for each in page)
        yield [each for each in page if isinstance(each, CustomerSnapshot)]


def month_of(customer_id: str, period: Period = NOVEMBER, invoice: Invoice | None = INVOICE) -> Month:
    opened = Month.open(ACME.evolve(customer_id=customer_id, email=f"{customer_id}@example.com"), period)
    return opened.drafted(invoice) if invoice else opened


async def test_a_month_is_seen_as_it_was_recorded(ledger: SqlLedger) -> None:
    changes = (ChangeLine(line_id="row-7", amount_minor=5), AddLine(description="x", amount_minor=1))
    sales = SalesSeen(sheet=SOURCE.sheet, digest=SOURCE.digest, emails=("kiwi@example.com",))
    month = month_of("kiwi", invoice=INVOICE.evolve(sales=sales))
    month, *_ = decide(month, Edit(period=NOVEMBER, version=1, changes=changes, **ANN), AT, "update")
    refused = Edit(period=NOVEMBER, version=1, changes=(RemoveLine(line_id="row-9"),), **ANN)
    month, decision = decided(month, refused, AT, "update")
    assert not decision.accepted
    await ledger.record(month, AT)
    seen = (await accounts(ledger))["kiwi"]
    assert seen.customer == month.customer
    assert (seen.first, seen.last, seen.closed_at, seen.debt) == (NOVEMBER, NOVEMBER, None, None)
    assert seen.month is not None
    assert month.invoice is not None
    assert seen.month.email == "kiwi@example.com"
    assert seen.month.stage is Stage.HALTED  # a row cannot be read
    assert (seen.month.total_minor, seen.month.carried_minor) == (month.invoice.total_minor, 0)
    assert seen.month.lines[0] == LineSnapshot("row-7", "Tea", 5, 7, "d" * 64)
    assert [(line.line_id, line.raw) for line in seen.month.problems] == [("row-9", "x,y")]
    assert seen.month.in_sheet == {"row-7": SheetRow(row=7, description="Tea", amount_minor=2**40)}
    assert seen.month.left_out == ()
    assert "cannot be read" in seen.month.needs
    assert not seen.month.halted
    assert seen.month.next_at == month.due(AT).at

    halted, *_ = decide(month, Halt(**ANN), AT, "update")
    await ledger.record(halted, LATER)
    seen = (await accounts(ledger))["kiwi"]
    assert seen.month is not None
    assert (seen.month.halted, seen.month.needs) == (True, "halted by ann: looked")
    assert (await accounts(ledger, DECEMBER))["kiwi"].month is None


async def test_lines_of_later_months_that_point_at_the_sheet_are_seen(ledger: SqlLedger) -> None:
    await ledger.record(month_of("kiwi"), AT)
    source = Source(sheet=str(NOVEMBER), row=12, digest="e")
    line = LineItem(line_id="late-12", description="Forgotten", amount_minor=900, source=source)
    december = month_of("kiwi", DECEMBER, INVOICE.evolve(lines=(line,), problems=()))
    await ledger.record(december, AT)
    seen = (await accounts(ledger))["kiwi"]
    assert seen.month is not None
    assert seen.month.later == (LineSnapshot("late-12", "Forgotten", 900, 12, "e"),)

    await ledger.record(december.close(Stage.SKIPPED, LATER), LATER)  # which bills nobody anything
    seen = (await accounts(ledger))["kiwi"]
    assert seen.month is not None
    assert seen.month.later == ()
    assert (seen.first, seen.last) == (NOVEMBER, DECEMBER)


async def test_closed_accounts_and_collections_are_seen(ledger: SqlLedger) -> None:
    result = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1")
    invoice = INVOICE.evolve(problems=())
    month = month_of("kiwi", NOVEMBER, invoice).evolve(leaving="ann: moved").close(Stage.PAST_DUE, AT, result)
    await ledger.record(month, AT)
    await ledger.record_collection(Collection.open(month), AT)
    seen = (await accounts(ledger))["kiwi"]
    assert (seen.closed_at, seen.closed_reason) == (AT, "ann: moved")
    assert seen.debt == DebtSnapshot(CollectionStage.COLLECTING)


async def test_everybody_comes_once_however_many_pages_there_are(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "PAGE", 3)
    names = [f"c{number}" for number in range(7)]
    for name in names:
        await ledger.record(month_of(name), AT)
    found = [[each.customer.customer_id for each in page] async for page in pages(ledger)]
    assert [len(page) for page in found] == [3, 3, 1]
    assert [name for page in found for name in page] == names
    assert all(len(each.month.lines) == 2 for each in (await accounts(ledger)).values() if each.month)


async def test_the_heartbeat_is_the_last_run(ledger: SqlLedger) -> None:
    assert await ledger.coverage_of(NOVEMBER) is None
    assert (await ledger.vitals(AT)).covered_at is None
    report: dict[str, object] = {"states": {"paid": 1}}
    run = LastRun(period=NOVEMBER, at=AT, daily_at=AT, findings=3, told=("row 7",), report=report)
    await ledger.save_coverage(run)
    await ledger.save_coverage(run.evolve(period=OCTOBER, at=LATER, daily_at=LATER, findings=2))
    await ledger.save_coverage(run.evolve(at=LATER, daily_at=LATER, findings=1))
    assert await ledger.coverage_of(NOVEMBER) == run.evolve(at=LATER, daily_at=LATER, findings=1)
    vitals = await ledger.vitals(LATER)
    assert (vitals.covered_at, vitals.findings, vitals.unseen) == (LATER, 3, ())


async def test_a_look_of_people_is_kept_and_is_no_heartbeat(ledger: SqlLedger) -> None:
    look = LastRun(period=NOVEMBER, at=AT, findings=2, report={"kinds": {"missing": 2}})
    await ledger.save_coverage(look)
    assert await ledger.coverage_of(NOVEMBER) == look
    assert (await ledger.vitals(AT)).covered_at is None
    daily = LastRun(period=NOVEMBER, at=AT, daily_at=AT, findings=3, told=("row 7",))
    await ledger.save_coverage(daily)
    await ledger.save_coverage(look.evolve(at=LATER))
    assert await ledger.coverage_of(NOVEMBER) == look.evolve(at=LATER, daily_at=AT, told=("row 7",))
    vitals = await ledger.vitals(LATER)
    assert (vitals.covered_at, vitals.findings) == (AT, 2), "what people have found since is what monitors see"


async def test_what_the_last_run_could_not_see_is_kept_until_a_run_sees_it(ledger: SqlLedger) -> None:
    blind = LastRun(period=NOVEMBER, at=AT, daily_at=AT, findings=0, report={"unseen": {DataSource.SHEET: "503"}})
    await ledger.save_coverage(blind)
    await ledger.save_coverage(blind.evolve(period=OCTOBER, report={"unseen": {}}))
    kept = await ledger.coverage_of(NOVEMBER)
    assert kept is not None
    assert kept.unseen == {DataSource.SHEET}
    assert (await ledger.vitals(AT)).unseen == (DataSource.SHEET,)
    await ledger.save_coverage(blind.evolve(at=LATER, daily_at=LATER, report={"unseen": {}}))
    assert (await ledger.vitals(LATER)).unseen == ()


async def test_the_oldest_due_instant_is_of_open_months_and_collections_only(ledger: SqlLedger) -> None:
    line = LineItem(line_id="added-1", description="Tea", amount_minor=900)
    month = month_of("kiwi", NOVEMBER, INVOICE.evolve(lines=(line,), problems=()))
    await ledger.record(month, AT)
    assert (await ledger.vitals(month.notice_at)).overdue_since is None
    later = month.notice_at + timedelta(hours=9)
    assert (await ledger.vitals(later)).overdue_since == month.notice_at
    await ledger.record(month.close(Stage.SKIPPED, later), later)
    assert (await ledger.vitals(later)).overdue_since is None
    result = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1")
    debt = Debt(period=NOVEMBER, amount_minor=5, currency="eur", opened_at=AT, method=ACME.card_on_file, answer=result)
    owed = Collection(customer=ACME, period=NOVEMBER, debts=(debt,), since=AT)
    await ledger.record_collection(owed, AT)
    vitals = await ledger.vitals(AT + timedelta(days=30))
    assert vitals.overdue_since == owed.due(AT).at
    assert vitals.open_collections == 1


async def test_a_step_that_goes_on_and_on_is_overdue_since_it_began(ledger: SqlLedger) -> None:
    due = Month.open(ACME, NOVEMBER)
    began = due.import_at + timedelta(minutes=1)
    await ledger.record(due, began)
    assert (await ledger.vitals(began + timedelta(days=1))).overdue_since == began


async def test_months_are_counted_by_stage(ledger: SqlLedger) -> None:
    for name, stage in (("a", Stage.PAID), ("b", Stage.PAID), ("c", Stage.SKIPPED)):
        await ledger.record(month_of(name).close(stage, AT), AT)
    assert await ledger.count_stages(NOVEMBER) == {"Paid": 2, "Skipped": 1}
    assert await ledger.count_stages(OCTOBER) == {}
