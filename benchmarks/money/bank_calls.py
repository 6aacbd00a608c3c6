"""How fast a bank's app is answered: ``check`` and ``pay``, a second and p99, beside an empty route of the same server.

    python -m benchmarks.money.bank_calls [--rate 200] [--seconds 30] [--payments 1000000] [--customers 100000] [--json]

The ledger has a long past, and everybody owes something. What answers is ``python -m inbound``: one process with
SQLite, which has one writer, and two with PostgreSQL. Temporal, a worker and the database run beside it, as they are
deployed, and the load comes from this process. The rate is kept whatever is answered (open loop), over as many
connections as a bank has. At last the console's pages are read at the same time by a reviewer.
"""

import argparse
import asyncio
import gc
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlencode

from pydantic import SecretStr
from rich.console import Console as Terminal
from rich.table import Table
from sqlalchemy import func, select

from adapters.passwords import Argon2Passwords
from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.journal import incoming_payments
from benchmarks.filled.journal import fill_journal
from benchmarks.loops import answered, at_once, at_rate
from benchmarks.money.wire import Wire, connected
from benchmarks.processor_time import processor_seconds
from benchmarks.report import machine
from benchmarks.world import World, open_world
from billing.payments.rails import SANDBOX_RAILS
from billing.reviewers.users import Role, User
from console import READY as CONSOLE_READY
from console.reviewers.orders.release_plot import percentile
from inbound import READY as INBOUND_READY
from sandbox.stack.ports import HOST, free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import ROOT
from sandbox.stand_ins.control import local_http
from settings import Settings
from worker import READY as WORKER_READY

RAIL, SUM = "bank-app", "25.00"
_CONNECTIONS, _WARM_UP, _FAST = 10, 200, 1000
_PAGES = ("/desk/money", "/desk/orders", "/desk/audit")


class Load(NamedTuple):
    """One kind of request at the fixed rate, in milliseconds from the instant at which it was due; and as fast as it
    goes, a second (0: not tried). ``refused`` were not answered with 200. ``processor_ms``: of each process, a request.
    """

    ms: list[float]
    refused: int
    processor_ms: dict[str, float]
    a_second: float = 0


class Measured(NamedTuple):
    """``pages_ms``: of the console's pages, read while ``beside_pages`` were paid."""

    ledger: str
    loads: dict[str, Load]
    pages_ms: list[float]

    @property
    def figures(self) -> dict[str, object]:
        return {
            "ledger": self.ledger,
            **{name: _figures(load) for name, load in self.loads.items()},
            "pages": {"read": len(self.pages_ms), "p50_ms": _at(self.pages_ms, 50), "p99_ms": _at(self.pages_ms, 99)},
        }


