"""The same months on DBOS Transact, in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from adapters.sql.ledger import SqlLedger
from benchmarks.months.team import Team, check_paid, each_of, processes_of, running_module, until_done
from benchmarks.world import World
from billing.invoices.month import Month
from billing.period import Period


@dataclass
class _DbosTeam:
    client: Any  # dbos.DBOSClient
    processes: dict[str, int]
    url: str
    ledger: SqlLedger

    async def prepare(self, months: Sequence[Month]) -> list[Month]:
        return [*months]

    async def bill(self, months: Sequence[Month], periods: Sequence[Period]) -> None:
        from benchmarks.months.peers.dbos_billing import in_queue

        before = await self._done()
        await each_of(months, lambda month: self.client.enqueue_async(in_queue(month), month, len(periods)))
        await until_done(self._done, before + len(months) * len(periods))

    async def _done(self) -> int:
        def count() -> int:
            query = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
            row = self._connection.execute(query).fetchone()
            return int(row[0]) if row else 0

        return await asyncio.to_thread(count)

    def __post_init__(self) -> None:
        self._connection = psycopg.connect(self.url, autocommit=True)

    async def check(self, periods: Sequence[Period], customers: int) -> None:
        await check_paid(self.ledger, periods, customers)

    async def history(self) -> dict[str, float]:
        return {}

    async def clear(self) -> None:
        self._connection.close()
        await asyncio.to_thread(self.client.destroy)


@dataclass
class Dbos:
    """``benchmarks/months/peers/dbos_billing.py``; its checkpoints and the ledger in one PostgreSQL database."""

    world: World
    name: str = "DBOS, ledger in PostgreSQL"

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Team]:
        from dbos import DBOSClient

        from benchmarks.months.peers.dbos_billing import READY

        folder, url = self.world.new_folder(), self.world.new_database()
        env = self.world.environment(folder) | {"BILLING_LEDGER_URL": url}
        ledger = await SqlLedger.connect(url)
        await ledger.migrate()
        worker = running_module("benchmarks.months.peers.dbos_billing", READY, folder, env)
        async with worker:
            processes = processes_of(self.world, worker) | {"PostgreSQL": self.world.postgresql_pid}
            del processes["Temporal"]
            client = await asyncio.to_thread(lambda: DBOSClient(system_database_url=url))
            yield _DbosTeam(client, processes, url, ledger)
        await ledger.close()
