"""What a month costs the sheet's quota: requests are counted at the stand-in, however many customers and workers."""

import asyncio
from datetime import timedelta

import pytest

from billing.errors import SalesUnavailable
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.sales.sales import lines_for
from sandbox.stand_ins.control import local_http
from services.shared_sales import since_import, since_notice
from tests.contract.ledger_fixtures import NOVEMBER, OCTOBER
from tests.contract.sheet_office import HOUR, Office, Worker, office, opened, people

__all__ = ["office"]  # fixture


def spread(months: list[Month]) -> list[Month]:
    """The same with each customer at their minute of an hour, the earliest first."""
    opened = [Month.open(month.customer.spread_over(60), month.period) for month in months]
    return sorted(opened, key=lambda month: month.import_at)


async def month_of(office: Office, workers: list[Worker], months: list[Month]) -> list[Month]:
    """A month of everybody, spread over an hour and over the workers; answers the month after it."""
    months = spread(months)
    drafted = []
    for number, month in enumerate(months):
        office.now = month.import_at + timedelta(seconds=1)
        drafted.append(await workers[number % len(workers)].collect(month))
    for number, month in enumerate(drafted):
        office.now = month.notice_at + timedelta(seconds=1)
        assert await workers[number % len(workers)].finds(month) == 0
    closed = [month.close(Stage.PAID, office.now) for month in drafted]
    for month in closed:
        await workers[0].ledger.record(month, office.now)
    return [month.next_month() for month in closed]


@pytest.mark.parametrize(("customers", "workers"), [(2, 1), (30, 3)])
async def test_a_month_costs_four_requests_however_many_customers_and_workers(
    office: Office, customers: int, workers: int
) -> None:
    everybody = people(customers)
    office.sells(OCTOBER, everybody)
    office.sells(NOVEMBER, everybody)
    processes = [await office.worker() for _ in range(workers)]
    following = await month_of(office, processes, opened(everybody))
    assert await office.requests() == 2 + 1, "two that agree, and one before the charge that agrees with them"
    await month_of(office, processes, following)
    assert await office.requests() == 3 + 4, "and one of the month before"


async def test_ten_thousand_customers_of_one_time_zone_cost_at_most_five_requests_a_month(office: Office) -> None:
    """Each reads the worksheets that a month reads, and takes its rows; spread over an hour and three workers."""
    everybody = people(10_000)
    months = spread(opened(everybody, NOVEMBER))
    office.sells(OCTOBER, everybody)
    office.sells(NOVEMBER, everybody)
    processes = [await office.worker() for _ in range(3)]
    office.now = months[0].import_at - timedelta(days=28)
    await processes[0].shared.read(OCTOBER, office.now)
    before, billed = await office.requests(), 0
    for number, month in enumerate(months):
        office.now = month.import_at
        shared, since = processes[number % 3].shared, since_import(month, office.now)
        lines, _ = lines_for(month.customer, NOVEMBER, await shared.read(NOVEMBER, since))
        billed += sum(line.amount_minor for line in lines)
        await shared.read(OCTOBER, since)
    for number, month in enumerate(months):
        office.now = month.notice_at
        await processes[number % 3].shared.read(NOVEMBER, since_notice(month, office.now))
    assert billed == 10_000 * 1000
    assert await office.requests() - before <= 5


async def test_workers_that_begin_in_the_same_moment_leave_it_to_one_of_them(office: Office) -> None:
    everybody = people(20)
    office.sells(OCTOBER, everybody)
    processes = [await office.worker() for _ in range(4)]
    months = opened(everybody)
    office.now = months[0].import_at + timedelta(seconds=1)
    await asyncio.gather(*(processes[n % 4].collect(month) for n, month in enumerate(months)))
    assert await office.requests() == 2


async def test_a_worker_that_is_restarted_goes_on_with_the_reading_that_was_made(office: Office) -> None:
    first, second = opened(people(2))
    office.sells(OCTOBER, [first.customer, second.customer])
    office.now = first.import_at + timedelta(seconds=1)
    await (await office.worker()).collect(first)
    office.now = first.import_at + HOUR
    month = await (await office.worker()).collect(second)
    assert await office.requests() == 2
    assert month.invoice is not None
    assert [line.amount_minor for line in month.invoice.lines] == [1000]


async def test_a_used_up_quota_is_not_asked_for_by_everybody(office: Office) -> None:
    months = opened(people(50))
    office.sells(OCTOBER, [month.customer for month in months])
    worker = await office.worker()
    await office.fails(path="/v4/", kind="rate_limit", times=None)
    for second in (1, 2, 4):
        office.now = months[0].import_at + timedelta(seconds=second)
        for few in (months[:25], months[25:]):  # as many as there are slots, one after the other
            outcomes = await asyncio.gather(*(worker.collect(month) for month in few), return_exceptions=True)
            assert all(isinstance(outcome, SalesUnavailable) for outcome in outcomes)
    async with local_http(base_url=office.url) as http:
        (rule,) = (await http.get("/_control/faults")).json()
        assert rule["fired"] == 3, "one for each second"
        await http.delete("/_control/faults")
    office.now += timedelta(seconds=4)
    drafted = await asyncio.gather(*(worker.collect(month) for month in months))
    assert all(month.invoice and month.invoice.total_minor == 1000 for month in drafted)
    assert await office.requests() == 2
