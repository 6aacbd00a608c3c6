"""What is asked of a contender and of its team, and what all of them use to bill many months and wait for them."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from temporalio.client import Client

from adapters.sql.ledger import SqlLedger
from benchmarks.world import World
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from bootstrap import connect_temporal
from sandbox.stack.processes import Child, logged
from settings import Settings

_STARTED_AT_ONCE = 20
_POLL_SECONDS = 0.1  # at first; then a fiftieth of what has passed: to ask costs the server as well
_STALLED_SECONDS = 3600.0  # many customers go through their months abreast, and are done late, together


class Team(Protocol):
    """A contender whose worker is up. ``processes`` are those it uses, by name: process ids."""

    processes: dict[str, int]

    async def prepare(self, months: Sequence[Month]) -> list[Month]:
        """What has to be there before anything is measured; answers the months to bill."""

    async def bill(self, months: Sequence[Month], periods: Sequence[Period]) -> None: ...

    async def history(self) -> dict[str, float]:
        """Events, billable actions and bytes of history of one month; nothing without Temporal."""

    async def check(self, periods: Sequence[Period], customers: int) -> None:
        """Raises ``AssertionError`` unless everybody has paid in each period."""

    async def clear(self) -> None:
        """Terminates workflows that still run."""


class Contender(Protocol):
    @property
    def name(self) -> str: ...

    def ready(self) -> AbstractAsyncContextManager[Team]: ...


def processes_of(world: World, worker: Child) -> dict[str, int]:
    return {"Temporal": world.server.pid, "worker": worker.pid, "stand-ins": world.stand_ins.pid}


def running_module(name: str, ready: str, folder: Path, env: dict[str, str]) -> Child:
    command = [sys.executable, "-m", name]
    return Child(name, command, log=folder / "worker.log", ready=logged(ready), env=env, cwd=folder)


async def client_of(world: World) -> Client:
    return await connect_temporal(Settings(_env_file=None), world.server.address)


async def each_of(items: Sequence[Any], act: Callable[[Any], Awaitable[Any]]) -> None:
    """All of them, a few at a time."""
    limit = asyncio.Semaphore(_STARTED_AT_ONCE)

    async def one(item: Any) -> None:
        async with limit:
            await act(item)

    await asyncio.gather(*(one(item) for item in items))


async def until_done(done: Callable[[], Awaitable[int]], target: int) -> None:
    """Raises ``TimeoutError`` if nothing is done for a long while."""
    before, began = -1, time.monotonic()
    while True:
        async with asyncio.timeout(_STALLED_SECONDS):
            while (now := await done()) == before:
                await asyncio.sleep(max(_POLL_SECONDS, (time.monotonic() - began) / 50))
        before = now
        if now >= target:
            return
        await asyncio.sleep(max(_POLL_SECONDS, (time.monotonic() - began) / 50))


async def check_paid(ledger: SqlLedger, periods: Sequence[Period], customers: int, outcome: Stage = Stage.PAID) -> None:
    for period in periods:
        done = await ledger.invoices(period=period, stage=outcome)
        assert len(done) == customers, f"{period}: {len(done)} of {customers} are {outcome}"
