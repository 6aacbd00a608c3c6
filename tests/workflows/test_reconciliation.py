"""Stripe and the ledger compared for real: what is certain is repaired, the rest is told, by command and every day."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ScheduleActionExecutionStartWorkflow, WorkflowExecutionStatus

from activities.reconciliation import ReconcileRequest
from billing.accounting.discrepancy import DiscrepancyKind
from billing.collections.commands import Retry
from billing.collections.stages import CollectionStage
from billing.period import Period
from bootstrap import connect_reconciliation
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from clients.schedules import RECONCILIATION, ensure_daily
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.typed import typed
from workflows.daily import DailyReconciliation
from workflows.options import TASK_QUEUE


async def made_by_hand(bed: Bed, confirm: bool, **metadata: str) -> dict[str, Any]:
    """A payment intent for the customer's month that somebody made past the application."""
    month = await bed.recorded("acme", OCTOBER)
    form: dict[str, str] = {
        "amount": "10000",
        "currency": "eur",
        "customer": month.customer.card_on_file.payer_id,
        "payment_method": month.customer.card_on_file.card_id,
        "confirm": "true" if confirm else "false",
        **({"off_session": "true"} if confirm else {}),
        **{f"metadata[{name}]": value for name, value in metadata.items()},
    }
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        answer = await http.post(f"{bed.stripe_url}/v1/payment_intents", data=form)
        return dict(answer.raise_for_status().json())


async def paid_month(bed: Bed) -> dict[str, str]:
    await bed.monitored()
    await bed.closed()
    (intent,) = bed.intents()
    return dict(intent["metadata"])


async def test_an_orphan_is_cancelled_and_a_double_charge_is_told_until_a_person_has_mended_it(bed: Bed) -> None:
    metadata = await paid_month(bed)
    orphan = await made_by_hand(bed, confirm=False, **metadata)
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    first = await books.reconcile_period(Period(OCTOBER))
    assert [(each.kind, each.repaired) for each in first.findings] == [(DiscrepancyKind.ORPHAN, True)]
    assert next(each for each in bed.intents() if each["id"] == orphan["id"])["status"] == "canceled"
    assert (await books.reconcile_period(Period(OCTOBER))).findings == ()

    double = await made_by_hand(bed, confirm=True, **metadata)
    second = await books.reconcile_period(Period(OCTOBER))
    assert DiscrepancyKind.DOUBLE in [each.kind for each in second.open]
    assert double["id"] in str(second.open)


async def test_the_command_tells_what_is_open_and_exits_1_and_0_when_all_is_well(bed: Bed) -> None:
    await paid_month(bed)
    code, output = await typed(bed, "reconcile", "--period", OCTOBER)
    assert (code, "0 repaired, 0 open" in output) == (0, True), output
    await made_by_hand(bed, confirm=True)
    code, output = await typed(bed, "reconcile", "--period", OCTOBER)
    assert code == 1, output
    assert "was it charged by hand?" in output
    code, output = await typed(bed, "reconcile", "--period", OCTOBER, "--json")
    assert (code, json.loads(output)["open"]) == (1, 1)


async def test_the_daily_run_tells_the_reviewers_of_each_finding_once(bed: Bed) -> None:
    await paid_month(bed)
    await made_by_hand(bed, confirm=True)
    for number in (1, 2):
        handle = await bed.client.start_workflow(
            DailyReconciliation.run,
            ReconcileRequest(),
            id=f"reconcile-{bed.folder.name}-{number}",
            task_queue=TASK_QUEUE,
        )
        result = await handle.result()
        assert [len(each.open) for each in result.periods if each.period == OCTOBER] == [1]
    assert (await bed.told()).count("was it charged by hand?") == 1


async def test_the_schedule_compares_every_day_and_a_paused_one_stays_paused(bed: Bed) -> None:
    await ensure_daily(bed.client, RECONCILIATION)
    schedule = bed.client.get_schedule_handle(RECONCILIATION.schedule_id)
    described = await schedule.describe()
    first, second, *_ = described.info.next_action_times
    assert abs(second - first - timedelta(days=1)) < timedelta(hours=1)
    await schedule.trigger()
    async with asyncio.timeout(60):
        while not (actions := (await schedule.describe()).info.recent_actions):
            await asyncio.sleep(0.02)
    assert isinstance(actions[0].action, ScheduleActionExecutionStartWorkflow)
    begun = await bed.client.get_workflow_handle(actions[0].action.workflow_id).describe()
    assert begun.workflow_type == "DailyReconciliation"
    await schedule.pause()
    await ensure_daily(bed.client, RECONCILIATION)
    assert (await schedule.describe()).schedule.state.paused
    await schedule.delete()


@pytest.mark.parametrize("listing", ["list", "show"])
async def test_what_is_owed_is_listed_and_shown(bed: Bed, listing: str) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda found: True)
    words = ["list"] if listing == "list" else ["show", "acme", "--period", OCTOBER]
    code, output = await typed(bed, "collections", *words)
    assert code == 0, output
    assert "Collecting" in output
    assert "100.00 EUR" in output


async def test_an_operator_writes_off_what_will_not_come(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda found: True)
    said = ["--period", OCTOBER, "--by", "ann", "--reason", "bankrupt"]
    code, output = await typed(bed, "collections", "write-off", "acme", *said)
    assert code == 0, output
    await bed.collects(lambda found: found.outcome is not None)
    diary = await bed.ledger.diary("acme", Period(OCTOBER))
    assert [entry.title for entry in diary if entry.by == "ann"] == ["write_off (cli)"]
    code, output = await typed(bed, "collections", "retry", "acme", *said)
    assert code == 1
    assert "nothing of acme is being collected" in output or "settled already" in output
    code, output = await typed(bed, "collections", "retry", "acme", "--by", "ann", "--reason", "asked")
    assert code == 1, output


async def test_a_collection_that_somebody_terminated_goes_on_where_it_was(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.collection_handle().terminate("an accident")
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    first = await books.reconcile_period(Period(OCTOBER))
    assert [(each.kind, each.repaired) for each in first.findings] == [(DiscrepancyKind.UNCOLLECTED, True)]
    assert (await books.reconcile_period(Period(OCTOBER))).findings == ()
    await bed.behaves(month.customer, "succeed")
    await bed.collects(lambda found: found.outcome is None)
    await bed.collection_handle().terminate("once more")
    await books.reconcile(ReconcileRequest(periods=(Period("2027-06"),)))  # its own month is not among the compared
    again = await bed.collects(lambda found: found.reminders == 1 and found.outcome is None)
    assert (await bed.collection_handle().describe()).status is WorkflowExecutionStatus.RUNNING
    assert again.contacts == 1
    await bed.tell(Retry(by="ann", reason="asked by the customer"))
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]
