"""Charged exactly once when answers, the worker or the ledger are lost, or people give up: cases 1 to 7 and 20."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.commands import Resume
from billing.invoices.commands import Skip
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from clients.start import StartStatus
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import ROOT
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import OCTOBER, Bed, prepared_bed
from tests.postgresql import postgresql_server
from tests.workflows.charging import ANN, CONFIRM, INTENTS, answer_is_lost, attempts
from worker import READY

pytestmark = pytest.mark.turns(2)


async def test_case_1_an_answer_dropped_after_the_confirm_was_committed_is_looked_up(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.stripe_fault(path=CONFIRM, kind="drop_after")
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["succeeded"]


async def _down_for_days(bed: Bed, month: Month, path: str) -> None:
    """The answer is lost, then Stripe is down for three days, in which it forgets its idempotency keys."""
    await answer_is_lost(bed, path)
    await bed.skip_to("acme", month.charge_at)
    assert (len(bed.intents()), len(bed.charged())) == (1, int(path == CONFIRM))
    await bed.skip("acme", timedelta(minutes=10))
    waiting = await bed.until("acme", lambda month: bool(month.outage))
    assert waiting.stage(waiting.charge_at) is Stage.UNRESOLVED
    await bed.until("acme", lambda month: month.alerts == 1)
    await bed.skip("acme", timedelta(days=3))
    await bed.stripe_control("clock", {"advance_seconds": 3 * 24 * 3600 + 60})
    assert (await bed.month("acme")).outcome is None
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(hours=1))
    await bed.until("acme", lambda month: month.period == "2026-11")


async def test_case_2_the_same_is_resolved_three_days_later_when_the_keys_are_gone(bed: Bed) -> None:
    await bed.monitored()
    await _down_for_days(bed, await bed.announced(), CONFIRM)
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["succeeded"]


async def test_case_3_a_lost_create_is_found_when_its_key_is_gone(bed: Bed) -> None:
    await bed.monitored()
    await _down_for_days(bed, await bed.announced(), INTENTS)
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert len(bed.intents()) == 1


async def test_case_4_a_worker_killed_between_create_and_its_record_leaves_one_payment(
    server: TemporalServer, tmp_path: Path
) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed, worker_process(bed) as worker:
        await bed.monitored()
        month = await bed.announced()
        await bed.stripe_fault(path=INTENTS, method="POST", kind="slow", seconds=30, executed=True)
        skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
        async with asyncio.timeout(60):
            while not bed.intents():
                await asyncio.sleep(0.02)
        worker.kill()
        assert await bed.ledger.payments("acme", Period(OCTOBER)) == []
        await worker.start()
        await skipping
        await bed.until("acme", lambda month: month.period == "2026-11", seconds=60)
        assert bed.charged() == [(OCTOBER, 10000)]
        assert len(bed.intents()) == 1


def worker_process(bed: Bed) -> Child:
    """The real worker, in a process of its own."""
    command = [sys.executable, str(ROOT / "worker.py")]
    log = bed.folder / "worker.log"
    return Child("worker", command, log=log, ready=logged(READY), env=bed.environment, cwd=bed.folder)


async def test_case_5_two_starters_of_one_period_start_one_chain_and_charge_once(bed: Bed) -> None:
    customer = await bed.customer("acme")
    bed.sales(OCTOBER, (customer.mailbox, "100", "Hosting"))
    both = await asyncio.gather(bed.start(customer, OCTOBER), bed.start(customer, OCTOBER))
    assert sorted(started.status for started in both) == [StartStatus.ALREADY_RUNNING, StartStatus.STARTED]
    await bed.drafted("acme", OCTOBER)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]


@pytest.mark.parametrize("path", [INTENTS, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 409},
        {"kind": "rate_limit"},
        {"kind": "html_502"},
        {"kind": "garbage_200"},
        {"kind": "html_502", "executed": True},
        {"kind": "garbage_200", "executed": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_case_6_no_answer_that_can_be_trusted_is_no_outcome(bed: Bed, path: str, fault: dict[str, Any]) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.stripe_fault(path=path, method="POST", times=2, **fault)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["succeeded"]


@pytest.mark.parametrize("executed", [False, True], ids=["nothing was made", "a payment was made"])
async def test_case_7_a_500_that_stripe_remembers_does_not_hold_the_month(bed: Bed, executed: bool) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path=INTENTS, method="POST", kind="status", status=500, cached=True, executed=executed)
    await bed.skip_to("acme", month.charge_at)
    await bed.skip("acme", timedelta(minutes=1))
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert bed.charged() == [(OCTOBER, 10000)]
    assert len(bed.intents()) == 1


async def test_case_20_a_ledger_that_is_down_for_an_hour_loses_nothing_and_doubles_nothing(
    server: TemporalServer, tmp_path: Path, own_postgresql: Any
) -> None:
    async with prepared_bed(server, tmp_path, ledger_url=own_postgresql.get_uri()) as bed:
        month = await bed.monitored()
        await bed.announced()
        own_postgresql.stop()
        await bed.skip_to("acme", (await bed.month("acme")).charge_at)
        await bed.skip("acme", timedelta(minutes=30))
        assert (await bed.month("acme")).outcome is None
        assert bed.charged() == []  # what cannot be written down is not done
        await bed.skip("acme", timedelta(minutes=30))
        own_postgresql.start()
        await bed.skip("acme", timedelta(hours=1))
        await bed.until("acme", lambda month: month.period == "2026-11")
        assert bed.charged() == [(OCTOBER, 10000)]
        assert [row.status for row in await bed.ledger.payments("acme", month.period)] == ["succeeded"]
        assert len(bed.mails("acme@example.com")) == 2


@pytest.fixture
def own_postgresql() -> Any:
    """A PostgreSQL server that a test may stop."""
    with postgresql_server() as running:
        yield running


@pytest.mark.parametrize("moved", [False, True], ids=["nothing moved", "the money had moved"])
async def test_a_charge_that_failed_is_given_up_only_if_the_money_has_not_moved(bed: Bed, moved: bool) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path=CONFIRM, kind="drop_after" if moved else "drop_before")
    await bed.stripe_fault(path=INTENTS, method="GET", kind="slow", seconds=0)  # the first look-up is answered,
    await bed.stripe_fault(path=INTENTS, method="GET", kind="status", status=401, times=None)  # the next ones are not
    await bed.skip_to("acme", month.charge_at)
    await bed.skip("acme", timedelta(minutes=5))
    await bed.until("acme", lambda month: bool(month.failure))
    await bed.stripe_clear_faults()
    answer = await bed.command("acme", Skip(**ANN, period=Period(OCTOBER)))
    assert answer.accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    outcome = (await bed.recorded("acme", OCTOBER)).outcome
    assert outcome is (Stage.PAID if moved else Stage.SKIPPED)
    assert len(bed.charged()) == int(moved)
    assert not (await bed.command("acme", Resume(**ANN, period=Period(OCTOBER)))).accepted
