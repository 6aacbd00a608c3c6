"""Signals and what cannot be read: they halt or are on record, at the edge of a month and by thousands."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue

from billing.commands import Resume
from billing.invoices.commands import Decision
from billing.invoices.stages import Stage
from tests.bed import Bed
from tests.stops import text_of

ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}


async def test_signals_do_the_same_as_updates(bed: Bed) -> None:
    await bed.monitored()
    await bed.handle("acme").signal("halt", ANN)
    month = await bed.until("acme", lambda month: month.halt is not None)
    assert month.decisions[-1].via == "signal"
    await bed.handle("acme").signal("resume", ANN)
    await bed.until("acme", lambda month: month.halt is None)


@pytest.mark.parametrize("arguments", [[], ["now!"], [{"by": "ann"}], [{**ANN, "surprise": 1}], [ANN, ANN], [None]])
async def test_an_unreadable_halt_halts_and_is_on_record(bed: Bed, arguments: list[object]) -> None:
    await bed.monitored()
    await bed.handle("acme").signal("halt", args=arguments)
    month = await bed.until("acme", lambda month: month.halt is not None)
    assert month.decisions[-1].command == "halt"
    assert (await bed.command("acme", Resume(**ANN))).accepted


async def test_a_misspelt_signal_is_on_record_and_changes_nothing(bed: Bed) -> None:
    await bed.monitored()
    await bed.handle("acme").signal("skipp", ANN)
    month = await bed.until("acme", lambda month: bool(month.decisions))
    assert not month.decisions[-1].accepted
    assert "there is no command 'skipp'" in month.decisions[-1].result
    assert (await bed.closed()).outcome is Stage.PAID


async def test_an_update_with_wrong_arguments_is_refused_cleanly(bed: Bed) -> None:
    await bed.monitored()
    for arguments in ([], [ANN, ANN], [{"by": "ann"}], ["x"]):
        with pytest.raises(WorkflowUpdateFailedError):
            await bed.handle("acme").execute_update("halt", args=arguments)
    assert (await bed.closed()).outcome is Stage.PAID


async def test_nothing_sent_at_the_edge_of_the_month_is_lost(bed: Bed) -> None:
    """Signals rain while the month is charged and continued as new: each is on record, in this month or the next."""
    await bed.monitored()
    month = await bed.announced()
    await bed.skip_to("acme", month.charge_at - timedelta(seconds=1), beyond=timedelta())
    sent = 0
    while sent < 200 and (await bed.month("acme")).period == "2026-10":
        edit = {"period": "2026-10", "version": 99, "changes": [{"op": "remove", "line_id": "x"}]}
        signals = [{"by": f"ann-{sent + n}", "reason": "edge", **edit} for n in range(5)]
        await asyncio.gather(*(bed.handle("acme").signal("edit", signal) for signal in signals))
        sent += len(signals)
    later = await bed.until("acme", lambda month: month.period == "2026-11")
    closed = await bed.recorded("acme", "2026-10")
    assert closed.outcome is Stage.PAID
    assert closed.decision_count + later.decision_count == sent
    assert bed.charged() == [("2026-10", 10000)]


async def test_thousands_of_signals_continue_the_month_as_new_in_its_middle_and_nothing_is_lost(bed: Bed) -> None:
    month = await bed.monitored()
    first_run = (await bed.handle("acme").describe()).run_id
    for number in range(300):
        await bed.handle("acme").signal(
            "halt" if number % 2 == 0 else "resume", {"by": f"ann-{number}", "reason": "busy"}
        )
    month = await bed.until("acme", lambda month: month.decision_count == 300)
    audit: list[Decision] = []
    async with asyncio.timeout(60):
        while len(audit) < 300:
            audit = await bed.ledger.decisions("acme", month.period)
            await asyncio.sleep(0.05)
    assert (await bed.handle("acme").describe()).run_id != first_run
    month = await bed.month("acme")
    assert month.period == "2026-10"
    assert month.halt is None
    assert month.invoice is not None
    assert [decision.by for decision in audit] == [f"ann-{number}" for number in range(300)]
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10000)]


async def test_a_halt_whose_payload_cannot_even_be_decoded_halts(bed: Bed) -> None:
    await bed.monitored()
    stranger = Payload(metadata={"encoding": b"binary/from-a-stranger"}, data=b"\xff\x00")
    await bed.handle("acme").signal("halt", RawValue(stranger))
    month = await bed.until("acme", lambda month: month.halt is not None)
    assert "unreadable halt" in text_of(month.stopped)
