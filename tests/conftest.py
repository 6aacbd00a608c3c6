"""Shared by all tests: limits of time; how hard hypothesis looks, which is at the same cases wherever CI is set;
passwords that are quickly hashed; and one Temporal server for all tests of a process.
"""

import gc
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from adapters import passwords

if TYPE_CHECKING:
    from sandbox.stack.temporal_server import TemporalServer
    from tests.bed import Bed

pytest_plugins = ["tests.groups", "tests.limits", "tests.turns"]

settings.register_profile(
    "dev", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
# Hundreds of tests sign in, and a real hash takes a quarter of a second of a processor.
vars(passwords)["PasswordHasher"] = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
# There are none, and each of hundreds of processes would look for them among all packages, for 50 ms.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


gc.set_threshold(1_000_000)  # what is imported and collected stays: to look for garbage in it takes a fifth of that


def pytest_collection_finish() -> None:
    """Exempts all modules and tests from garbage collection: they stay to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[TemporalServer]":
    from tests.server import running_server  # here, for most unit tests need none of this

    async with running_server(tmp_path_factory.mktemp("temporal")) as running:
        yield running


@pytest_asyncio.fixture
async def bed(server: "TemporalServer", tmp_path: Path) -> "AsyncIterator[Bed]":
    """A fresh one on the real server."""
    from tests.bed import prepared_bed

    async with prepared_bed(server, tmp_path) as prepared:
        yield prepared
