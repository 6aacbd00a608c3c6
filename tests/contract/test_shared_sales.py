"""One read of the sheet serves many customers, also when it fails."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import LedgerUnavailable, SalesUnavailable
from billing.invoices.month import Month
from billing.period import Period
from billing.sales.sales import SalesSnapshot
from billing.sales.worksheet import read_worksheet
from services import clock
from services.shared_sales import SharedSales, since_due, since_import
from tests.unit.months import customer

OCTOBER = Period("2026-10")
HEADER = ["email", "amount"]


class CountedSales:
    """Answers, or fails, when it is let go; counts how often it was read."""

    name = "counted"

    def __init__(self, failing: bool = False) -> None:
        self.failing = failing
        self.reads = 0
        self.rows: list[list[str]] = []
        self.let_go = asyncio.Event()

    async def read(self, period: Period) -> SalesSnapshot:
        self.reads += 1
        await self.let_go.wait()
        if self.failing:
            raise SalesUnavailable("quota")
        return read_worksheet(period, [HEADER, *self.rows])


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def passes(self, **some: float) -> None:
        self.now += timedelta(**some)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.migrate()
    yield ledger
    await ledger.close()


async def _everybody_asks(
    sales: SharedSales, source: CountedSales, since: datetime
) -> list[SalesSnapshot | BaseException]:
    asking = [asyncio.create_task(sales.read(OCTOBER, since)) for _ in range(100)]
    while not source.reads:
        await asyncio.sleep(0)
    source.let_go.set()
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_a_hundred_customers_cost_one_agreed_reading(time: Clock, ledger: SqlLedger) -> None:
    source = CountedSales()
    answers = await _everybody_asks(SharedSales(source, ledger), source, time.now)
    assert source.reads == 2
    assert all(isinstance(answer, SalesSnapshot) for answer in answers)


async def test_an_outage_is_told_to_everybody_who_waits_and_asked_again_by_the_next(
    time: Clock, ledger: SqlLedger
) -> None:
    source = CountedSales(failing=True)
    sales = SharedSales(source, ledger)
    answers = await _everybody_asks(sales, source, time.now)
    assert source.reads == 1
    assert all(isinstance(answer, SalesUnavailable) for answer in answers)
    source.failing = False
    time.passes(seconds=1)
    assert await sales.read(OCTOBER, time.now)
    assert source.reads == 3


async def test_a_failure_is_not_remembered_for_longer_than_a_retry_waits(time: Clock, ledger: SqlLedger) -> None:
    source = CountedSales(failing=True)
    source.let_go.set()
    sales = SharedSales(source, ledger)
    for reads in (1, 2):
        for _ in range(3):
            with pytest.raises(SalesUnavailable, match="quota"):
                await sales.read(OCTOBER, time.now)
        assert source.reads == reads
        time.passes(seconds=1)


async def test_who_asks_while_it_is_read_gets_that_reading_if_it_is_new_enough(time: Clock, ledger: SqlLedger) -> None:
    source = CountedSales()
    sales = SharedSales(source, ledger)
    first = asyncio.create_task(sales.read(OCTOBER, time.now))
    while not source.reads:
        await asyncio.sleep(0)
    earlier = time.now
    time.passes(seconds=5)
    collecting, looking = (asyncio.create_task(sales.read(OCTOBER, since)) for since in (earlier, time.now))
    source.let_go.set()
    await asyncio.gather(first, collecting)
    await looking
    assert source.reads == 2 + 1


async def test_who_is_cancelled_leaves_the_reading_to_the_others(time: Clock, ledger: SqlLedger) -> None:
    source = CountedSales()
    sales, another = SharedSales(source, ledger), SharedSales(source, ledger)
    first = asyncio.create_task(sales.read(OCTOBER, time.now))
    while not source.reads:
        await asyncio.sleep(0)
    others = [asyncio.create_task(each.read(OCTOBER, time.now)) for each in (sales, another)]
    first.cancel()
    source.let_go.set()
    assert len(await asyncio.gather(*others)) == 2
    assert source.reads == 1 + 2


async def test_months_in_memory_are_few(time: Clock, ledger: SqlLedger) -> None:
    source = CountedSales()
    source.let_go.set()
    sales = SharedSales(source, ledger)
    for number in range(1, 10):
        await sales.read(Period(f"2026-0{number}"), time.now)
    assert list(sales._held) == ["2026-07", "2026-08", "2026-09"]
    await sales.read(Period("2026-01"), time.now)
    assert source.reads == 9 * 2, "the ledger has them all"


async def test_a_reading_that_cannot_be_kept_is_none(
    time: Clock, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise LedgerUnavailable("down")

    source = CountedSales()
    source.let_go.set()
    sales = SharedSales(source, ledger)
    with monkeypatch.context() as broken:
        broken.setattr(ledger, "keep_reading", down)
        with pytest.raises(LedgerUnavailable):
            await sales.read(OCTOBER, time.now)
    time.passes(seconds=1)
    source.rows = [["ann@example.com", "1"]]
    assert len((await sales.read(OCTOBER, time.now)).rows) == 1


def test_the_oldest_reading_that_serves(time: Clock) -> None:
    def age_in_seconds(overdue: timedelta) -> float:
        return (time.now - since_due(time.now - overdue, time.now)).total_seconds()

    assert age_in_seconds(timedelta(seconds=1)) == 20
    assert age_in_seconds(timedelta(minutes=59)) == 59 * 60
    assert age_in_seconds(timedelta(hours=2)) == 2 * 60 * 60
    assert age_in_seconds(timedelta(hours=2, seconds=1)) == 20
    assert age_in_seconds(timedelta(days=-1)) == 20


def test_who_is_spread_over_the_hour_is_imported_as_if_all_were_at_once(time: Clock) -> None:
    month = Month.open(customer(), OCTOBER)
    planned = month.import_at
    spread = month.evolve(import_at=planned + timedelta(minutes=50))
    assert since_import(spread, spread.import_at) == planned
