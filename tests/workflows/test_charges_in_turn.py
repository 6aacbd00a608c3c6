"""Charges wait for their turn at the processor: so many a second, and a customer at our page before the batch."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle

from billing.invoices.month import Month
from billing.keys import workflow_id
from billing.period import Period
from clients.collection_commands import pay
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.journal_file import read_entries
from tests.bed import OCTOBER, Bed, now, prepared_bed
from tests.unit.months import announced
from tests.workflows.charging import overdue
from worker import create_worker, workers

RATE = 5
BATCH = 20


async def due(bed: Bed, customer_id: str) -> Month:
    """A month whose charge is due now."""
    customer = await bed.customer(customer_id)
    month = announced(10000, **dict(customer) | {"terms": {}})
    assert month.notice is not None
    charge_at = now() - timedelta(minutes=1)
    notice = month.notice.evolve(charge_at=charge_at, delivered_at=charge_at - timedelta(days=4))
    return month.evolve(charge_at=charge_at, notice=notice)


def charged(bed: Bed) -> list[str]:
    """Who was charged, in that order, by the processor's journal."""
    order: dict[str, None] = {}
    for entry in read_entries(bed.folder / "stripe.jsonl"):
        about = entry.get("object")
        if isinstance(about, dict) and about.get("object") == "payment_intent" and about["status"] == "succeeded":
            order.setdefault(about["metadata"]["customer_id"])
    return list(order)


async def test_a_batch_keeps_the_rate_and_a_customer_at_our_page_overtakes_it(
    server: TemporalServer, tmp_path: Path
) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed:
        async with create_worker(bed.client, bed.settings, bed.adapters):
            late = await overdue(bed)
            await bed.behaves(late.customer, "succeed")
        batch = [await due(bed, f"batch-{number}") for number in range(BATCH)]
        bed.started += [month.customer.customer_id for month in batch]
        limited = bed.settings.model_copy(update={"charges_per_second": RATE})
        billing, charges = workers(bed.client, limited, bed.adapters)
        async with billing:
            await asyncio.gather(*(bed.restart_by_hand(month) for month in batch))
            for month in batch:
                await waits_for_its_turn(bed.handle(month.customer.customer_id))
            paying = asyncio.create_task(pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back"))
            await waits_for_its_turn(bed.collection_handle())
            ahead = await bed.clock(bed.collection_handle()) - now()  # its clock has skipped
            async with charges, asyncio.timeout(60):
                while len(charged(bed)) <= BATCH:
                    await asyncio.sleep(0.02)
            await paying
            handed_out = [
                await handed_out_at(await first_run(bed, month.customer.customer_id), "charge_card") for month in batch
            ]
            paid_at = await handed_out_at(bed.collection_handle(), "pay_on_session") - ahead
    assert sum(at < paid_at for at in handed_out) <= RATE, "served in the first second, though last to come"
    at_once = max(sum(first <= at < first + timedelta(seconds=2) for at in handed_out) for first in handed_out)
    assert at_once <= 3 * RATE, "two seconds' worth, and the second's worth that may have gathered before"


async def first_run(bed: Bed, customer_id: str) -> WorkflowHandle[Any, Any]:
    described = await bed.handle(customer_id).describe()
    first = described.raw_description.workflow_execution_info.first_run_id
    return bed.client.get_workflow_handle(workflow_id(customer_id), run_id=first)


async def handed_out_at(run: WorkflowHandle[Any, Any], activity: str) -> datetime:
    """When the server gave the first such activity to a worker."""
    scheduled = 0
    async for event in run.fetch_history_events():
        if event.activity_task_scheduled_event_attributes.activity_type.name == activity:
            scheduled = scheduled or event.event_id
        elif scheduled and event.activity_task_started_event_attributes.scheduled_event_id == scheduled:
            return event.event_time.ToDatetime(UTC)
    raise AssertionError(f"{activity} was not handed out")


async def waits_for_its_turn(handle: WorkflowHandle[Any, Any]) -> None:
    """A charge is scheduled; nobody asks for it yet."""
    async with asyncio.timeout(60):
        while "charges" not in str((await handle.describe()).raw_description.pending_activities):
            await asyncio.sleep(0.02)
