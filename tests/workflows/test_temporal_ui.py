"""What the Temporal UI says of a workflow for good, on the real server: in every month of a chain, and in schedules."""

import uuid

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import ScheduleActionStartWorkflow

from billing.period import Period
from clients.completeness_now import check_now
from clients.schedules import COMPLETENESS, RECONCILIATION, Daily, ensure_daily
from tests.bed import Bed


async def test_a_month_says_whom_it_bills_and_how_to_stop_it_in_the_next_run_too(bed: Bed) -> None:
    await bed.monitored()
    run = await bed.handle("acme").describe()
    assert await run.static_summary() == "bills acme, month by month"
    shown = [await run.static_details() or "", await _current(bed)]
    await bed.closed()
    assert (await bed.handle("acme").describe()).run_id != run.run_id
    for details in (*shown, await _current(bed)):
        assert "`python starter.py show acme`" in details
        assert "acme@example.com" not in details


async def _current(bed: Bed) -> str:
    """The details that a run gives when it is asked: those for good are the first run's alone."""
    query = "__temporal_workflow_metadata"
    answer: WorkflowMetadata = await bed.handle("acme").query(query, result_type=WorkflowMetadata)
    return answer.current_details


async def test_a_collection_says_whose_it_is(bed: Bed) -> None:
    await bed.monitored(card="pm_card_chargeCustomerFail")
    await bed.closed()
    assert await (await bed.collection_handle().describe()).static_summary() == "collects what acme has not paid"


async def test_a_check_that_somebody_asks_for_says_what_it_is(bed: Bed) -> None:
    period = Period("2026-10")
    await check_now(bed.client, period)
    checked = bed.client.get_workflow_handle(f"{COMPLETENESS.schedule_id}-{period}")
    assert await (await checked.describe()).static_summary() == "checks that every customer and every row is covered"
    await checked.result()


async def test_daily_runs_say_what_they_are(bed: Bed) -> None:
    for daily in (COMPLETENESS, RECONCILIATION):
        action = await _action(bed, daily._replace(schedule_id=f"daily-{uuid.uuid4()}"))
        shown = bed.client.data_converter.payload_converter.from_payload(action.static_summary)  # type: ignore[arg-type]
        assert shown == daily.about["static_summary"]


async def _action(bed: Bed, daily: Daily) -> ScheduleActionStartWorkflow:
    await ensure_daily(bed.client, daily)
    schedule = bed.client.get_schedule_handle(daily.schedule_id)
    action = (await schedule.describe()).schedule.action
    await schedule.delete()
    assert isinstance(action, ScheduleActionStartWorkflow)
    return action
