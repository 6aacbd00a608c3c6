"""One read of the sheet serves many customers, also when it fails."""

import asyncio

import pytest

from activities.shared_sales import SharedSales
from billing.errors import SalesUnavailable
from billing.period import Period
from billing.sales import SalesSnapshot

OCTOBER = Period("2026-10")


class CountedSales:
    """Answers, or fails, when it is let go; counts how often it was read."""

    def __init__(self, failing: bool = False) -> None:
        self.failing = failing
        self.reads = 0
        self.let_go = asyncio.Event()

    async def read(self, period: Period) -> SalesSnapshot:
        self.reads += 1
        await self.let_go.wait()
        if self.failing:
            raise SalesUnavailable("quota")
        return SalesSnapshot.of_cells(period, [["email", "amount"]])


async def _everybody_asks(sales: SharedSales, source: CountedSales) -> list[SalesSnapshot | BaseException]:
    asking = [asyncio.create_task(sales.read(OCTOBER)) for _ in range(100)]
    while not source.reads:
        await asyncio.sleep(0)
    source.let_go.set()
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_a_hundred_customers_cost_one_read() -> None:
    source = CountedSales()
    answers = await _everybody_asks(SharedSales(source), source)
    assert source.reads == 1
    assert all(isinstance(answer, SalesSnapshot) for answer in answers)


async def test_an_outage_is_told_to_everybody_who_waits_and_asked_again_by_the_next() -> None:
    source = CountedSales(failing=True)
    sales = SharedSales(source)
    answers = await _everybody_asks(sales, source)
    assert source.reads == 1
    assert all(isinstance(answer, SalesUnavailable) for answer in answers)
    source.failing = False
    assert await sales.read(OCTOBER)
    assert source.reads == 2


async def test_a_failure_is_not_remembered() -> None:
    source = CountedSales(failing=True)
    source.let_go.set()
    sales = SharedSales(source)
    for _ in range(2):
        with pytest.raises(SalesUnavailable, match="quota"):
            await sales.read(OCTOBER)
    assert source.reads == 2
