"""A step that stalls in a workflow's thread: its customer goes on, and the worker ends when it is told to."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from billing.messages import Halt
from billing.month import Stage
from sandbox.processes import Child, logged
from sandbox.temporal_server import TemporalServer
from tests.bed import Bed, now, prepared_bed
from worker import READY

DEADLOCK = "TMPRL1101"
STALL_SECONDS = 4
HALT = Halt(by="ann", reason="the sheet is wrong")


@asynccontextmanager
async def stalling_worker(bed: Bed, place: str, seconds: float = STALL_SECONDS) -> AsyncIterator[Child]:
    script = Path(__file__).parents[1] / "stalling_worker.py"
    command = [sys.executable, str(script), place, str(seconds), str(bed.folder / "stall")]
    log = bed.folder / "worker.log"
    async with Child("worker", command, log=log, ready=logged(READY), env=bed.environment) as worker:
        yield worker


async def logs(worker: Child, text: str) -> None:
    while text not in worker.output():
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("place", ["step", "update", "payload", "completion"])
async def test_a_customer_goes_on_after_a_stall_and_the_worker_ends(
    server: TemporalServer, tmp_path: Path, place: str
) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed, stalling_worker(bed, place) as worker:
        await bed.monitored()
        (bed.folder / "stall").touch()
        async with asyncio.timeout(30):
            assert (await bed.command("acme", HALT)).accepted
        async with asyncio.timeout(30):
            await logs(worker, DEADLOCK)
        month = await bed.until("acme", lambda month: month.hold is not None, seconds=30)
        assert month.stage(now()) is Stage.HALTED
        os.kill(worker.pid, signal.SIGTERM)
        assert await asyncio.wait_for(worker.exited(), 20) == 0
