"""The ledger's database, a SQLite file or PostgreSQL: connections, transactions, upgrades of the tables."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial, wraps
from operator import attrgetter
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from pydantic import ValidationError
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    select,
)

from adapters.sql.core.engine import begin, create, is_sqlite, parse_url, switch_to_write_ahead_log
from adapters.sql.core.errors import translated, unfit
from billing.apart import Failed
from billing.events.event import Destination
from billing.model import Model
from billing.tasks.crews import Crew

_THREADS: Final = 8
_THREADS_AHEAD: Final = 4
LOCK_SECONDS = 3.0
EVENTS, ALERTS, NEWS = "events", "alerts", "news"
"""What a transaction puts into the two outboxes is noted at its connection, under ``NEWS``."""

_this_thread = threading.local()

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


def ahead(method: Callable[Concatenate[_L, _P], _T]) -> Callable[Concatenate[_L, _P], Coroutine[Any, Any, _T]]:
    """As ``in_thread``, for what must not queue behind a burst of other calls: threads of its own.

    These are few, so that on PostgreSQL nothing in them waits for a lock for longer than ``LOCK_SECONDS``: it fails,
    and is tried again. Else two payments of one blocked customer would hold up those of all others.
    """

    @wraps(method)
    async def run(self: _L, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        work = partial(method, self, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads_ahead, work)

    return run


class SqlDatabase:
    """Base of the ledger's parts; several processes may use one database.

    A public method runs as a whole in one of the ledger's threads (``in_thread``): one switch, not one for each
    statement. A cancelled call may still take effect, like any whose answer is lost.
    """

    def __init__(
        self,
        url: URL,
        destinations: Sequence[Destination] = (),
        manual_department: str | None = None,
        crews: Sequence[Crew] = (),
    ) -> None:
        self._url = url
        self._destinations = destinations
        self._crews = tuple(crews)
        self._engine = create(url, _THREADS + _THREADS_AHEAD)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger")
        mark = partial(setattr, _this_thread, "is_ahead", True)
        self._threads_ahead = ThreadPoolExecutor(_THREADS_AHEAD, thread_name_prefix="ledger-ahead", initializer=mark)
        self._turn: AbstractContextManager[object] = nullcontext()
        self._watchers: dict[str, list[Callable[[], None]]] = {EVENTS: [], ALERTS: []}
        if is_sqlite(url):
            self._turn = threading.Lock()  # else writers would sleep and poll for SQLite's own lock
        self._reading_engine, self._looking_engine = self._engine, self._engine.execution_options(sqlite_begin="BEGIN")
        self._begin = "BEGIN IMMEDIATE"
        writing: dict[str, Any] = {"destinations": tuple(destinations), "manual_department": manual_department}
        writing["crews"] = self._crews
        if not is_sqlite(url):
            self._reading_engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._looking_engine = self._engine.execution_options(isolation_level="REPEATABLE READ")
            self._begin = "BEGIN"  # by us, as in SQLite: with what is set for the transaction
            writing |= {"isolation_level": "AUTOCOMMIT"}
        self._writing_engine = self._engine.execution_options(**writing)

    @classmethod
    async def connect(
        cls,
        url: str,
        destinations: Sequence[Destination] = (),
        manual_department: str | None = None,
        crews: Sequence[Crew] = (),
    ) -> Self:
        """The ledger at ``url``, which writes events for these ``destinations``. Raises ``InvalidInput``.

        ``manual_department`` enters the amounts of months in review mode manual; ``crews`` visit subscribers.
        Connects at first use, so that it may be down now.
        """
        return cls(parse_url(url), destinations, manual_department, crews)

    async def close(self) -> None:
        """Waits for calls in progress."""
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._threads_ahead.shutdown)
        self._engine.dispose()

    async def run(self, work: Callable[[], _T]) -> _T:
        """Runs ``work`` in one of the ledger's threads; returns its result."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @in_thread
    def ping(self) -> None:
        with self._reading("answer") as connection:
            connection.execute(select(1))

    @in_thread
    def schema_is_current(self) -> bool:
        """Whether the tables are those of this release; ``migrate`` upgrades them."""
        from adapters.sql.core import migration

        with self._reading("show its tables") as connection:
            return migration.is_current(connection)

    @in_thread
    def migrate(self) -> None:
        """``upgrade`` without blocking the event loop."""
        _upgrade(self._url)

    def watch_events(self, news: Callable[[], None]) -> None:
        """Has ``news`` called, in any thread, after this process has put events into the outbox."""
        self._watchers[EVENTS].append(news)

    def watch_alerts(self, news: Callable[[], None]) -> None:
        """As ``watch_events``, for alerts that are written with what they are about."""
        self._watchers[ALERTS].append(news)

    def _reading(self, doing: str) -> AbstractContextManager[Connection]:
        """A connection for independent queries. If one fails, the error says "the ledger could not ``doing``"."""
        return _transaction(self._reading_engine, doing)

    def _looking(self, doing: str) -> AbstractContextManager[Connection]:
        """A connection for several queries of one snapshot of the database."""
        return _transaction(self._looking_engine, doing)

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Connection]:
        """A writing transaction. On SQLite there is one at a time."""
        with self._turn, _transaction(self._writing_engine, doing) as connection:
            connection.info[NEWS] = news = set[str]()  # another one for each transaction
            how = self._begin
            if getattr(_this_thread, "is_ahead", False) and not is_sqlite(self._url):
                how += f"; SET LOCAL lock_timeout = {round(LOCK_SECONDS * 1000)}"  # together: one round trip
            connection.exec_driver_sql(how)
            yield connection
        for kind in sorted(news):
            for watcher in self._watchers[kind]:
                watcher()

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
    _upgrade(parse_url(url))


def _upgrade(url: URL) -> None:
    from adapters.sql.core import migration  # Alembic takes longer to import than most commands to run

    with translated("bring its tables up to date"):
        engine = create(url, pool_size=1, may_create_file=True)
        try:
            if is_sqlite(url):
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
                switch_to_write_ahead_log(engine)
            with engine.begin() as connection:
                if is_sqlite(url):
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                migration.migrate(connection)
        finally:
            engine.dispose()


@contextmanager
def _transaction(engine: Engine, doing: str) -> Iterator[Connection]:
    with translated(doing), engine.begin() as connection:
        begin(connection)
        yield connection
