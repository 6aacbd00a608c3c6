"""A server that reports failing workflows at once, and what a look at all of them finds."""

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from billing.completeness.chains import ChainStatus
from billing.completeness.report import CompletenessReport as Covered
from billing.period import Period
from bootstrap import SANDBOX_NAMESPACE, connect_completeness
from clients.running_workflows import RunningWorkflows
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from workflows.visibility import SEARCH_ATTRIBUTES


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """One that reports a workflow after its first failure, not only after the fifth, some 55 seconds later."""
    config = {"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1"}
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    async with temporal_server(
        log=log, namespace=SANDBOX_NAMESPACE, search_attributes=SEARCH_ATTRIBUTES, dynamic_config=config
    ) as running:
        yield running


async def looked(bed: Bed, period: str = OCTOBER) -> Covered:
    return await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(period))


async def until_listed(bed: Bed, customer_id: str, status: ChainStatus) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await RunningWorkflows(bed.client).listed()).own.get(customer_id) is not status:
            await asyncio.sleep(0.05)


async def temporal(bed: Bed, command: str) -> str:
    """Types a command of Temporal's own tool."""
    program, *words = shlex.split(command)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / program),
        *words,
        env={**bed.environment, "TEMPORAL_NAMESPACE": SANDBOX_NAMESPACE},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
