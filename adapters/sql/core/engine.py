"""How the ledger's database is reached: its URL, and what each connection of SQLite or PostgreSQL needs."""

import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from adapters.sql.core.errors import MISSING
from billing.errors import InvalidInput

_DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
_SQLITE: Final = ("busy_timeout = 10000", "synchronous = FULL", "foreign_keys = ON")
"""``FULL``: a commit is on the disk when it returns, for banks are told of it. In write-ahead mode NORMAL survives a
killed process, but no power cut.
"""
_IDLE_SECONDS = 5.0
_SWITCH_TRIES: Final = 100  # 0.1 seconds apart
_POSTGRESQL: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds; milliseconds without an answer


def parse_url(text: str) -> URL:
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
            "the password in the ledger's URL has characters that must be percent-encoded: @ as %40, / as %2F"
        )
    return url


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def create(url: URL, pool_size: int, may_create_file: bool = False) -> Engine:
    """An engine that prepares its connections."""
    driver: dict[str, Any] = {} if is_sqlite(url) else {"connect_args": _POSTGRESQL}
    json: dict[str, Any] = {
        "json_serializer": lambda value: to_json(value).decode(),
        "json_deserializer": from_json,
    }
    engine = create_engine(url, hide_parameters=True, pool_size=pool_size, **json, **driver)
    if not is_sqlite(url):
        _ask_idle_connections(engine)
        return engine
    if not may_create_file:
        _require_file(engine)
    _prepare_sqlite(engine)
    return engine


def _require_file(engine: Engine) -> None:
    """SQLite would create an empty file wherever it connects."""

    @event.listens_for(engine, "do_connect")
    def connecting(dialect: object, record: object, arguments: list[str], options: object) -> None:
        if not Path(arguments[0]).exists():
            missing = sqlite3.OperationalError("its file is missing")  # health pages show it: no path
            missing.sqlite_errorname = MISSING
            raise missing


def _prepare_sqlite(engine: Engine) -> None:
    """Sets the pragmas of each connection."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # Python's driver would begin transactions by itself, and not before DDL
        cursor = connection.cursor()
        for pragma in _SQLITE:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def begin(connection: Connection) -> None:
    """Begins a transaction on SQLite as the options of its engine say; a writing one takes the write lock at once.

    A transaction that has read can no longer wait for the lock: it would fail at once instead of after the timeout.
    A listener of the engine's would make every statement a third more expensive.
    """
    if how := connection.get_execution_options().get("sqlite_begin"):
        connection.exec_driver_sql(how)


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


def switch_to_write_ahead_log(engine: Engine) -> None:
    """Lets the file be read while it is written, from now on. SQLite does not wait for a lock here, so we do."""
    with engine.connect() as connection:
        for tries_left in reversed(range(_SWITCH_TRIES)):
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
            except exc.OperationalError as error:
                if not tries_left or getattr(error.orig, "sqlite_errorname", "") != "SQLITE_BUSY":
                    raise
                time.sleep(0.1)
