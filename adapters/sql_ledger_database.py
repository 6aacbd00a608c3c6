"""The ledger's database: a SQLite file or PostgreSQL, its connections, transactions and tables brought up to date."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, create_engine, event, exc, make_url, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from adapters import sql_ledger_schema as schema
from adapters.sql_ledger_errors import translated
from billing.errors import InvalidInput
from billing.model import Model

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_SQLITE: Final = ("busy_timeout = 10000", "synchronous = NORMAL", "foreign_keys = ON")
_SWITCH_TRIES: Final = 100  # 0.1 seconds apart
_POSTGRESQL: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds; milliseconds without an answer

_M = TypeVar("_M", bound=Model)


class SqlDatabase:
    """What the parts of the ledger share; several processes may use one database."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = create_async_engine(url, **_options(url))
        if _is_sqlite(url):
            _prepare_sqlite(self._engine.sync_engine)
        self._writing_engine = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    @classmethod
    async def connect(cls, url: str) -> Self:
        """The ledger at ``url``. Connects at first use, so that it may be down now. Raises ``InvalidInput``."""
        return cls(_parse(url))

    async def close(self) -> None:
        await self._engine.dispose()

    async def ping(self) -> None:
        """Raises ``LedgerUnavailable`` unless the database answers."""
        async with self._reading("answer") as connection:
            await connection.execute(select(1))

    async def schema_is_current(self) -> bool:
        """Whether the tables are those of this release; if not, ``migrate`` makes them so."""
        async with self._reading("show its tables") as connection:
            return await connection.run_sync(schema.is_current)

    async def migrate(self) -> None:
        """``upgrade`` without blocking the event loop."""
        await asyncio.to_thread(_upgrade, self._url)

    def _reading(self, doing: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction; "the ledger could not" do what is ``doing`` if it fails."""
        return _transaction(self._engine, doing)

    def _looking(self, doing: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """The same for several queries that have to see one state of things."""
        if _is_sqlite(self._url):
            return _transaction(self._engine, doing)
        return _transaction(self._engine.execution_options(isolation_level="REPEATABLE READ"), doing)

    def _writing(self, doing: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """The same for one that writes. On SQLite there is only one at a time."""
        return _transaction(self._writing_engine, doing)

    async def _read(self, model: type[_M], table: Table, *where: ColumnElement[bool]) -> list[_M]:
        """Rows as models: a column is named like the field it fills."""
        async with self._reading(f"read its {table.name}") as connection:
            found = await connection.execute(select(*(table.c[name] for name in model.model_fields)).where(*where))
            return [model.model_validate(dict(row)) for row in found.mappings()]


def upgrade(url: str) -> None:
    """Creates the tables at ``url`` or brings them up to date; blocks meanwhile. Two processes may do so at once.

    Raises ``LedgerUnavailable``, and ``InvalidInput`` if the URL is none.
    """
    _upgrade(_parse(url))


def _upgrade(url: URL) -> None:
    with translated("bring its tables up to date"):
        engine = create_engine(url.set(drivername="sqlite") if _is_sqlite(url) else url, **_options(url))
        try:
            if _is_sqlite(url):
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
                _prepare_sqlite(engine)
                _switch_to_write_ahead_log(engine)
            with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
                schema.migrate(connection)
        finally:
            engine.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine, doing: str) -> AsyncIterator[AsyncConnection]:
    with translated(doing):
        async with engine.begin() as connection:
            yield connection


def _parse(text: str) -> URL:
    """The URL with its driver. Raises ``InvalidInput``, which never repeats the URL: it may hold a password."""
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise InvalidInput(
            "the ledger's URL cannot be read; write sqlite:///path or postgresql://user:password@host/database"
        ) from None
    dialect = url.get_backend_name()
    if dialect not in _DRIVERS:
        raise InvalidInput(f"the ledger cannot be kept in {dialect}; use sqlite:///path or postgresql://…")
    url = url.set(drivername=_DRIVERS[dialect])
    if _is_sqlite(url) and (url.database or ":memory:") == ":memory:":
        raise InvalidInput("the ledger needs a file; write sqlite:///path")
    if not _is_sqlite(url) and "@" in f"{url.host}{url.database}":
        raise InvalidInput(
            "the password in the ledger's URL has signs that must be percent-encoded: @ as %40, / as %2F"
        )
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _options(url: URL) -> dict[str, Any]:
    ours = {} if _is_sqlite(url) else {"pool_pre_ping": True, "connect_args": _POSTGRESQL}
    return {"hide_parameters": True, **ours}


def _prepare_sqlite(engine: Engine) -> None:
    """Sets what SQLite forgets with every connection, and takes the write lock at the start of writing transactions.

    A transaction that has read cannot wait for the lock any more: it would fail at once instead of after the timeout.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # Python's driver would begin transactions by itself, and not before DDL
        cursor = connection.cursor()
        for pragma in _SQLITE:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        begin = connection.get_execution_options().get("sqlite_begin", "BEGIN")
        if begin:
            connection.exec_driver_sql(begin)


def _switch_to_write_ahead_log(engine: Engine) -> None:
    """Makes a file one that can be read while it is written; it stays so. Here SQLite waits for no lock: we do."""
    with engine.execution_options(sqlite_begin="").connect() as connection:
        for tries_left in reversed(range(_SWITCH_TRIES)):
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
            except exc.OperationalError as error:
                if not tries_left or getattr(error.orig, "sqlite_errorname", "") != "SQLITE_BUSY":
                    raise
                time.sleep(0.1)
