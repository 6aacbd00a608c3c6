"""The ledger's versions of invoices, flags, audit trail and emergency brake, on SQLite and on PostgreSQL alike."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.errors import NotFound
from billing.invoices.commands import Edit
from billing.invoices.invoice import AddLine
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.reviewers.queries import AuditFilter
from tests.contract.ledger_fixtures import AT, LATER, NOVEMBER, drafted, opened, read


def edited(month: Month, by: str) -> Month:
    assert month.invoice is not None
    changes = (AddLine(description=f"Discount of {by}", amount_minor=-100),)
    edit = Edit(by=by, reason="agreed", period=month.period, version=month.invoice.version, changes=changes)
    return decide(month, edit, AT, "test")[0]


# -- versions and flags


async def test_every_version_is_kept_once_with_who_made_it(ledger: SqlLedger) -> None:
    first = drafted()
    second = edited(first, "ann")
    third = edited(second, "bob")
    for number, month in enumerate((opened(), first, first, second, third)):
        await ledger.record(month, AT + timedelta(hours=number))
    found = await ledger.versions("acme", NOVEMBER)
    assert [(row.version, row.by, row.at) for row in found] == [
        (1, None, AT + timedelta(hours=1)),
        (2, "ann", AT + timedelta(hours=3)),
        (3, "bob", AT + timedelta(hours=4)),
    ]
    assert [row.invoice for row in found] == [first.invoice, second.invoice, third.invoice]
    assert [row.digest for row in found] == [row.invoice.digest for row in found]
    assert await ledger.versions("nobody", NOVEMBER) == []


async def test_what_reviewers_filter_by_is_written_with_the_month(ledger: SqlLedger, url: str) -> None:
    query = "SELECT flags, needs, usual_minor FROM invoices"
    await ledger.record(opened().evolve(usual_minor=100), AT)
    assert [tuple(row) for row in read(url, query)] == [("", None, 100)]
    month = edited(drafted(), "ann")
    month, *_ = decide(month, Halt(by="ann", reason="row 9"), AT, "test")
    await ledger.record(month, AT)
    assert [tuple(row) for row in read(url, query)] == [
        ("|first|unreadable|edited|halted|", "halted by ann: row 9", None)
    ]


# -- the brake


async def test_the_brake_is_pulled_once_and_released_once_whoever_repeats_it(ledger: SqlLedger) -> None:
    assert await ledger.brake() is None
    with pytest.raises(NotFound):
        await ledger.release_brake("ann", "all is well", "cli", AT)
    pulled = await ledger.pull_brake("ann", "last year's sheet", "console", AT)
    assert pulled.on
    assert (pulled.number, pulled.pulled_via, pulled.pulled_at, pulled.reason) == (
        1,
        "console",
        AT,
        "ann: last year's sheet",
    )
    assert await ledger.pull_brake("bob", "me too", "cli", LATER) == pulled == await ledger.brake()
    released = await ledger.release_brake("ann", "mended", "console", LATER)
    assert not released.on
    assert (released.released_by, released.released_at) == ("ann", LATER)
    assert await ledger.release_brake("bob", "me too", "cli", LATER + timedelta(hours=1)) == released
    again = await ledger.pull_brake("bob", "once more", "cli", LATER)
    assert again.number == 2
    assert await ledger.brakes() == [again, released]


async def test_of_two_who_pull_it_at_once_one_is_the_first(ledger: SqlLedger, url: str) -> None:
    other = await SqlLedger.connect(url)
    for at in (AT, LATER):
        both = await asyncio.gather(
            *(each.pull_brake(name, "stop", "cli", at) for name, each in (("ann", ledger), ("bob", other)))
        )
        assert both[0] == both[1]
        await asyncio.gather(*(each.release_brake("cid", "go", "cli", at) for each in (ledger, other)))
    await other.close()
    assert [brake.number for brake in await ledger.brakes()] == [2, 1]


async def test_the_brake_outlives_the_process_that_pulled_it(ledger: SqlLedger, url: str) -> None:
    pulled = await ledger.pull_brake("ann", "stop", "cli", AT)
    await ledger.close()
    again = await SqlLedger.connect(url)
    assert await again.brake() == pulled
    await again.close()


async def test_what_people_did_with_money_is_found_without_reading_all_that_banks_told(tmp_path: Path) -> None:
    """By SQLite's own plan; PostgreSQL has the same index."""
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    statements: list[tuple[str, Any]] = []
    event.listen(ledger._engine, "before_cursor_execute", lambda *given: statements.append((given[2], given[3])))
    await ledger.audit(AuditFilter(), None, 10)
    (asked,) = [given for given in statements if "FROM transactions" in given[0]]
    with ledger._reading("explain") as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1])]
    await ledger.close()
    assert "SCAN transactions USING INDEX transactions_of_people" in plan
