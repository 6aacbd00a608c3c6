"""A server of its own: the other tests' one continues long months as new, which would add boundaries."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from workflows.visibility import SEARCH_ATTRIBUTES


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[TemporalServer]:
    log = tmp_path / "server.log"
    async with temporal_server(log=log, namespace=SANDBOX_NAMESPACE, search_attributes=SEARCH_ATTRIBUTES) as running:
        yield running
