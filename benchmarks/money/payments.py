"""From payment to production: how long it takes, what it costs, and how many callbacks a second are taken.

    python -m benchmarks.money.payments [--rate 50] [--seconds 20] [--ledgers sqlite postgresql] [--json]

Orders wait for money, each with its workflow. Then signed callbacks of the gateway pay them at a fixed rate, whatever
is answered (open loop), and production's stand-in notes when it is told of each. The worker, the console, Temporal and
the database are processes of their own, as they are deployed; they, the stand-ins and the load share the machine.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from pydantic import SecretStr
from rich.console import Console as Terminal
from rich.table import Table

from adapters.sql.ledger import SqlLedger
from benchmarks.loops import answered, at_once, at_rate
from benchmarks.money.callbacks import RAIL, Callback, post, prepare
from benchmarks.processor_time import processor_seconds
from benchmarks.report import machine
from benchmarks.world import World, open_world
from billing.payments.rails import SANDBOX_RAILS
from billing.receivables.journal import PaymentName
from console import READY as CONSOLE_READY
from console.reviewers.orders.release_plot import percentile
from sandbox.stack.ports import HOST, free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import ROOT
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.production import calls
from sandbox.timeline import until
from settings import Settings
from worker import READY as WORKER_READY

_WARM_UP, _FAST = 50, 300
"""Orders that are paid before anything is measured, and those that are paid as fast as it goes."""
_EIGHT = 8
_PATIENCE_SECONDS = 300


class Measured(NamedTuple):
    """Milliseconds: from the committed row to production's journal, from a callback's due instant to its answer and to
    production; processor time of one order by process. ``refused``: callbacks that were not accepted at the first try.
    """

    ledger: str
    orders: int
    row_ms: list[float]
    answer_ms: list[float]
    refused: int
    processor_ms: dict[str, float]
    callbacks_a_second: float
    empty_a_second: float

    @property
    def ratio(self) -> float:
        return self.callbacks_a_second / self.empty_a_second


class Running(NamedTuple):
    """The product's processes, with a ledger of their own."""

    ledger: SqlLedger
    console_url: str
    http: httpx.AsyncClient
    journal: Path
    processes: dict[str, int]

    async def call_back(self, callback: Callback) -> int:
        return await post(self.http, f"{self.console_url}/webhooks/wayforpay/{RAIL}", callback)


def main() -> None:
    parser = argparse.ArgumentParser(description="How long it takes from payment to production.")
    parser.add_argument("--rate", type=float, default=50, help="payments a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--ledgers", nargs="+", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql"))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    found = asyncio.run(_measure(given.ledgers, given.rate, given.seconds))
    if given.json:
        print(json.dumps([{**each._asdict(), "ratio": each.ratio} for each in found], indent=2))
    else:
        _print(found, given.rate)


async def _measure(ledgers: Sequence[str], rate: float, seconds: float) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="bench-payments-") as folder:
        async with open_world(Path(folder), with_postgresql="postgresql" in ledgers) as world:
            return [await _one(world, ledger, rate, seconds) for ledger in ledgers]


async def _one(world: World, name: str, rate: float, seconds: float) -> Measured:
    async with _running(world, name) as running:
        numbers = [f"{name}-{place}" for place in range(int(rate * seconds) + _WARM_UP + _FAST)]
        _say(f"{name}: opening {len(numbers):,} orders with a workflow and a payment link each")
        callbacks = await prepare(running.ledger, numbers)
        await _told(running.ledger)
        warm_up, fast, measured = callbacks[:_WARM_UP], callbacks[_WARM_UP:][:_FAST], callbacks[_WARM_UP + _FAST :]
        await at_rate(running.call_back, warm_up, rate)
        await _told(running.ledger)
        _say(f"{name}: paying {len(measured):,} of them; processes {running.processes}")
        before = processor_seconds(running.processes)
        arrivals = await at_rate(running.call_back, measured, rate)
        await _told(running.ledger)
        after = processor_seconds(running.processes)
        rows = await _rows(running, measured)
        processor_ms = {each: 1000 * (after[each] - before[each]) / len(measured) for each in after}
        return Measured(name, len(measured), rows, *answered(arrivals), processor_ms, *await _speeds(running, fast))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _rows(running: Running, callbacks: Iterable[Callback]) -> list[float]:
    """By what the ledger and production have written down; the instant of a row is that just before its transaction."""
    told = {call["event"]["data"]["number"]: datetime.fromisoformat(call["at"]) for call in calls(running.journal)}
    found = []
    for callback in callbacks:
        record = await running.ledger.incoming_payment(PaymentName.of(RAIL, callback.reference))
        if record is not None:  # what was refused comes again, in four days at most, from the real gateway
            found.append(1000 * (told[callback.number] - record.booked_at).total_seconds())
    return sorted(found)


