"""What a worker says in its log about a month: each thing that it did outside, once, and nobody's address."""

import re
import sys
from pathlib import Path

from billing.invoices.stages import Stage
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import ROOT
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import prepared_bed
from worker import READY

EFFECTS = ["imported", "mailed", "charge", "mailed"]


async def test_a_month_is_a_line_for_each_thing_done_outside_and_holds_no_address(
    server: TemporalServer, tmp_path: Path
) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed:
        command, log = [sys.executable, str(ROOT / "worker.py")], tmp_path / "worker.log"
        async with Child("worker", command, log=log, ready=logged(READY), env=bed.environment):
            await bed.monitored(sales=("100", "20"))
            await bed.announced()
            assert (await bed.closed()).outcome is Stage.PAID
            assert await bed.digests()
        lines = log.read_text().splitlines()
    assert not [line for line in lines if re.search(r"\w(@|%40)\w", line)]
    effects = [line for line in lines if ": acme, 2026-10, " in line]
    assert [match[1] for line in effects if (match := re.search(r" INFO \S+ (\w+): acme", line))] == EFFECTS
    assert "120.00 EUR: succeeded (pi_" in effects[2]
    for line in effects:
        assert "'workflow_id': 'monthly-billing-v1-acme'" in line
        assert "'attempt': 1" in line
