"""What a month costs the sheet's quota: requests are counted at the stand-in, however many customers and workers."""

import asyncio
import csv
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.sales import SalesActivities
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sql.ledger import SqlLedger
from billing.commands import Resume
from billing.customers.customer import Customer
from billing.errors import SalesUnavailable
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from billing.period import Period
from billing.sales.sales import lines_for
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sheets_api import sheets_app
from services import clock
from services.alerts import Alerts
from services.shared_sales import SharedSales, since_import, since_notice
from services.sheet_comparison import SheetComparer
from tests.contract.ledger_fixtures import ACME, NOVEMBER, OCTOBER
from tests.unit.months import decided

BOOK = "sales"
HOUR = timedelta(hours=1)


class NoDigest:
    async def wake(self) -> None: ...


class Worker:
    """A worker process: its own connection to the ledger, its own memory."""

    def __init__(self, url: str, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self.shared = SharedSales(GoogleSheetsSales.connect(BOOK, base_url=url), ledger)
        self.comparing = SheetComparer(self.shared, ledger)
        self.sales = SalesActivities(self.shared, self.comparing, ledger, Alerts(ledger, NoDigest(), enabled=False))

    async def collect(self, month: Month) -> Month:
        """As the workflow does, which has an outage on record when the first tries have failed."""
        collected = await self.sales.import_sales(month)
        assert collected.invoice is not None
        return month.drafted(collected.invoice, collected.remark)

    async def finds(self, month: Month) -> int:
        """How many rows the sheet has otherwise when the notice leaves."""
        compared = await self.comparing.compare(month, since_notice(month, clock.now()))
        assert compared is not None
        return len(compared.changes)


class Office:
    """The sheet's stand-in, the ledger's file, and the clock of everybody."""

    def __init__(self, folder: Path, serve: Callable[[Any], Awaitable[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._serve = serve
        self.now = datetime.min.replace(tzinfo=UTC)
        self.url = ""
        self.ledgers: list[SqlLedger] = []
        (folder / BOOK).mkdir()
        monkeypatch.setattr(clock, "now", lambda: self.now)

    async def open(self) -> None:
        self.url = await self._serve(Faults(sheets_app(self._folder)))

    async def worker(self) -> Worker:
        ledger = await SqlLedger.connect(f"sqlite:///{self._folder / 'ledger.db'}")
        if not self.ledgers:
            await ledger.migrate()
        self.ledgers.append(ledger)
        return Worker(self.url, ledger)

    def sells(self, period: Period, customers: list[Customer], *more: tuple[Customer, str]) -> None:
        rows = [*((customer, "10") for customer in customers), *more]
        with (self._folder / BOOK / f"{period}.csv").open("w", newline="") as file:
            cells = [(customer.email, amount, "Hosting") for customer, amount in rows]
            csv.writer(file).writerows([("email", "amount", "description"), *cells])

    async def requests(self) -> int:
        async with local_http(base_url=self.url) as http:
            return int((await http.get("/_control/requests")).json()["total"])

    async def fails(self, **rule: Any) -> None:
        async with local_http(base_url=self.url) as http:
            (await http.post("/_control/faults", json=rule)).raise_for_status()


@pytest.fixture
async def office(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    office = Office(tmp_path, serve, monkeypatch)
    await office.open()
    yield office
    for ledger in office.ledgers:
        await ledger.close()


def people(count: int) -> list[Customer]:
    return [
        ACME.evolve(
            customer_id=f"c{n}",
            email=f"c{n}@x.example",
            payment_method=CardOnFile(payer_id=f"cus_{n}", card_id=f"pm_{n}"),
        )
        for n in range(count)
    ]


def opened(customers: list[Customer], period: Period = OCTOBER) -> list[Month]:
    return [Month.open(customer, period) for customer in customers]


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


async def test_all_of_one_import_are_billed_from_one_state_of_the_sheet(office: Office) -> None:
    """And what is typed meanwhile is found before the charge."""
    first, second = opened(people(2))
    office.sells(OCTOBER, [first.customer, second.customer])
    worker = await office.worker()
    office.now = first.import_at + timedelta(seconds=1)
    months = [await worker.collect(first)]
    office.sells(OCTOBER, [first.customer, second.customer], (first.customer, "7"), (second.customer, "8"))
    office.now = first.import_at + HOUR
    months.append(await worker.collect(second))
    digests = {month.invoice.sales.digest for month in months if month.invoice and month.invoice.sales}
    assert len(digests) == 1
    office.now = months[0].notice_at + timedelta(seconds=1)
    assert [await worker.finds(month) for month in months] == [1, 1]
    assert await office.requests() == 2 + 2


async def test_who_comes_late_is_billed_from_what_the_sheet_says_by_then(office: Office) -> None:
    months = opened(people(15))
    everybody = [month.customer for month in months]
    office.sells(OCTOBER, everybody)
    worker = await office.worker()
    office.now = months[0].import_at + timedelta(seconds=1)
    await worker.collect(months[0])
    office.sells(OCTOBER, everybody, *((customer, "7") for customer in everybody))
    for number, month in enumerate(months[1:]):
        office.now = month.import_at + timedelta(days=3, seconds=2 * number)
        drafted = await worker.collect(month)
        assert drafted.invoice is not None
        assert drafted.invoice.total_minor == 1700
    assert await office.requests() == 2 + 2 + 1, "of those who follow each other within seconds, one for all"


async def test_what_a_person_has_mended_is_read_anew(office: Office) -> None:
    """The reading that others were billed from in that hour does not serve after an outage, nor after a resume."""
    worker, (first, second, third) = await office.worker(), opened(people(3))
    everybody = [first.customer, second.customer, third.customer]
    office.sells(OCTOBER, everybody)
    office.now = first.import_at + timedelta(seconds=1)
    await worker.collect(first)
    office.sells(OCTOBER, everybody, (second.customer, "7"))
    office.now += timedelta(minutes=10)
    mended = await worker.collect(second.delayed("SalesUnavailable", "worksheet '2026-10' no longer has any rows"))
    assert mended.invoice is not None
    assert mended.invoice.total_minor == 1700
    office.sells(OCTOBER, everybody, (third.customer, "7"))
    office.now += timedelta(seconds=10)
    resume = Resume(by="ann", reason="summed up")
    resumed, decision = decided(third.failed("more than 2000 rows"), resume, office.now, "update")
    assert decision.accepted
    mended = await worker.collect(resumed)
    assert mended.invoice is not None
    assert mended.invoice.total_minor == 1700


async def test_a_worksheet_that_is_being_typed_in_is_read_again(office: Office, serve: Any, tmp_path: Path) -> None:
    (month,) = opened(people(1))
    office.sells(OCTOBER, [], (month.customer, "1"))
    inner, edits = sheets_app(tmp_path), ["1", "TRUE"]  # equal to Python, and not to a customer

    async def typed(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        if edits and scope["type"] == "http":
            office.sells(OCTOBER, [], (month.customer, edits.pop()))

    office.url = await serve(typed)
    office.now = month.import_at + timedelta(seconds=1)
    worker = await office.worker()
    with pytest.raises(SalesUnavailable, match="'2026-10' is being edited; it will be read again"):
        await worker.collect(month)
    office.now += timedelta(seconds=1)
    drafted = await worker.collect(month)
    assert drafted.invoice is not None
    assert drafted.invoice.total_minor == 100


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


async def test_a_clock_that_is_elsewhere_in_time_has_readings_of_its_own(office: Office) -> None:
    """As in a rehearsal, where each customer's time is skipped by itself."""
    worker, (first, second) = await office.worker(), opened(people(2))
    office.sells(OCTOBER, [first.customer])
    office.now = first.import_at + timedelta(days=400)
    await worker.collect(first)
    office.sells(OCTOBER, [second.customer])
    office.now = second.import_at + timedelta(seconds=1)
    drafted = await worker.collect(second)
    assert drafted.invoice is not None
    assert drafted.invoice.total_minor == 1000


async def test_a_person_always_sees_the_sheet_as_it_is(office: Office) -> None:
    worker, (month,) = await office.worker(), opened(people(1))
    office.sells(OCTOBER, [month.customer])
    office.now = month.import_at + timedelta(seconds=1)
    drafted = await worker.collect(month)
    office.sells(OCTOBER, [month.customer], (month.customer, "7"))
    office.now += timedelta(seconds=1)
    looks = [worker.comparing.compare(drafted, office.now) for _ in range(5)]
    assert all(compared and len(compared.changes) == 1 for compared in await asyncio.gather(*looks))
    assert await office.requests() == 2 + 2
