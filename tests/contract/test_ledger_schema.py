"""The ledger's tables, brought up to date from wherever they are."""

import asyncio
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, create_engine, make_url, text

from adapters.sql.core import migration
from adapters.sql.core.columns import metadata
from adapters.sql.core.database import upgrade
from adapters.sql.ledger import SqlLedger
from tests.contract.ledger_fixtures import ACME, AT, drafted, driver, run, succeed
from tests.forks import Fork

UPGRADE = """
import sys
from adapters.sql.core.database import upgrade
print("ready", flush=True)
input()
upgrade(sys.argv[1])
"""


async def test_a_database_is_brought_up_to_date_once_however_often_and_from_wherever(url: str) -> None:
    ledger = await SqlLedger.connect(url)
    await ledger.ping()
    assert not await ledger.schema_is_current()
    await succeed(*(Fork(UPGRADE, url) for _ in range(4)))
    await asyncio.gather(ledger.migrate(), ledger.migrate())
    assert await ledger.schema_is_current()
    await ledger.record(drafted(), AT)
    upgrade(url)
    assert await ledger.customers() == [ACME]
    await ledger.close()


async def test_an_upgrade_waits_for_another_one(url: str) -> None:
    ledger = await SqlLedger.connect(url)
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    with engine.connect() as other:
        lock = f"SELECT pg_advisory_xact_lock({migration._LOCK})"
        other.exec_driver_sql("BEGIN IMMEDIATE" if "sqlite" in url else lock)
        waiting = asyncio.create_task(ledger.migrate())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    engine.dispose()
    await waiting
    assert await ledger.schema_is_current()
    await ledger.close()


async def test_migrations_and_tables_agree(ledger: SqlLedger, url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))

    assert run(url, differences) == []


async def test_migrations_and_tables_agree_on_which_rows_an_index_has(ledger: SqlLedger, url: str) -> None:
    def reflected(connection: Connection) -> MetaData:
        tables = MetaData()
        tables.reflect(connection)
        return tables

    conditions = _conditions(run(url, reflected), make_url(url).get_backend_name())
    assert conditions == _conditions(metadata, "sqlite")
    assert conditions["events_open"] == "result IS NULL"


def _conditions(tables: MetaData, dialect: str) -> dict[str, str]:
    """What the rows of each partial index meet, without the signs that PostgreSQL adds."""
    options = {
        str(index.name): index.dialect_options[dialect] for table in tables.sorted_tables for index in table.indexes
    }
    wheres = {name: option["where"] for name, option in options.items() if option["where"] is not None}
    return {name: str(where).strip("()").replace("::text", "") for name, where in wheres.items()}


async def test_sqlite_is_set_up_for_several_processes_on_one_file(tmp_path: Path) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.migrate()
    expected = {"journal_mode": "wal", "busy_timeout": 10_000, "synchronous": 2, "foreign_keys": 1}
    with ledger._reading("answer") as connection:
        found = {name: connection.scalar(text(f"PRAGMA {name}")) for name in expected}
    await ledger.close()
    assert found == expected


async def test_several_ledgers_can_be_set_up_in_one_process_at_once(tmp_path: Path) -> None:
    ledgers = [await SqlLedger.connect(f"sqlite:///{tmp_path}/100%/{n} a/ledger.db") for n in range(4)]
    await asyncio.gather(*(ledger.migrate() for ledger in ledgers))
    for ready in ledgers:
        assert await ready.schema_is_current()
        await ready.close()
