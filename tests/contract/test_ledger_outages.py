"""What the ledger says when its database is down, full, locked or somebody else's; never what is in a row."""

import asyncio
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import exc, text

from adapters.sql.core import engine, errors
from adapters.sql.core.database import upgrade
from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, LedgerUnavailable
from tests.contract.ledger_fixtures import AT, INVOICE, drafted, opened, read, run
from tests.postgresql import Databases


async def test_missing_tables_say_what_to_run(url: str) -> None:
    ledger = await SqlLedger.connect(url)
    for attempt in (ledger.record(drafted(), AT), ledger.customers(), ledger.customer("acme")):
        with pytest.raises(LedgerUnavailable, match=r"starter\.py setup"):
            await attempt
    await ledger.close()


async def test_a_ledger_of_a_newer_release_is_left_alone(ledger: SqlLedger, url: str) -> None:
    run(url, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    assert not await ledger.schema_is_current()
    with pytest.raises(LedgerUnavailable, match="newer release"):
        await ledger.migrate()


async def test_a_row_that_does_not_fit_is_not_shown(ledger: SqlLedger, url: str) -> None:
    await ledger.record(opened(), AT)
    run(url, lambda connection: connection.execute(text("UPDATE customers SET email = 'no address'")))
    with pytest.raises(LedgerUnavailable, match=r"row does not fit this release \(email\); ") as caught:
        await ledger.customer("acme")
    assert "no address" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_lost_connection_is_made_again(ledger: SqlLedger, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_IDLE_SECONDS", 0)
    await ledger.ping()
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    assert read(url, f"{kill} AND datname = current_database()")[0][0] >= 1
    await ledger.record(drafted(), AT)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_connections_lost_in_use_cost_one_error_whose_repeat_finds_new_ones(
    ledger: SqlLedger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_IDLE_SECONDS", 600)
    await asyncio.gather(*(ledger.ping() for _ in range(20)))
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    read(url, f"{kill} AND datname = current_database()")
    with pytest.raises(LedgerUnavailable, match="check that its server runs"):
        await ledger.record(drafted(), AT)
    await asyncio.gather(*(ledger.ping() for _ in range(20)))
    await ledger.record(drafted(), AT)


@pytest.mark.parametrize("closed", ["server", "database"])
async def test_a_server_that_does_not_answer_says_so_without_the_password(databases: Databases, closed: str) -> None:
    url = "postgresql://ann:s3cret@127.0.0.1:1/ledger" if closed == "server" else databases.url("missing")
    url = url.replace("postgres:@", "postgres:s3cret@")
    ledger = await SqlLedger.connect(url)
    with pytest.raises(LedgerUnavailable, match="check that its server runs") as caught:
        await ledger.ping()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(LedgerUnavailable, match="check that its server runs"):
        await ledger.migrate()


@pytest.mark.parametrize(
    ("pragma", "advice"),
    [("query_only = ON", "make its file and folder writable"), ("max_page_count = 1", "make room")],
)
async def test_a_file_that_takes_no_more_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str, advice: str
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url)
    monkeypatch.setattr(engine, "_SQLITE", (*engine._SQLITE, pragma))
    ledger = await SqlLedger.connect(url)
    large = INVOICE.evolve(lines=INVOICE.lines * 500)
    with pytest.raises(LedgerUnavailable, match=advice):
        await ledger.record(opened().drafted(large), AT)
    await ledger.close()


async def test_a_locked_file_is_waited_for_and_then_said_to_be_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ledger.db"
    upgrade(f"sqlite:///{file}")
    monkeypatch.setattr(engine, "_SQLITE", ("busy_timeout = 200",))
    ledger = await SqlLedger.connect(f"sqlite:///{file}")
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert await ledger.customers() == []  # readers do not wait for a writer
    with pytest.raises(LedgerUnavailable, match=r"record acme, 2026-11: database is locked; .* tried again"):
        await ledger.record(drafted(), AT)
    asyncio.get_running_loop().call_later(0.05, lock.rollback)
    await ledger.record(drafted(), AT)
    lock.close()
    await ledger.close()


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "s3cret",
        "mysql://ann:s3cret@host/ledger",
        "postgresql://ann:x@s3cret/host/ledger@host/ledger",
        "postgresql://ann:s3cret@host:port/ledger",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_and_never_repeated(bad: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await SqlLedger.connect(bad)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def driver_errors() -> Iterator[Exception]:
    """One of every kind of error that SQLAlchemy raises for these two drivers, or on its own account."""
    for driver in (sqlite3, psycopg):
        for kind in subclasses(driver.Error):
            raised = exc.DBAPIError.instance("INSERT", {"email": "s3cret"}, kind("failed\ns3cret"), driver.Error)
            assert isinstance(raised, exc.DBAPIError)
            yield raised
    for own in (exc.TimeoutError, exc.DisconnectionError, exc.PendingRollbackError, exc.ResourceClosedError):
        yield own("failed")
    yield exc.StatementError("s3cret", "INSERT", {"email": "s3cret"}, ValueError("s3cret"))
    yield OSError("failed")
    yield errors.NewerTables("failed")


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(subclasses(sub) for sub in kind.__subclasses__()))


def test_every_error_of_sqlalchemy_and_the_drivers_is_translated_without_what_is_in_the_rows() -> None:
    seen = set()
    for error in driver_errors():
        seen.add(type(error))
        with pytest.raises(LedgerUnavailable) as caught, errors.translated("record acme, 2026-11"):
            raise error
        assert str(caught.value).startswith("the ledger could not record acme, 2026-11: ")
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert seen >= subclasses(exc.DBAPIError)


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (psycopg.errors.UndefinedTable(), "starter.py setup"),
        (psycopg.errors.UndefinedColumn(), "starter.py setup"),
        (psycopg.errors.DeadlockDetected(), "tried again"),
        (psycopg.errors.LockNotAvailable(), "tried again"),
        (psycopg.errors.DiskFull(), "make room"),
        (psycopg.errors.AdminShutdown(), "check that its server runs"),
        (psycopg.errors.UniqueViolation(), "this is a bug"),
        (sqlite3.OperationalError("table lines has no column named kind"), "starter.py setup"),
        (sqlite3.IntegrityError("UNIQUE constraint failed"), "this is a bug"),
    ],
)
def test_an_error_says_what_to_do(cause: Exception, advice: str) -> None:
    base = psycopg.Error if isinstance(cause, psycopg.Error) else sqlite3.Error
    with pytest.raises(LedgerUnavailable, match=advice), errors.translated("answer"):
        raise exc.DBAPIError.instance("SELECT 1", {}, cause, base)