async def _speeds(running: Running, callbacks: Sequence[Callback]) -> tuple[float, float]:
    """Callbacks a second, and requests of an empty route; one after the other, twice, by halves."""
    callback_seconds = empty_seconds = 0.0
    for half in (callbacks[::2], callbacks[1::2]):
        callback_seconds += await at_once(running.call_back, half, _EIGHT)
        await _told(running.ledger)
        empty_seconds += await at_once(lambda _: _empty(running), half, _EIGHT)
    return len(callbacks) / callback_seconds, len(callbacks) / empty_seconds


async def _empty(running: Running) -> int:
    return (await running.http.get(f"{running.console_url}/healthz")).status_code


async def _told(ledger: SqlLedger) -> None:
    """Everybody has been told everything."""

    async def look() -> bool:
        return not [event async for page in ledger.outgoing_events(undelivered_only=True) for event in page]

    await until(look, _PATIENCE_SECONDS)


@asynccontextmanager
async def _running(world: World, name: str) -> AsyncIterator[Running]:
    folder = world.new_folder()
    url = world.new_database() if name == "postgresql" else ""
    port = free_port()
    settings = Settings(_env_file=None, data_dir=folder, ledger_url=SecretStr(url), rails=SANDBOX_RAILS)
    environment = world.environment(folder) | {
        "BILLING_LEDGER_URL": url,
        "BILLING_CONSOLE_PORT": str(port),
    }
    ledger = await SqlLedger.connect(settings.ledger, settings.destinations)
    await ledger.migrate()

    def child(part: str, ready: str, *command: str) -> Child:
        log = folder / f"{part}.log"
        return Child(part, [sys.executable, *command], log=log, ready=logged(ready), env=environment)

    worker = child("worker", WORKER_READY, str(ROOT / "worker.py"))
    console = child("console", CONSOLE_READY, "-m", "console")
    try:
        async with worker, console, local_http(limits=httpx.Limits(max_connections=200)) as http:
            processes = {"console": console.pid, "worker": worker.pid, "Temporal": world.server.child.pid}
            processes |= {"PostgreSQL": world.postgresql_pid} if url else {}
            processes["stand-ins"] = world.stand_ins.pid
            yield Running(ledger, f"http://{HOST}:{port}", http, world.folder / "production.jsonl", processes)
    finally:
        await ledger.close()


def _print(found: Sequence[Measured], rate: float) -> None:
    terminal = Terminal(width=120)
    table = Table("Ledger", "row to production, ms: p50", "p99", "worst", "callback to answer: p50", "p99", box=None)
    for each in found:
        cells = [percentile(each.row_ms, 50), percentile(each.row_ms, 99), each.row_ms[-1]]
        cells += [percentile(each.answer_ms, 50), percentile(each.answer_ms, 99)]
        table.add_row(each.ledger, *(f"{cell:.0f}" for cell in cells))
    terminal.print(table)
    for each in found:
        split = ", ".join(f"{process} {ms:.1f}" for process, ms in each.processor_ms.items())
        total = sum(ms for process, ms in each.processor_ms.items() if process != "stand-ins")
        terminal.print(f"{each.ledger}: processor {total:.1f} ms an order without the stand-ins: {split}")
        terminal.print(
            f"{each.ledger}: {each.callbacks_a_second:.0f} callbacks a second, {each.empty_a_second:.0f} of an empty "
            f"route (ratio {each.ratio:.2f}); {each.orders} orders at {rate:g} a second, {each.refused} refused"
        )
    terminal.print(machine())


if __name__ == "__main__":
    main()
