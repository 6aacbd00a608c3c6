"""Workers who share one sheet and one ledger, and the clock of everybody."""

import csv
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.sales import SalesActivities
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sql.ledger import SqlLedger
from billing.customers.customer import Customer
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from billing.period import Period
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sheets_api import sheets_app
from services import clock
from services.alerts import Alerts
from services.shared_sales import SharedSales, since_notice
from services.sheet_comparison import SheetComparer
from tests.contract.event_fixtures import Waker
from tests.contract.ledger_fixtures import ACME, OCTOBER

BOOK = "sales"
HOUR = timedelta(hours=1)


class Worker:
    """A worker process: its own connection to the ledger, its own memory."""

    def __init__(self, url: str, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self.shared = SharedSales(GoogleSheetsSales.connect(BOOK, base_url=url), ledger)
        self.comparing = SheetComparer(self.shared, ledger)
        self.sales = SalesActivities(self.shared, self.comparing, ledger, Alerts(ledger, Waker(), enabled=False))

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