class Running(NamedTuple):
    """The product's processes, with a ledger of their own; a number of each customer, who owes ``SUM``."""

    ledger: SqlLedger
    wire: Wire  # to ``python -m inbound``
    console: str
    numbers: list[str]
    pids: dict[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast a bank's app is answered.")
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--payments", type=int, default=1_000_000, help="that the ledger has already")
    parser.add_argument("--customers", type=int, default=100_000, help="each of whom owes something")
    parser.add_argument("--ledgers", nargs="+", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql"))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    found = asyncio.run(_measure(given))
    if given.json:
        print(json.dumps([each.figures for each in found], indent=2))
    else:
        _print(found, given)


async def _measure(given: argparse.Namespace) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="bench-bank-") as folder:
        async with open_world(Path(folder), with_postgresql="postgresql" in given.ledgers) as world:
            return [await _one(world, name, given) for name in given.ledgers]


async def _one(world: World, name: str, given: argparse.Namespace) -> Measured:
    async with _running(world, name, given.customers, given.payments) as running:
        count = int(given.rate * given.seconds)
        accounts, txn_ids = cycle(running.numbers), iter(range(10**17, 10**18))

        async def check(_: int) -> int:
            return await _ask(running, "check", str(next(txn_ids)), next(accounts), 0)

        async def pay(_: int) -> int:
            return await _ask(running, "pay", str(next(txn_ids)), next(accounts), 0)

        async def empty(_: int) -> int:
            return (await running.wire.get("/healthz")).status

        gc.freeze()  # or this process looks through a million numbers while answers wait for it
        loads = {}
        for kind, send in {"empty": empty, "check": check, "pay": pay}.items():
            _say(f"{name}: {kind}")
            await at_rate(send, range(_WARM_UP), given.rate)
            paced = await _paced(running, send, count, given.rate)
            loads[kind] = paced._replace(a_second=_FAST / await at_once(send, range(_FAST), _CONNECTIONS))
        _say(f"{name}: pay, while a reviewer reads pages")
        async with _reviewer(running) as pages_ms:
            loads["pay beside pages"] = await _paced(running, pay, count, given.rate)
        paid = 2 * count + _WARM_UP + _FAST
        assert await _booked(running.ledger) == given.payments + paid, "each is booked once"
        return Measured(name, loads, sorted(pages_ms))


async def _paced(running: Running, send: Callable[[int], Awaitable[int]], count: int, rate: float) -> Load:
    before = processor_seconds(running.pids)
    arrivals = await at_rate(send, range(count), rate)
    used = processor_seconds(running.pids)
    return Load(*answered(arrivals), {name: 1000 * (used[name] - before[name]) / count for name in used})


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _ask(running: Running, command: str, txn_id: str, account: str, result: int) -> int:
    """The status; 0 if there was no answer. Raises ``AssertionError`` for another result."""
    fields = {"command": command, "txn_id": txn_id, "account": account, "sum": SUM}
    answer = await running.wire.get(f"/billers/{RAIL}?{urlencode(fields)}")
    assert answer.status != 200 or json.loads(answer.body)["result"] == result, answer.body
    return answer.status


async def _booked(ledger: SqlLedger) -> int:
    counted = select(func.count()).where(incoming_payments.c.rail == RAIL)

    def count() -> int:
        with ledger._reading("count its payments") as connection:
            return connection.scalar(counted) or 0

    return await ledger.run(count)


@asynccontextmanager
async def _reviewer(running: Running) -> AsyncIterator[list[float]]:
    """Reads pages of the console, one after the other, until the block ends; yields how long each took."""
    password, found, over = secrets.token_urlsafe(16), list[float](), asyncio.Event()
    viewer = User(username="viv", name="Viv", role=Role.APPROVER)
    await running.ledger.add_user(viewer, await Argon2Passwords().hashed(password), datetime.now(UTC))

    async def read() -> None:
        async with local_http(base_url=running.console) as browser:
            await browser.post("/login", data={"username": "viv", "password": password})
            for page in cycle(_PAGES):
                if over.is_set():
                    return
                began = perf_counter()
                (await browser.get(page)).raise_for_status()
                found.append(1000 * (perf_counter() - began))

    reading = asyncio.create_task(read())
    try:
        yield found
    finally:
        over.set()
        await reading


@asynccontextmanager
async def _running(world: World, name: str, customers: int, payments: int) -> AsyncIterator[Running]:
    folder, console_port, port = world.new_folder(), free_port(), free_port()
    url = world.new_database() if name == "postgresql" else ""
    settings = Settings(_env_file=None, data_dir=folder, ledger_url=SecretStr(url), rails=SANDBOX_RAILS)
    environment = world.environment(folder) | {
        "BILLING_LEDGER_URL": url,
        "BILLING_CONSOLE_PORT": str(console_port),
        "BILLING_INBOUND_PORT": str(port),
    }
    ledger = await SqlLedger.connect(settings.ledger, settings.destinations)
    await ledger.migrate()
    began = perf_counter()
    numbers = fill_journal(ledger, customers, payments, RAIL, datetime.now(UTC))
    _say(f"{name}: {payments:,} payments and {customers:,} open bills, made in {perf_counter() - began:.0f} s")

    def child(part: str, ready: str, *command: str) -> Child:
        log = folder / f"{part}.log"
        return Child(part, [sys.executable, *command], log=log, ready=logged(ready), env=environment)

    worker = child("worker", WORKER_READY, str(ROOT / "worker.py"))
    console = child("console", CONSOLE_READY, "-m", "console")
    inbound = child("inbound", INBOUND_READY, "-m", "inbound", "--processes", "2" if url else "1")
    try:
        async with worker, console, inbound, connected(HOST, port, _CONNECTIONS) as wire:
            pids = {each.name: each.pid for each in (inbound, worker, console)} | {"temporal": world.server.child.pid}
            pids |= {"postgresql": world.postgresql_pid} if url else {}
            yield Running(ledger, wire, f"http://{HOST}:{console_port}", numbers, pids)
    finally:
        await ledger.close()


def _figures(load: Load) -> dict[str, object]:
    paced = {"p50_ms": _at(load.ms, 50), "p99_ms": _at(load.ms, 99), "worst_ms": round(load.ms[-1], 1)}
    processor_ms = {name: round(ms, 2) for name, ms in load.processor_ms.items()}
    return {**paced, "refused": load.refused, "a_second": round(load.a_second), "processor_ms": processor_ms}


def _at(ms: Sequence[float], percent: int) -> float:
    return round(percentile(ms, percent), 1) if ms else 0.0


def _print(found: Sequence[Measured], given: argparse.Namespace) -> None:
    terminal = Terminal(width=150)
    figures = ("p50, ms", "p99", "worst", "a second", "of empty", "processor, ms each")
    table = Table("Ledger", "Request", *figures, box=None)
    for each in found:
        for name, load in each.loads.items():
            ratio = f"{load.a_second / each.loads['empty'].a_second:.2f}" if load.a_second else ""
            cells = [f"{_at(load.ms, 50):.1f}", f"{_at(load.ms, 99):.1f}", f"{load.ms[-1]:.0f}"]
            parts = ", ".join(f"{part} {ms:.1f}" for part, ms in load.processor_ms.items())
            table.add_row(each.ledger, name, *cells, f"{load.a_second:.0f}" if load.a_second else "", ratio, parts)
    terminal.print(table)
    for each in found:
        pages, refused = each.pages_ms, sum(load.refused for load in each.loads.values())
        terminal.print(
            f"{each.ledger}: {len(pages)} pages were read beside it, p50 {_at(pages, 50):.0f} ms, p99 "
            f"{_at(pages, 99):.0f}; {refused} requests without an answer"
        )
    terminal.print(
        f"{given.rate:g} requests a second, {given.payments:,} payments and {given.customers:,} open bills before"
    )
    terminal.print(machine())


if __name__ == "__main__":
    main()
