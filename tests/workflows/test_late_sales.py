"""Sales typed, changed or removed after the collection: on the draft if somebody refreshes it, else next month."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from billing.commands import CommandResult
from billing.completeness.row_check import DifferenceReason
from billing.customers.customer import CustomerChanges, ReviewMode, Terms, TermsChanges
from billing.invoices.approval_policy import Flag, flags
from billing.invoices.commands import Approve, Edit, Skip, UpdateCustomer
from billing.invoices.invoice import AddLine, ChangeLine, RemoveLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import workflow_id
from billing.period import Period
from billing.reviewers.alerts import AlertKind
from billing.sales.adjustments import refresh_changes
from bootstrap import connect_completeness, connect_sheet_comparer
from sandbox.stand_ins.control import local_http
from services import shared_sales
from tests.bed import OCTOBER, Bed, now
from tests.stops import text_of

SEPTEMBER, NOVEMBER = "2026-09", "2026-11"
ACME = "acme@example.com"
ANN: dict[str, Any] = {"by": "ann", "reason": "as agreed"}


@pytest.fixture(autouse=True)
def read_anew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """These months are collected late, one after the other within the seconds in which a reading is shared."""
    if "one_worksheet_more" not in request.node.name:
        monkeypatch.setattr(shared_sales, "_SHARED", timedelta())


def september(bed: Bed, *rows: tuple[str, str], email: str = ACME) -> None:
    bed.sales(SEPTEMBER, *((email, *row) for row in rows))


def october(bed: Bed, *rows: tuple[str, str]) -> None:
    bed.sales(OCTOBER, *((ACME, *row) for row in rows))


def billed(month: Month) -> list[tuple[str, int, str]]:
    """Line, amount, and the worksheet and row it points at."""
    assert month.invoice is not None
    return [
        (line.line_id, line.amount_minor, f"{line.source.sheet}, {line.source.row}" if line.source else "")
        for line in month.invoice.lines
    ]


async def refresh(bed: Bed, customer_id: str = "acme") -> CommandResult:
    """What a reviewer does by the command line or the console."""
    month = await bed.month(customer_id)
    compared = await connect_sheet_comparer(bed.settings, bed.adapters).compare(month, now())
    assert compared is not None
    assert month.invoice is not None
    edit = Edit(
        **ANN,
        period=month.period,
        version=month.invoice.version,
        digest=month.invoice.digest,
        changes=refresh_changes(compared.changes, compared.sales.digest),
        sales=compared.sales,
    )
    return await bed.command(customer_id, edit)


async def reads(bed: Bed) -> dict[str, int]:
    """How often each worksheet was asked for: twice for a reading."""
    async with local_http() as http:
        answer = (await http.get(f"http://127.0.0.1:{bed.ports.sheets}/_control/requests")).json()
    return {path.partition("'")[2][:7]: times for path, times in answer["by_path"].items()}


async def edit(bed: Bed, *changes: AddLine | ChangeLine | RemoveLine) -> None:
    month = await bed.month("acme")
    assert month.invoice is not None
    version = month.invoice.version
    command = Edit(**ANN, period=month.period, version=version, changes=changes)
    assert (await bed.command("acme", command)).accepted
    await bed.is_on_record(
        "acme", month.period, lambda kept: kept.invoice is not None and kept.invoice.version > version
    )


# -- after the charge


async def test_rows_added_changed_and_removed_after_the_charge_are_lines_of_the_next_month(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50", "7"), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    september(bed, ("120", "Sale 1"), ("7", "Sale 3"), ("3", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month) == [
        ("row-2", 1000, "2026-10, 2"),
        ("late-2026-09-row-2", 2000, "2026-09, 2"),
        ("removed-2026-09-row-3", -5000, "2026-09, 3"),
        ("late-2026-09-row-4", 300, "2026-09, 4"),
    ]
    assert Flag.SHEET in flags(month)
    assert bed.charged() == [(SEPTEMBER, 15700)]


async def test_what_was_adjusted_once_is_not_adjusted_again_in_the_months_after(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    bed.sales(NOVEMBER, (ACME, "1", "Tea"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.drafted("acme", OCTOBER)
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"), ("9", "Even later"))
    await bed.announced()
    october(bed, ("11", "Hosting"))
    await bed.closed(period=OCTOBER)
    month = await bed.drafted("acme", NOVEMBER)
    assert billed(month) == [("row-2", 100, "2026-11, 2"), ("late-2026-10-row-2", 100, "2026-10, 2")]
    await bed.closed(period=NOVEMBER)
    assert bed.charged() == [(SEPTEMBER, 10000), (OCTOBER, 1500), (NOVEMBER, 200)]


async def test_a_sheet_that_is_corrected_as_a_reviewer_had_edited_the_draft_adjusts_nothing(bed: Bed) -> None:
    await bed.monitored(sales=("4800", "12,50", "7"), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await edit(
        bed,
        ChangeLine(line_id="row-2", amount_minor=48000),
        ChangeLine(line_id="row-3", amount_minor=1250),
        RemoveLine(line_id="row-4"),
        AddLine(description="Forgotten", amount_minor=500),
    )
    september(bed, ("480", "Sale 1"), ("12.50", "Sale 2"), ("5", "Forgotten"))
    assert (await bed.announced()).drift is None
    await bed.closed(period=SEPTEMBER)
    assert billed(await bed.drafted("acme", OCTOBER)) == [("row-2", 1000, "2026-10, 2")]


async def test_a_row_that_cannot_be_read_any_more_stops_the_next_month_for_a_person(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    september(bed, ("1,2", "Sale 1"))
    await bed.closed(period=SEPTEMBER)
    month = await bed.drafted("acme", OCTOBER)
    assert "row 2 of worksheet 2026-09 cannot be read" in text_of(month.stopped)
    assert "100.00 EUR is billed for it: give the difference" in text_of(month.stopped)
    await edit(bed, ChangeLine(line_id="late-2026-09-row-2", amount_minor=-9880))
    await bed.closed(period=OCTOBER)
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.CARRIED_FORWARD


async def test_nobody_is_billed_for_a_month_that_was_skipped_and_people_are_told(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed, ("5", "Forgotten"))
    await bed.command("acme", Skip(**ANN))
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month) == [("row-2", 1000, "2026-10, 2")]
    assert "2026-09 was skipped, and its sheet has changed since" in (month.remark or "")
    assert Flag.SHEET in flags(month)
    assert "2026-09 was skipped" in await bed.told()


async def test_late_sales_of_a_month_that_is_skipped_are_on_the_next_invoice_once(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    bed.sales(NOVEMBER, (ACME, "1", "Tea"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.drafted("acme", OCTOBER)
    answer = await bed.command("acme", Skip(**ANN))
    assert "moved to the next invoice: late sales of earlier months (5.00 EUR)" in answer.result
    (bed.folder / "sheets" / "sales" / f"{OCTOBER}.csv").rename(bed.folder / "away.csv")
    month = await bed.until("acme", lambda month: month.period == NOVEMBER)
    await bed.skip_to("acme", month.import_at)
    month = await bed.drafted("acme", NOVEMBER)
    assert billed(month) == [("row-2", 100, "2026-11, 2"), ("late-2026-09-row-3", 500, "2026-09, 3")]
    assert "2026-10 was skipped, and its sheet cannot be compared" in (month.remark or "")
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    assert (await check.look(Period(SEPTEMBER))).findings == ()
    await bed.closed(period=NOVEMBER)
    assert bed.charged() == [(SEPTEMBER, 10000), (NOVEMBER, 600)]


async def test_late_sales_before_a_month_that_is_skipped_without_a_draft_are_on_the_next_invoice(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER, is_last=True)
    bed.sales(NOVEMBER, (ACME, "1", "Tea"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.skip("acme", timedelta(minutes=2))  # the first round of tries: there is no worksheet of October
    await bed.until("acme", lambda month: month.period == OCTOBER and bool(month.outage), seconds=60)
    assert (await bed.command("acme", Skip(**ANN, period=Period(OCTOBER)))).accepted
    month = await bed.until("acme", lambda month: month.period == NOVEMBER)
    await bed.skip_to("acme", month.import_at)
    month = await bed.drafted("acme", NOVEMBER)
    assert billed(month) == [("row-2", 100, "2026-11, 2"), ("late-2026-09-row-3", 500, "2026-09, 3")]
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    assert (await check.look(Period(SEPTEMBER))).findings == ()


async def test_a_month_that_was_carried_forward_or_had_nothing_due_is_adjusted_like_any_other(bed: Bed) -> None:
    await bed.monitored(sales=("0.30",), period=SEPTEMBER)
    await bed.monitored("other", sales=(), period=SEPTEMBER)
    bed.sales(SEPTEMBER, (ACME, "0.20", "Sale 1"), ("other@example.com", "4", "Forgotten"))
    october(bed, ("10", "Hosting"))
    for name in ("acme", "other"):
        await bed.closed(name, SEPTEMBER)
        await bed.drafted(name, OCTOBER)
    month = await bed.month("acme")
    assert month.invoice is not None
    assert month.invoice.total_minor == 30 + 1000 - 10
    assert billed(await bed.month("other")) == [("late-2026-09-row-3", 400, "2026-09, 3")]


async def test_amounts_that_people_enter_are_not_compared_but_get_what_the_sheet_lacked_before(bed: Bed) -> None:
    await bed.monitored(sales=("100",), period=SEPTEMBER)
    october(bed, ("10", "not for the bill"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    changes = CustomerChanges(terms=TermsChanges(review_mode=ReviewMode.MANUAL))
    await bed.skip_to("acme", (await bed.month("acme")).charge_at)
    await bed.until("acme", lambda month: month.period == OCTOBER)
    month = await bed.drafted("acme", OCTOBER)
    await bed.command("acme", UpdateCustomer(**ANN, changes=changes))
    assert billed(month)[-1] == ("late-2026-09-row-3", 500, "2026-09, 3")
    manual = await bed.monitored(
        "byhand", sales=("1",), period=SEPTEMBER, terms=Terms(review_mode=ReviewMode.MANUAL), email="h@example.com"
    )
    assert manual.invoice is not None
    assert manual.invoice.sales is None
    add = AddLine(description="Retainer", amount_minor=5000)
    assert (await bed.command("byhand", Edit(**ANN, period=manual.period, version=1, changes=(add,)))).accepted
    entered = await bed.month("byhand")
    assert entered.invoice is not None
    await bed.command("byhand", Approve(by="bob", reason="agreed", digest=entered.invoice.digest))
    bed.sales(SEPTEMBER, ("h@example.com", "99", "Sale 9"))
    await bed.closed("byhand", SEPTEMBER)
    assert billed(await bed.drafted("byhand", OCTOBER)) == []


# -- whose rows


async def test_rows_of_a_customer_with_another_address_by_now_are_the_same_rows(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50"), period=SEPTEMBER)
    bed.sales(OCTOBER, ("new@example.com", "10", "Hosting"))
    await bed.command("acme", UpdateCustomer(**ANN, changes=CustomerChanges(email="new@example.com")))
    september(bed, ("50", "Sale 2"), ("100", "Sale 1"), ("5", "Forgotten"), email="new@example.com")
    await bed.closed(period=SEPTEMBER)
    assert billed(await bed.drafted("acme", OCTOBER)) == [
        ("row-2", 1000, "2026-10, 2"),
        ("late-2026-09-row-4", 500, "2026-09, 4"),
    ]


async def test_rows_that_another_customer_was_billed_for_stay_theirs_whoever_has_the_address_now(bed: Bed) -> None:
    bed.sales(SEPTEMBER, ("one@example.com", "10", "One"), ("two@example.com", "20", "Two"))
    bed.sales(OCTOBER, ("two@example.com", "1", "One"))
    for name in ("one", "two"):
        await bed.start(await bed.customer(name, email=f"{name}@example.com"), SEPTEMBER)
        await bed.drafted(name, SEPTEMBER)
    await bed.command("two", UpdateCustomer(**ANN, changes=CustomerChanges(email="three@example.com")))
    await bed.command("one", UpdateCustomer(**ANN, changes=CustomerChanges(email="two@example.com")))
    for name, lines in (("one", [("row-2", 100, "2026-10, 2")]), ("two", [])):
        await bed.closed(name, SEPTEMBER)
        assert billed(await bed.drafted(name, OCTOBER)) == lines
    assert sorted(bed.charged()) == [(SEPTEMBER, 1000), (SEPTEMBER, 2000)]


# -- before the charge


async def test_a_change_before_the_notice_is_told_and_stops_nothing(bed: Bed) -> None:
    await bed.monitored()
    october(bed, ("100", "Sale 1"), ("20", "Forgotten"))
    month = await bed.announced()
    assert month.drift == "rows: 1 added; 20.00 EUR more"
    assert Flag.SHEET in flags(month)
    assert "the sheet has changed since the import (rows: 1 added; 20.00 EUR more)" in await bed.told()
    assert (await bed.recorded("acme", OCTOBER)).drift == month.drift
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]
    assert [row.kind for row in await bed.ledger.alerts()].count(AlertKind.REPORT) == 1


async def test_a_draft_is_refreshed_before_the_notice_and_the_edits_of_other_lines_stay(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50", "7"))
    await edit(bed, ChangeLine(line_id="row-2", amount_minor=9000), ChangeLine(line_id="row-3", amount_minor=4000))
    october(bed, ("1", "Cake"), ("100", "Sale 1"), ("60", "Sale 2"))
    answer = await refresh(bed)
    assert answer.accepted
    assert answer.result.startswith("version 3: 151.00 EUR")
    month = await bed.announced()
    assert billed(month) == [
        ("row-2", 9000, "2026-10, 2"),
        ("row-3", 6000, "2026-10, 4"),
        ("added-1", 100, "2026-10, 2"),
    ]
    assert month.drift is None
    bed.sales(NOVEMBER, (ACME, "2", "Tea"))
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 15100)]
    assert (await bed.month("acme")).period == NOVEMBER


async def test_a_refresh_in_the_last_call_sends_a_corrected_notice_and_is_not_billed_again(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed, ("100", "Sale 1"), ("20", "Forgotten"))
    assert (await bed.announced()).drift
    assert (await refresh(bed)).accepted
    month = await bed.until("acme", lambda month: month.notices == 2)
    assert month.drift is None
    assert "120.00" in bed.mails(ACME)[-1].text
    await bed.closed(period=SEPTEMBER)
    assert billed(await bed.drafted("acme", OCTOBER)) == [("row-2", 1000, "2026-10, 2")]
    assert bed.charged() == [(SEPTEMBER, 12000)]


async def test_what_changes_after_a_refresh_is_adjusted_from_there(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed, ("20", "Forgotten"), ("100", "Sale 1"))
    assert (await refresh(bed)).accepted
    await bed.announced()
    september(bed, ("25", "Forgotten"), ("100", "Sale 1"))
    await bed.closed(period=SEPTEMBER)
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month)[1:] == [("late-2026-09-row-2", 500, "2026-09, 2")]


async def test_a_refresh_of_what_somebody_has_edited_meanwhile_is_refused(bed: Bed) -> None:
    seen = await bed.monitored()
    october(bed, ("100", "Sale 1"), ("20", "Forgotten"))
    await edit(bed, ChangeLine(line_id="row-2", amount_minor=9000))
    compared = await connect_sheet_comparer(bed.settings, bed.adapters).compare(seen, now())
    assert compared is not None
    assert seen.invoice is not None
    changes = refresh_changes(compared.changes, compared.sales.digest)
    said = Edit(**ANN, period=seen.period, version=1, digest=seen.invoice.digest, changes=changes, sales=compared.sales)
    answer = await bed.command("acme", said)
    assert not answer.accepted
    assert "made on version 1" in answer.result


async def test_a_sheet_that_cannot_be_read_does_not_stop_the_notice(bed: Bed) -> None:
    await bed.monitored()
    october(bed, ("999", "Sale 1"))
    await bed.sheets_fault(path="/v4/", kind="status", status=503, times=None)
    month = await bed.announced()
    assert month.drift is None
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]


# -- outages and accidents


async def test_an_outage_at_the_import_is_waited_for(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.sheets_fault(path="2026-09", kind="status", status=503, times=8)
    await bed.closed(period=SEPTEMBER)
    await bed.skip("acme", timedelta(minutes=2))  # the first round of tries
    await bed.until("acme", lambda month: bool(month.outage), seconds=60)
    assert "the sales of the month before cannot be compared" in text_of((await bed.month("acme")).outage)
    await bed.skip("acme", timedelta(minutes=20))
    assert billed(await bed.drafted("acme", OCTOBER))[1:] == [("late-2026-09-row-3", 500, "2026-09, 3")]


async def test_a_worksheet_that_is_gone_for_good_holds_the_month_for_hours_and_not_for_ever(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    (bed.folder / "sheets" / "sales" / f"{SEPTEMBER}.csv").rename(bed.folder / "old.csv")
    await bed.closed(period=SEPTEMBER)
    await bed.skip("acme", timedelta(minutes=2))  # the first round of tries
    await bed.until("acme", lambda month: bool(month.outage) and month.alerts == 1, seconds=60)
    assert "there is no such worksheet" in await bed.told()
    for _ in range(5):
        await bed.skip("acme", timedelta(hours=1))
        await asyncio.sleep(0)
    month = await bed.drafted("acme", OCTOBER)
    assert billed(month) == [("row-2", 1000, "2026-10, 2")]
    assert "nothing of it is in this draft" in (month.remark or "")
    assert not month.previous_compared
    assert Flag.SHEET in flags(month)
    await bed.closed(period=OCTOBER)
    assert bed.charged() == [(SEPTEMBER, 10000), (OCTOBER, 1000)]


async def test_a_worksheet_that_was_emptied_is_no_credit(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    september(bed)
    assert (await bed.announced()).drift is None
    await bed.closed(period=SEPTEMBER)
    await bed.skip("acme", timedelta(minutes=2))  # the first round of tries
    month = await bed.until("acme", lambda month: bool(month.outage), seconds=60)
    assert "worksheet '2026-09' no longer has any rows" in text_of(month.outage)


async def test_coverage_accounts_for_every_row_that_came_late_or_was_taken_in(bed: Bed) -> None:
    await bed.monitored(sales=("100", "5"), period=SEPTEMBER)
    october(bed, ("10", "Hosting"), ("7", "Tea"))
    september(bed, ("3", "Cake"), ("100", "Sale 1"), ("6", "Sale 2"))
    assert (await refresh(bed)).accepted
    await bed.announced()
    september(bed, ("3", "Cake"), ("110", "Sale 1"), ("4", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    await bed.drafted("acme", OCTOBER)
    await edit(bed, ChangeLine(line_id="row-2", amount_minor=900))
    october(bed, ("7", "Tea"), ("12", "Hosting"))
    assert (await refresh(bed)).accepted
    await bed.announced()
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    for period, sheet_minor in ((SEPTEMBER, 11700), (OCTOBER, 1900)):
        found = await check.look(Period(period))
        assert found.findings == ()
        assert [each.sheet_minor for each in found.sums] == [sheet_minor]
    month = await bed.month("acme")
    assert month.invoice is not None
    assert month.invoice.total_minor == 1900 + 1000 + 400 - 600


async def test_a_sheet_that_is_sorted_after_the_collection_is_no_change_and_a_row_inserted_at_the_top_one_only(
    bed: Bed,
) -> None:
    await bed.monitored(sales=("10", "10", "4800", "'4,80"))
    await edit(bed, ChangeLine(line_id="row-4", amount_minor=48000), ChangeLine(line_id="row-5", amount_minor=480))
    moved = [("'4,80", "Sale 4"), ("4800", "Sale 3"), ("10", "Sale 2"), ("10", "Sale 1")]
    october(bed, *moved)
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    found = await check.look(Period(OCTOBER))
    assert found.findings == ()
    assert found.sums[0].differences_minor == {DifferenceReason.EDITED: 432000, DifferenceReason.ENTERED: -480}
    month = await bed.announced()
    assert month.drift is None
    october(bed, ("99", "Set"), *moved)
    (finding,) = (await check.look(Period(OCTOBER))).findings
    assert finding.text == "acme: row 2 added to the sheet since the import: 99.00 EUR"
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 2000 + 48000 + 480)]


async def test_a_run_that_is_reset_takes_nothing_in_twice(bed: Bed) -> None:
    await bed.monitored(period=SEPTEMBER)
    october(bed, ("10", "Hosting"))
    await bed.announced()
    september(bed, ("100", "Sale 1"), ("5", "Forgotten"))
    await bed.closed(period=SEPTEMBER)
    before = await bed.drafted("acme", OCTOBER)
    described = await bed.handle("acme").describe()
    await bed.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=bed.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id("acme"), run_id=described.run_id),
            reason="test",
            request_id="reset",
            workflow_task_finish_event_id=4,
            reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_NONE,
        )
    )
    after = await bed.drafted("acme", OCTOBER)
    assert billed(after) == billed(before)
    await bed.closed(period=OCTOBER)
    assert bed.charged() == [(SEPTEMBER, 10000), (OCTOBER, 1500)]


async def test_a_collection_asks_for_one_worksheet_more_however_many_customers_there_are(bed: Bed) -> None:
    names = ("acme", "ben", "cid")
    bed.sales(SEPTEMBER, *((f"{name}@example.com", "10", "Hosting") for name in names))
    bed.sales(OCTOBER, *((f"{name}@example.com", "10", "Hosting") for name in names))
    for name in names:
        await bed.start(await bed.customer(name), SEPTEMBER)
    for name in names:
        await bed.drafted(name, SEPTEMBER)
    first = await reads(bed)
    assert first == {SEPTEMBER: 2}, "nothing of the month before is there to be compared"
    charge_at = [(await bed.announced(name)).charge_at for name in names]
    await asyncio.gather(*(bed.skip_to(name, at) for name, at in zip(names, charge_at, strict=True)))
    for name in names:
        await bed.drafted(name, OCTOBER)
    assert (await reads(bed))[OCTOBER] == 2
    assert (await reads(bed))[SEPTEMBER] <= 6
