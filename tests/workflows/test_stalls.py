"""A step that stalls in a workflow's thread: its customer goes on, and the worker ends when it is told to."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from billing.commands import Halt
from billing.reviewers.alerts import AlertKind
from process.shutdown import REPLACE
from sandbox.chaos.stalls import Place, put_stall
from sandbox.stack.ports import free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import local_http
from tests.bed import PATIENCE_SECONDS, Bed, prepared_bed
from worker import READY

pytestmark = pytest.mark.turns(2)

DEADLOCK = "TMPRL1101"
FOR_EVER = 3600
HALT = Halt(by="ann", reason="the sheet is wrong")
ACME = "monthly-billing-v1-acme"


@pytest.fixture
async def bed(server: TemporalServer, tmp_path: Path) -> AsyncIterator[Bed]:
    """Without a worker: that is another process here."""
    async with prepared_bed(server, tmp_path, with_worker=False) as prepared:
        yield prepared


@asynccontextmanager
async def stalling_worker(
    bed: Bed, place: Place, seconds: float, *options: str, **environment: str
) -> AsyncIterator[Child]:
    """It has acme's month at hand, and stalls when it comes to ``place`` again."""
    script = Path(__file__).parents[1] / "stalling_worker.py"
    command = [sys.executable, str(script), str(bed.folder), *options]
    log, env = bed.folder / "worker.log", bed.environment | environment
    async with Child("worker", command, log=log, ready=logged(READY), env=env) as worker:
        await bed.monitored()
        put_stall(bed.folder, place, seconds)
        yield worker


async def logs(worker: Child, text: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while text not in worker.output():
            await asyncio.sleep(0.05)


async def halts(bed: Bed) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await bed.command("acme", HALT)).accepted
    await bed.until("acme", lambda month: month.halt is not None)


@asynccontextmanager
async def stalled(bed: Bed, place: Place, *options: str, **environment: str) -> AsyncIterator[Child]:
    """A worker that has stalled there for ever, when somebody halted the month; another one will answer that."""
    async with stalling_worker(bed, place, FOR_EVER, *options, **environment) as worker:
        halting = asyncio.create_task(halts(bed))
        await logs(worker, DEADLOCK)
        yield worker
        async with Child("other", [sys.executable, "worker.py"], log=bed.folder / "other.log", env=bed.environment):
            await halting


@pytest.mark.parametrize("place", Place)
async def test_the_customer_goes_on_after_a_stall_and_the_worker_ends(bed: Bed, place: Place) -> None:
    async with stalling_worker(bed, place, 4) as worker:
        await halts(bed)
        await logs(worker, DEADLOCK)
        os.kill(worker.pid, signal.SIGTERM)
        assert await asyncio.wait_for(worker.exited(), PATIENCE_SECONDS) == 0


async def test_a_worker_that_cannot_let_go_of_a_run_tells_everybody_and_replaces_itself(bed: Bed) -> None:
    metrics = f"127.0.0.1:{free_port()}"
    options = ("--patience=4", "--grace=3")
    async with stalled(bed, Place.STEP, *options, BILLING_WORKER_METRICS_ADDRESS=metrics) as worker:
        await logs(worker, f"could not evict {ACME} (run ")
        async with local_http() as http:
            numbers = (await http.get(f"http://{metrics}/metrics")).text
        assert re.search(r"^billing_kept_runs\b.* 1$", numbers, re.MULTILINE), numbers
        assert await asyncio.wait_for(worker.exited(), PATIENCE_SECONDS) == REPLACE
        assert "in stalling" in worker.output(), "the stacks say where"
        (alert,) = [row for row in await bed.ledger.alerts() if row.kind is AlertKind.WORKER]
        assert alert.customer_id == "acme"
        assert "could not let go of monthly-billing-v1-acme" in alert.text


async def test_sigterm_ends_a_worker_soon_after_its_grace_period_whatever_has_stalled(bed: Bed) -> None:
    async with stalled(bed, Place.UPDATE, "--grace=2") as worker:
        began = time.monotonic()
        os.kill(worker.pid, signal.SIGTERM)
        assert await asyncio.wait_for(worker.exited(), PATIENCE_SECONDS) == REPLACE
        assert time.monotonic() - began < 2 + 5 + 5
        assert f"runs not evicted: {ACME} (run " in worker.output()


async def test_a_second_sigterm_ends_it_at_once(bed: Bed) -> None:
    async with stalled(bed, Place.UPDATE, "--grace=100") as worker:
        os.kill(worker.pid, signal.SIGTERM)
        await logs(worker, "shuts down on a signal")
        began = time.monotonic()
        os.kill(worker.pid, signal.SIGTERM)
        assert await asyncio.wait_for(worker.exited(), PATIENCE_SECONDS) == REPLACE
        assert time.monotonic() - began < 50


async def test_a_worker_in_which_nothing_goes_on_any_more_replaces_itself(bed: Bed) -> None:
    async with stalling_worker(bed, Place.STEP, FOR_EVER, "--patience=4", "--freezes") as worker:
        halting = asyncio.create_task(halts(bed))
        assert await asyncio.wait_for(worker.exited(), PATIENCE_SECONDS) == 1
        assert "in freeze" in worker.output(), "the stacks say where"
        await worker.start()
        await halting
