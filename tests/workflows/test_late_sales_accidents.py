"""Late sales beside outages and accidents: worksheets that are gone, emptied or sorted, runs that are reset."""

import asyncio
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from billing.completeness.row_check import DifferenceReason
from billing.invoices.approval_policy import Flag, flags
from billing.invoices.invoice import ChangeLine
from billing.keys import workflow_id
from billing.period import Period
from bootstrap import connect_completeness
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.stops import text_of
from tests.workflows.late_sales import SEPTEMBER, billed, edit, october, read_anew, refresh, september

__all__ = ["read_anew"]  # fixture


async def reads(bed: Bed) -> dict[str, int]:
    """How often each worksheet was asked for: twice for a reading."""
    async with local_http() as http:
        answer = (await http.get(f"http://127.0.0.1:{bed.ports.sheets}/_control/requests")).json()
    return {path.partition("'")[2][:7]: times for path, times in answer["by_path"].items()}


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
