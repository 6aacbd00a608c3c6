"""Fixtures of tests on the real server: one server for all of them, a fresh bed for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from tests.bed import Bed, prepared_bed
from workflows.visibility import SEARCH_ATTRIBUTES


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    config = {
        "limit.historyCount.suggestContinueAsNew": "150",  # small histories
        "matching.numTaskqueueReadPartitions": "1",  # one queue, in exact order, as docs/deploy.md advises for charges
        "matching.numTaskqueueWritePartitions": "1",
    }
    async with temporal_server(
        log=log, namespace=SANDBOX_NAMESPACE, search_attributes=SEARCH_ATTRIBUTES, dynamic_config=config
    ) as running:
        yield running


@pytest_asyncio.fixture
async def bed(server: TemporalServer, tmp_path: Path) -> AsyncIterator[Bed]:
    async with prepared_bed(server, tmp_path) as prepared:
        yield prepared
