"""The last reading of each worksheet in the ledger, on SQLite and on PostgreSQL alike."""

import asyncio
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.invoices.commands import CloseAccount
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.period import Period
from billing.sales.ports import Reading
from billing.sales.sales import SalesSnapshot, type_of_cell
from billing.sales.worksheet import read_worksheet
from tests.contract.ledger_fixtures import ACME, AT, LATER, NOVEMBER, OCTOBER, read

BOOK = "1AbC-sales_2026"
ODD: tuple[type_of_cell, ...] = (12, 12.0, 0.1 + 0.2, 2**60, True, "TRUE", None, "", "12,50", "1\0", "é ☕ 😀 \"'\\")


def sheet(*amounts: type_of_cell, email: str = "ann@acme.example", period: Period = NOVEMBER) -> SalesSnapshot:
    return read_worksheet(period, [["email", "amount", "description"], *([email, a, "Tea"] for a in amounts)])


async def test_a_reading_comes_back_with_every_cell_as_it_was(ledger: SqlLedger) -> None:
    snapshot = sheet(*ODD)
    assert await ledger.reading(BOOK, NOVEMBER) is None
    await ledger.keep_reading(BOOK, snapshot, NOVEMBER, AT)
    assert await ledger.reading(BOOK, NOVEMBER) == Reading(digest=snapshot.digest, read_at=AT)
    kept = await ledger.kept_sales(BOOK, NOVEMBER, snapshot.digest)
    assert repr(kept) == repr(snapshot)
    assert await ledger.kept_sales(BOOK, NOVEMBER, "of another reading") is None
    assert await ledger.reading(BOOK, OCTOBER) is None
    assert await ledger.reading("another spreadsheet", NOVEMBER) is None


async def test_of_a_worksheet_only_the_last_reading_is_kept(ledger: SqlLedger, url: str) -> None:
    await ledger.keep_reading(BOOK, sheet(1), NOVEMBER, AT)
    await ledger.keep_reading(BOOK, sheet(1), NOVEMBER, LATER)
    assert await ledger.reading(BOOK, NOVEMBER) == Reading(digest=sheet(1).digest, read_at=LATER)
    await ledger.keep_reading(BOOK, sheet(2), NOVEMBER, LATER)
    assert await ledger.kept_sales(BOOK, NOVEMBER, sheet(2).digest) == sheet(2)
    assert await ledger.kept_sales(BOOK, NOVEMBER, sheet(1).digest) is None
    assert read(url, "SELECT count(*) FROM sales_readings") == [(1,)]


async def test_one_of_many_may_read_until_it_has_given_up_or_its_time_is_over(ledger: SqlLedger) -> None:
    async def claim(seen: Reading | None = None, seconds: float = 600) -> bool:
        return await ledger.claim_reading(BOOK, NOVEMBER, seen, seconds)

    assert sum(await asyncio.gather(*(claim() for _ in range(8)))) == 1
    assert await ledger.reading(BOOK, NOVEMBER) is None
    assert await ledger.claim_reading(BOOK, OCTOBER, None, 600)
    await ledger.release_reading(BOOK, NOVEMBER)
    assert await claim(seconds=0)
    assert await claim()
    assert not await claim()
    await ledger.keep_reading(BOOK, sheet(1), NOVEMBER, AT)
    assert not await claim(), "it has been read since"
    assert await claim(await ledger.reading(BOOK, NOVEMBER))
    await ledger.release_reading(BOOK, NOVEMBER)
    assert await ledger.kept_sales(BOOK, NOVEMBER, sheet(1).digest) == sheet(1)


async def test_readings_that_name_a_person_go_with_the_person(ledger: SqlLedger) -> None:
    erika = ACME.evolve(customer_id="c77", name="Erika Mustermann", email="erika@old.example")
    asked: dict[str, Any] = {"by": "ann", "reason": "asked"}
    month, *_ = decide(Month.open(erika, NOVEMBER), CloseAccount(**asked), AT, "update")
    await ledger.record(month.close(Stage.SKIPPED, AT), AT)
    named, others = sheet(1, email="Erika@Old.example"), sheet(1, period=OCTOBER)
    await ledger.keep_reading(BOOK, named, NOVEMBER, AT)
    await ledger.keep_reading("another", sheet(1, email="\uff45ri\u200bka@old.example"), NOVEMBER, AT)
    await ledger.keep_reading(BOOK, others, OCTOBER, AT)
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows
    for book in (BOOK, "another"):
        assert await ledger.reading(book, NOVEMBER) is None
        assert await ledger.kept_sales(book, NOVEMBER, named.digest) is None
    assert await ledger.kept_sales(BOOK, OCTOBER, others.digest) == others
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows == 0
