"""How the SQL ledger speaks to its database: connections, transactions, errors, statements.

Several processes may use one ledger. Whatever the database or its driver raises becomes ``LedgerUnavailable``.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, event, exc, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from billing.errors import InvalidInput, LedgerUnavailable
from billing.model import Model
from billing.period import Period

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_SQLITE: Final = ("busy_timeout = 10000", "synchronous = NORMAL", "foreign_keys = ON")
_SWITCH_TRIES: Final = 100  # 0.1 seconds apart
_POSTGRESQL: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds; milliseconds without an answer

_SETUP: Final = "run: python starter.py setup"
_BUSY: Final = "others are writing to it; this is tried again"
_SPACE: Final = "its disk is full or broken; make room"
_SERVER: Final = "check that its server runs, and the host, user, password and database in the ledger's URL"
_BUG: Final = "this is a bug in adapters/sql_ledger.py: report this message; the step is tried again after a correction"
_ADVICE: Final = {
    "no such": _SETUP,
    "42P01": _SETUP,
    "42703": _SETUP,
    "SQLITE_CANTOPEN": f"check that its folder exists and may be written to, or {_SETUP}",
    "SQLITE_READONLY": "make its file and folder writable",
    "SQLITE_NOTADB": "its file is something else; correct the ledger's URL",
    "SQLITE_CORRUPT": "its file is damaged; restore the last backup",
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "40": _BUSY,
    "55": _BUSY,
    "SQLITE_FULL": _SPACE,
    "SQLITE_IOERR": _SPACE,
    "53": "its server is out of disk, memory or connections; make room",
}
"""What to do by the beginning of an error's code: SQLSTATE at PostgreSQL, error name at SQLite."""
_OUTAGES: Final = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.DisconnectionError,
    exc.TimeoutError,
    OSError,
)
"""Errors of the surroundings. Their text is shown; that of any other may hold what is in a row."""

_M = TypeVar("_M", bound=Model)


class Database:
    """An engine that connects at first use, and a second face of it for writing."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = create_async_engine(url, **options(url))
        if is_sqlite(url):
            prepare_sqlite(self.engine.sync_engine)
        self.writing = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    async def read(self, model: type[_M], table: Table, *where: ColumnElement[bool]) -> list[_M]:
        """Rows as models: a column is named like the field it fills."""
        async with transaction(self.engine, f"read its {table.name}") as connection:
            found = await connection.execute(select(*(table.c[name] for name in model.model_fields)).where(*where))
            return [model.model_validate(dict(row)) for row in found.mappings()]


# -- connections


def parse(text: str) -> URL:
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
    if is_sqlite(url) and (url.database or ":memory:") == ":memory:":
        raise InvalidInput("the ledger needs a file; write sqlite:///path")
    if not is_sqlite(url) and "@" in f"{url.host}{url.database}":
        raise InvalidInput(
            "the password in the ledger's URL has signs that must be percent-encoded: @ as %40, / as %2F"
        )
    return url


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def options(url: URL) -> dict[str, Any]:
    ours = {} if is_sqlite(url) else {"pool_pre_ping": True, "connect_args": _POSTGRESQL}
    return {"hide_parameters": True, **ours}


def prepare_sqlite(engine: Engine) -> None:
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


def switch_to_write_ahead_log(engine: Engine) -> None:
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


@asynccontextmanager
async def transaction(engine: AsyncEngine, doing: str) -> AsyncIterator[AsyncConnection]:
    with translated(doing):
        async with engine.begin() as connection:
            yield connection


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turns every error of the database into ``LedgerUnavailable``; its cause is dropped, it may show rows."""
    try:
        yield
    except (exc.SQLAlchemyError, OSError, CommandError, ValidationError) as error:
        what, advice = _explain(error)
        raise LedgerUnavailable(f"the ledger could not {doing}: {what}; {advice}") from None


def _explain(error: Exception) -> tuple[str, str]:
    """What happened, in words without a row's contents, and what to do."""
    if isinstance(error, CommandError):
        return "it was written by a newer release", "run that release"
    if isinstance(error, ValidationError):
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors(include_input=False))
        return f"a row does not fit this release ({fields})", "run the release that wrote it, or correct the row"
    cause = getattr(error, "orig", None) or error
    text = str(cause).partition("\n")[0]
    missing = text.startswith("no such ") or "has no column" in text  # SQLite has one code for these and much else
    code = "no such" if missing else getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    is_outage = isinstance(error, _OUTAGES)
    what = text if is_outage else f"{type(cause).__name__} {code}".strip()
    known = (advice for start, advice in _ADVICE.items() if code.startswith(start))
    return what, next(known, _SERVER if is_outage else _BUG)


# -- statements


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)


async def upsert(
    connection: AsyncConnection,
    table: Table,
    values: dict[str, Any],
    keep: tuple[str, ...] = (),
    only_if: ColumnElement[bool] | None = None,
) -> None:
    """Inserts the row; or updates it, except for what to ``keep``, ``only_if`` the row there allows it."""
    key = [column.name for column in table.primary_key]
    changes = {name: value for name, value in values.items() if name not in (*key, *keep)}
    statement = insert_into(connection, table).values(values)
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes, where=only_if))


def of(table: Table, customer_id: str, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.customer_id == customer_id, table.c.period == period
