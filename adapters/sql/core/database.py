"""The ledger's database, a SQLite file or PostgreSQL: connections, transactions, upgrades of the tables."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial, wraps
from operator import attrgetter
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    create_engine,
    event,
    exc,
    make_url,
    select,
)

from adapters.sql.core import migration
from adapters.sql.core.errors import MISSING, translated, unfit
from billing.apart import Failed
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.model import Model

_DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
_SQLITE: Final = ("busy_timeout = 10000", "synchronous = NORMAL", "foreign_keys = ON")
_THREADS: Final = 8
_IDLE_SECONDS = 5.0
_SWITCH_TRIES: Final = 100  # 0.1 seconds apart
_POSTGRESQL: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds; milliseconds without an answer

_M = TypeVar("_M", bound=Model)
_L = TypeVar("_L", bound="SqlDatabase")
_T = TypeVar("_T")
_P = ParamSpec("_P")


def in_thread(method: Callable[Concatenate[_L, _P], _T]) -> Callable[Concatenate[_L, _P], Coroutine[Any, Any, _T]]:
    """Makes a ledger's method awaitable; it runs in one of the ledger's threads."""

    @wraps(method)
    async def run(self: _L, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self.run(partial(method, self, *args, **kwargs))

    return run


class SqlDatabase:
    """Base of the ledger's parts; several processes may use one database.

    A public method runs as a whole in one of the ledger's threads (``in_thread``): one switch, not one for each
    statement. A cancelled call may still take effect, like any whose answer is lost.
    """

    def __init__(self, url: URL, destinations: Sequence[Destination] = ()) -> None:
        self._url = url
        self._destinations = destinations
        self._engine = create_engine(url, **_options(url))
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger")
        self._turn: AbstractContextManager[object] = nullcontext()
        if _is_sqlite(url):
            _require_file(self._engine)
            _prepare_sqlite(self._engine)
            self._turn = threading.Lock()  # else writers would sleep and poll for SQLite's own lock
        else:
            _ask_idle_connections(self._engine)
        self._reading_engine = self._engine.execution_options(
            **{"sqlite_begin": ""} if _is_sqlite(url) else {"isolation_level": "AUTOCOMMIT"}
        )
        self._writing_engine = self._engine.execution_options(
            sqlite_begin="BEGIN IMMEDIATE", destinations=tuple(destinations)
        )

    @classmethod
    async def connect(cls, url: str, destinations: Sequence[Destination] = ()) -> Self:
        """The ledger at ``url``, which writes events for these ``destinations``. Raises ``InvalidInput``.

        Connects at first use, so that it may be down now.
        """
        return cls(_parse(url), destinations)

    async def close(self) -> None:
        """Waits for calls in progress."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    async def run(self, work: Callable[[], _T]) -> _T:
        """Runs ``work`` in one of the ledger's threads; returns its result."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @in_thread
    def ping(self) -> None:
        """Raises ``LedgerUnavailable`` unless the database answers."""
        with self._reading("answer") as connection:
            connection.execute(select(1))

    @in_thread
    def schema_is_current(self) -> bool:
        """Whether the tables are those of this release; ``migrate`` upgrades them."""
        with self._reading("show its tables") as connection:
            return migration.is_current(connection)

    @in_thread
    def migrate(self) -> None:
        """``upgrade`` without blocking the event loop."""
        _upgrade(self._url)

    def _reading(self, doing: str) -> AbstractContextManager[Connection]:
        """A connection for independent queries. If one fails, the error says "the ledger could not ``doing``"."""
        return _transaction(self._reading_engine, doing)

    def _looking(self, doing: str) -> AbstractContextManager[Connection]:
        """A connection for several queries of one snapshot of the database."""
        if _is_sqlite(self._url):
            return _transaction(self._engine, doing)
        return _transaction(self._engine.execution_options(isolation_level="REPEATABLE READ"), doing)

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Connection]:
        """A writing transaction. On SQLite there is one at a time."""
        with self._turn, _transaction(self._writing_engine, doing) as connection:
            yield connection

    def _read(
        self,
        model: type[_M],
        table: Table,
        *where: ColumnElement[bool],
        by: tuple[str, ...] = (),
        failed: list[Failed] | None = None,
    ) -> list[_M]:
        """Rows as models, ``by`` these fields in order; a column is named like its field. ``failed``: see as_models."""
        with self._reading(f"read its {table.name}") as connection:
            models = as_models(model, connection.execute(_columns(model, table).where(*where)).mappings(), failed)
        return sorted(models, key=attrgetter(*by)) if by else models  # here, for databases sort texts differently

    def _read_one(self, model: type[_M], table: Table, *where: ColumnElement[bool]) -> _M | None:
        return next(iter(self._read(model, table, *where)), None)


def as_models(
    model: type[_M],
    rows: Iterable[Mapping[Any, Any]],
    failed: list[Failed] | None = None,
    name: str = "customer_id",
) -> list[_M]:
    """Rows as models. A row that does not fit is added to ``failed``, under its ``name``; without ``failed`` it raises.

    Raises pydantic's ``ValidationError``.
    """
    models = []
    for row in rows:
        try:
            models.append(model.model_validate(dict(row)))
        except ValidationError as error:
            if failed is None:
                raise
            failed.append(Failed(customer_id=str(row.get(name, "")), reason=unfit(error)))
    return models


@cache
def _columns(model: type[Model], table: Table) -> Select[*tuple[Any, ...]]:
    return select(*(table.c[name] for name in model.model_fields))


def upgrade(url: str) -> None:
    """Creates or upgrades the tables at ``url``; blocks meanwhile. Two processes may do so at once.

    Raises ``LedgerUnavailable``, and ``InvalidInput`` for an invalid URL.
    """
    _upgrade(_parse(url))


def _upgrade(url: URL) -> None:
    with translated("bring its tables up to date"):
        engine = create_engine(url, **_options(url))
        try:
            if _is_sqlite(url):
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
                _prepare_sqlite(engine)
                _switch_to_write_ahead_log(engine)
            with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
                migration.migrate(connection)
        finally:
            engine.dispose()


@contextmanager
def _transaction(engine: Engine, doing: str) -> Iterator[Connection]:
    with translated(doing), engine.begin() as connection:
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
            "the password in the ledger's URL has characters that must be percent-encoded: @ as %40, / as %2F"
        )
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _options(url: URL) -> dict[str, Any]:
    driver = {} if _is_sqlite(url) else {"connect_args": _POSTGRESQL}
    json = {"json_serializer": lambda value: to_json(value).decode(), "json_deserializer": from_json}
    return {"hide_parameters": True, "pool_size": _THREADS, **json, **driver}


def _require_file(engine: Engine) -> None:
    """Only ``migrate`` may create the file; SQLite would create an empty one wherever it connects."""

    @event.listens_for(engine, "do_connect")
    def connecting(dialect: object, record: object, arguments: list[str], options: object) -> None:
        if not Path(arguments[0]).exists():
            missing = sqlite3.OperationalError("its file is missing")  # health pages show it: no path
            missing.sqlite_errorname = MISSING
            raise missing


def _prepare_sqlite(engine: Engine) -> None:
    """Sets the pragmas of each connection, and takes the write lock at the start of a writing transaction.

    A transaction that has read can no longer wait for the lock: it would fail at once instead of after the timeout.
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


def _ask_idle_connections(engine: Engine) -> None:
    """Pings a connection after some idle seconds, so that no statement is lost after a restart of the server.

    If one is dead, the whole pool is replaced.
    """

    @event.listens_for(engine, "checkin")
    def returned(connection: object, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, proxy: object) -> None:
        now = time.monotonic()
        if now - record.info.get("used", now) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.InvalidatePoolError from error


def _switch_to_write_ahead_log(engine: Engine) -> None:
    """Lets the file be read while it is written, from now on. SQLite does not wait for a lock here, so we do."""
    with engine.execution_options(sqlite_begin="").connect() as connection:
        for tries_left in reversed(range(_SWITCH_TRIES)):
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
            except exc.OperationalError as error:
                if not tries_left or getattr(error.orig, "sqlite_errorname", "") != "SQLITE_BUSY":
                    raise
                time.sleep(0.1)
