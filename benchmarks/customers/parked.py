"""What waiting customers cost: starting them, the memory they take, and whether they delay the first who is due.

    python -m benchmarks.customers.parked [--customers 10000] [--rounds 5] [--json]

Two embedded stacks, each in a folder of its own: in one all customers wait for the end of their month, in the other
nobody does. In turn the worker of each is stopped, one more customer becomes due, and the worker is started: how long
until that one has its draft?
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from benchmarks.proc import cpu_seconds, quiet, rss_bytes
from benchmarks.roster_file import write_roster_file
from billing.customers.roster import parse_roster
from billing.invoices.month import Month
from billing.keys import workflow_id
from billing.period import Period
from bootstrap import Adapters, connect_adapters, connect_temporal
from bootstrap_adapters import SANDBOX_SHEET_ID
from sandbox.stack.stack import ROOT, Stack, embedded_stack, free_temporal_port, sandbox_settings
from settings import Settings
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE

_PER = 10_000
_SOON = timedelta(seconds=4)
_SETTLED_SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description="What waiting customers cost.")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures = asyncio.run(_measure(given.customers, given.rounds))
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        _print(figures)


def _print(figures: dict[str, Any]) -> None:
    count = f"{figures['customers']:,}"
    one, many = figures["restart_with_1"], figures["restart_with_all"]
    table = Table("What", "1 parked", f"{count} parked", "Ratio", box=None)
    for name in one:
        ratio = many[name] / one[name] if one[name] else float("nan")
        table.add_row(name.replace("_", " "), f"{one[name]:.2f}", f"{many[name]:.2f}", f"{ratio:.2f}")
    Console().print(table)
    memory = Table("Memory, MB", "before", f"{count} parked", f"per {_PER:,}", box=None)
    for name, sizes in figures["rss_mb"].items():
        memory.add_row(name, *(f"{sizes[key]:.0f}" for key in ("before", "parked", "per_10000")))
    Console().print(memory)
    for name in ("start", "repeat"):
        start = figures[name]
        speed = f"{start['per_second']:.0f} a second, {start['cpu_ms']:.2f} ms of its own CPU each"
        print(f"{name} --from: {start['seconds']:.1f} s, {speed}")
    print(f"a repeat over the first start: {figures['repeat']['seconds'] / figures['start']['seconds']:.2f}")


async def _measure(customers: int, rounds: int) -> dict[str, Any]:
    async with _house(rounds) as alone, _house(rounds) as full:
        await full.quiet()
        before = full.rss()
        roster = await write_roster_file(full.folder / "customers.csv", full.stack.stripe_url, customers)
        started = await full.start(roster, customers)
        await full.quiet()
        parked = full.rss()
        repeated = await full.start(roster, customers)
        one, many = [], []
        for _ in range(rounds):
            one.append(await alone.restart())
            many.append(await full.restart())
        await full.quiet()
        after = full.rss()
    memory = {
        "worker": (before["worker"], parked["worker"]),
        "worker, restarted": (before["worker"], after["worker"]),
        "server": (before["server"], parked["server"]),
    }
    return {
        "customers": customers,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "start": started,
        "repeat": repeated,
        "rss_mb": {
            name: {"before": first, "parked": then, "per_10000": (then - first) * _PER / customers}
            for name, (first, then) in memory.items()
        },
        "restart_with_1": _medians(one),
        "restart_with_all": _medians(many),
    }


@asynccontextmanager
async def _house(rounds: int) -> AsyncIterator["_House"]:
    """A stack with as many customers as become due one by one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = sandbox_settings(Settings(_env_file=None, data_dir=folder))
        async with AsyncExitStack() as exits:
            stack = await exits.enter_async_context(embedded_stack(settings, free_temporal_port()))
            adapters = await exits.enter_async_context(connect_adapters(settings))
            client = await connect_temporal(settings, stack.address)
            due = await write_roster_file(folder / "due.csv", stack.stripe_url, rounds, prefix="due")
            yield _House(stack, client, adapters, folder, _months(due.read_text()))


def _months(roster: str) -> list[Month]:
    """A month of each, as it is when it begins."""
    now = datetime.now(UTC)
    return [Month.open(customer, Period.at(now, customer.timezone)) for customer in parse_roster(roster)[0].values()]


class _House:
    """A stack, and customers who become due one after the other."""

    def __init__(self, stack: Stack, client: Client, adapters: Adapters, folder: Path, months: list[Month]) -> None:
        self.stack = stack
        self._client = client
        self._ledger = adapters.ledger
        self.folder = folder
        self._due = iter(months)
        sheet = folder / "sheets" / SANDBOX_SHEET_ID / f"{months[0].period}.csv"
        sheet.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"{month.customer.email},100,Hosting" for month in months]
        sheet.write_text("\n".join(["email,amount,description", *rows, ""]))

    def rss(self) -> dict[str, float]:
        pids = {"worker": self.stack.worker.pid, "server": self.stack.server.pid}
        return {name: rss_bytes(pid) / 2**20 for name, pid in pids.items()}

    async def quiet(self) -> None:
        await quiet([self.stack.worker.pid, self.stack.server.pid])

    async def restart(self) -> dict[str, float]:
        """Stops the worker, lets one customer become due, starts the worker: until there is a draft."""
        month = next(self._due).evolve(import_at=datetime.now(UTC) + _SOON)
        customer_id = month.customer.customer_id
        await self._ledger.record_opened([month], datetime.now(UTC))
        chain = workflow_id(customer_id)
        await self._client.start_workflow(MonthlyBilling.run, month, id=chain, task_queue=TASK_QUEUE)
        await self._client.get_workflow_handle(chain).query(MonthlyBilling.invoice)  # it waits now
        await self.stack.worker.stop()
        await asyncio.sleep(max(0.0, (month.import_at - datetime.now(UTC)).total_seconds()) + 1)
        began, server = time.perf_counter(), cpu_seconds(self.stack.server.pid)
        await self.stack.worker.start()
        ready = time.perf_counter()
        while (now := await self._ledger.month(customer_id, month.period)) is None or now.invoice is None:
            await asyncio.sleep(0.01)
        served = time.perf_counter()
        await asyncio.sleep(_SETTLED_SECONDS)
        return {
            "seconds_until_the_first_draft": served - began,
            "of_these_once_the_worker_is_ready": served - ready,
            "CPU_of_the_worker_seconds": cpu_seconds(self.stack.worker.pid),
            "CPU_of_the_server_seconds": cpu_seconds(self.stack.server.pid) - server,
        }

    async def start(self, roster: Path, customers: int) -> dict[str, float]:
        """The operator's command in a process of its own. Fails unless everybody is started, or runs."""
        command = (sys.executable, str(ROOT / "starter.py"), "start", "--from", str(roster))
        environment = {**os.environ, **self.stack.environment}
        began, before = time.perf_counter(), os.times()
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
        code = await process.wait()
        seconds, after = time.perf_counter() - began, os.times()
        if code:
            raise RuntimeError(f"start --from ended with exit code {code}")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return {"seconds": seconds, "per_second": customers / seconds, "cpu_ms": cpu * 1000 / customers}


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


if __name__ == "__main__":
    main()
