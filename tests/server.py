"""The Temporal server of most tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from workflows.visibility import SEARCH_ATTRIBUTES

_CONFIG = {
    "limit.historyCount.suggestContinueAsNew": "150",  # small histories
    "matching.numTaskqueueReadPartitions": "1",  # one queue, in exact order, as docs/deploy.md advises for charges
    "matching.numTaskqueueWritePartitions": "1",
}


@asynccontextmanager
async def running_server(folder: Path) -> AsyncIterator[TemporalServer]:
    async with temporal_server(
        log=folder / "server.log",
        namespace=SANDBOX_NAMESPACE,
        search_attributes=SEARCH_ATTRIBUTES,
        dynamic_config=_CONFIG,
    ) as running:
        yield running
