"""What the ledger's tests share: a customer and months, and real databases.

Each test has a database of its own, in a SQLite file and on a PostgreSQL server.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables.journal import post
from billing.commands import Halt, Resume
from billing.customers.customer import Customer, Terms
from billing.invoices.invoice import Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.payments.methods import CardOnFile
from billing.period import Period
from billing.receivables.journal import opening
from tests.empty_ledger import empty_image
from tests.forks import Fork
from tests.postgresql import Databases, postgresql_server

OCTOBER, NOVEMBER, DECEMBER = Period("2026-10"), Period("2026-11"), Period("2026-12")
AT = datetime(2026, 12, 1, 3, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ACME = Customer(
    customer_id="acme",
    email="ann@acme.example",
    name="Acme Añ 茶",
    currency="EUR",
    timezone="Europe/Paris",
    payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1", last4="4242"),
    terms=Terms(min_window_hours=50),
)
SOURCE = Source(sheet="2026-11", row=7, digest="d" * 64)
INVOICE = Invoice(
    currency="EUR",
    imported_at=AT,
    lines=(
        LineItem(line_id="row-7", description="Tea", amount_minor=2**40, source=SOURCE),
        LineItem(line_id="added-1", description="Goodwill", amount_minor=-500),
    ),
    problems=(Problem(line_id="row-9", description="Cup", raw="x,y", reason="not money", source=SOURCE),),
)


def opened(period: Period = NOVEMBER, **changes: object) -> Month:
    return Month.open(ACME.evolve(**changes), period)


def drafted(period: Period = NOVEMBER) -> Month:
    return opened(period).drafted(INVOICE)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    with postgresql_server() as server:
        yield Databases(server)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database; without tables, unless the test asks for a ledger, too."""
    has_tables = "ledger" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "ledger.db"
        path.write_bytes(empty_image() if has_tables else b"")  # only migrate makes a file
        yield f"sqlite:///{path}"
        return
    databases: Databases = request.getfixturevalue("databases")
    if not has_tables:
        yield databases.without_tables()
        return
    taken = databases.take()
    yield taken
    databases.give_back(taken)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger ready for use."""
    ledger = await SqlLedger.connect(url)
    yield ledger
    await ledger.close()


async def leave(ledger: SqlLedger, customer_id: str, amount_minor: int, currency: str, name: str = "") -> None:
    """What the next draft takes over: debt positive, credit negative."""

    def write() -> None:
        with ledger._writing("leave a balance") as connection:
            post(connection, [opening(customer_id, amount_minor, currency, AT, name)])

    await ledger.run(write)


def read(url: str, query: str) -> list[Any]:
    """What is in the tables, past the ledger."""
    rows: list[Any] = run(url, lambda connection: connection.execute(text(query)).all())
    return rows


def driver(url: str) -> str:
    return "sqlite" if "sqlite" in url else "postgresql+psycopg"


def run(url: str, work: Any) -> Any:
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


async def succeed(*processes: Fork) -> list[str]:
    """Lets all of them begin at once, as soon as each has said that it is ready; what each has printed since."""
    for process in processes:
        process.stdout.readline()
    endings = await asyncio.gather(*(asyncio.to_thread(process.communicate, "\n") for process in processes))
    for process, (_, errors) in zip(processes, endings, strict=True):
        assert process.returncode == 0, errors
    return [output for output, _ in endings]


def halted(month: Month, times: int = 1) -> Month:
    """The month after as many halts, each resumed: two decisions each."""
    for n in range(times):
        month, *_ = decide(month, Halt(by="ann", reason=f"check {n}"), AT, "test")
        month, *_ = decide(month, Resume(by="bob", reason=f"checked {n}"), AT, "test")
    return month
