"""How quickly departments get their lists with 100,000 orders and 1,000,000 tasks, beside an empty page, in one run.

    python -m benchmarks.lists.desk_lists [--orders 100000] [--tasks 1000000] [--rounds 20] [--ledgers sqlite] [--json]

The console's own process serves, and a signed-in browser asks for the pages in turn, so that whatever else the machine
does meets all of them alike. Each list has to be there in the time of ten empty pages.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr
from rich.console import Console as Terminal
from rich.table import Table
from sqlalchemy import select

from adapters.passwords import Argon2Passwords
from adapters.sql.ledger import SqlLedger
from adapters.sql.subscribers.task_rows import T
from benchmarks.filled.desk import fill_desk
from benchmarks.report import machine
from benchmarks.world import World, open_world
from billing.reviewers.users import Role, User
from billing.tasks.listing import TaskCursor
from billing.tasks.member import Member
from bootstrap_procedures import connect_procedures
from console import READY
from sandbox.stack.ports import HOST, free_port
from sandbox.stack.processes import Child, logged
from sandbox.stand_ins.control import local_http
from settings import Settings

EMPTY, GOAL = "an empty page", 10
VIV = Member("viv", ("crew", "operator"))
_TASKS, _BOARD, _ORDERS = "/desk/tasks", "/desk/board", "/desk/orders"
_WARM_UP, _PAGE = 3, 100


class Measured(NamedTuple):
    """Milliseconds from a request to the last byte of its answer: all of them, by page."""

    ledger: str
    ms: Mapping[str, Sequence[float]]

    def median(self, page: str) -> float:
        return statistics.median(self.ms[page])

    def ratio(self, page: str) -> float:
        """So many empty pages."""
        return self.median(page) / self.median(EMPTY)


def main() -> None:
    parser = argparse.ArgumentParser(description="How quickly departments get their lists.")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--ledgers", nargs="+", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql"))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    found = asyncio.run(measure(given.orders, given.tasks, given.rounds, given.ledgers))
    if given.json:
        print(json.dumps([_figures(each) for each in found], indent=2))
    else:
        _print(found)
        print(f"{given.orders:,} orders, {given.tasks:,} tasks, {given.rounds} rounds; {machine()}")


async def measure(orders: int, tasks: int, rounds: int, ledgers: Sequence[str]) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="bench-desk-") as folder:
        async with open_world(Path(folder), with_postgresql="postgresql" in ledgers) as world:
            return [await _one(world, name, orders, tasks, rounds) for name in ledgers]


async def _one(world: World, name: str, orders: int, tasks: int, rounds: int) -> Measured:
    folder, password = world.new_folder(), secrets.token_urlsafe(16)
    url = world.new_database() if name == "postgresql" else ""
    settings = Settings(_env_file=None, data_dir=folder, ledger_url=SecretStr(url))
    ledger = await SqlLedger.connect(settings.ledger)
    await ledger.migrate()
    began = perf_counter()
    fill_desk(ledger, connect_procedures(settings), orders, tasks, datetime.now(UTC), VIV)
    print(f"{name}: {tasks:,} tasks, made in {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    viewer = User(username=VIV.username, name="Viv", role=Role.APPROVER, departments=VIV.departments)
    await ledger.add_user(viewer, await Argon2Passwords().hashed(password), datetime.now(UTC))
    pages = await pages_of(ledger, orders)
    await ledger.close()
    async with _console(world, folder, url) as address, local_http(base_url=address) as browser:
        await browser.post("/login", data={"username": VIV.username, "password": password})
        return Measured(name, await _ask(browser, pages, rounds))


async def pages_of(ledger: SqlLedger, orders: int) -> dict[str, str]:
    """What is asked for, by name; the deep pages go on in the middle of what there is."""
    some = await ledger.run(lambda: _middle(ledger))
    return {
        EMPTY: "/desk/2026-10/invoices",
        "my tasks": _tasks(view="mine"),
        "my tasks, a rare kind, also ended": _tasks(view="mine", kind="provision", ended="1"),
        "my departments, late ones first": _tasks(view="departments"),
        "one department": _tasks(view="departments", department="crew"),
        "one department, unclaimed": _tasks(view="departments", department="crew", unclaimed="1"),
        "one department, deep": _tasks(view="departments", department="crew", after=some.open),
        "everybody's": _tasks(view="all"),
        "everybody's, deep": _tasks(view="all", after=some.open),
        "everybody's, ended, deep": _tasks(view="all", ended="1", after=some.ended),
        "my departments, ended, deep": _tasks(view="departments", ended="1", after=some.ended),
        "everybody's, unclaimed, a rare kind": _tasks(view="all", unclaimed="1", kind="disconnect"),
        "tasks of a customer": _tasks(view="all", customer="customer-7", ended="1"),
        "tasks of an order": _tasks(view="all", order="order-7", ended="1"),
        "a task": f"{_TASKS}/{some.number}",
        "the board": _BOARD,
        "the board, orders at a step": f"{_BOARD}?procedure=connect&step=installation",
        "orders": _orders(),
        "orders, deep": _orders(page=orders // _PAGE // 2 or 1),
        "orders at a step": _orders(at="connect.installation", open="1"),
        "orders that wait for a task": _orders(stage="AwaitingTask"),
        "orders, open ones": _orders(open="1"),
        "orders, searched by name": _orders(search="Customer 77"),
        "an order": f"{_ORDERS}/order-{orders // 2}",
    }


class _Middle(NamedTuple):
    number: int
    open: TaskCursor
    ended: TaskCursor


def _middle(ledger: SqlLedger) -> _Middle:
    """The tasks that have as many before them as after them."""
    with ledger._reading("look for its middle") as connection:
        open_ones = connection.execute(
            select(T.sort_at, T.number).where(T.ended_at.is_(None)).order_by(T.sort_at)
        ).all()
        ended = connection.execute(
            select(T.ended_at, T.number).where(T.ended_at.is_not(None)).order_by(T.ended_at)
        ).all()
    at, number = open_ones[len(open_ones) // 2]
    return _Middle(number, TaskCursor(False, at, number), TaskCursor(True, *ended[len(ended) // 2]))


def _tasks(**query: object) -> str:
    return f"{_TASKS}?{urlencode(query)}"


def _orders(**query: object) -> str:
    return f"{_ORDERS}?{urlencode({'kind': 'service'} | query)}"


async def _ask(browser: httpx.AsyncClient, pages: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    ms: dict[str, list[float]] = {name: [] for name in pages}
    for number in range(-_WARM_UP, rounds):
        for name, path in pages.items():
            began = perf_counter()
            answer = await browser.get(path)
            taken = 1000 * (perf_counter() - began)
            assert answer.status_code == 200, f"{path}: {answer.status_code}"
            if number >= 0:
                ms[name].append(taken)
    return ms


@asynccontextmanager
async def _console(world: World, folder: Path, url: str) -> AsyncIterator[str]:
    port = free_port()
    env = world.environment(folder) | {"BILLING_LEDGER_URL": url, "BILLING_CONSOLE_PORT": str(port)}
    command = [sys.executable, "-m", "console"]
    async with Child("console", command, log=folder / "console.log", ready=logged(READY), env=env):
        yield f"http://{HOST}:{port}"


def _figures(measured: Measured) -> dict[str, object]:
    pages = {
        page: {"median_ms": round(measured.median(page), 1), "ratio": round(measured.ratio(page), 2)}
        for page in measured.ms
    }
    return {"ledger": measured.ledger, "pages": pages}


def _print(found: Sequence[Measured]) -> None:
    heads = [f"{each.ledger}, {unit}" for each in found for unit in ("ms", "empty pages")]
    table = Table("Page", *heads, box=None)
    for page in found[0].ms:
        cells = [cell for each in found for cell in (f"{each.median(page):.1f}", f"{each.ratio(page):.2f}")]
        table.add_row(page, *cells)
    Terminal(width=150).print(table)
    missed = [f"{page} ({each.ledger})" for each in found for page in each.ms if each.ratio(page) > GOAL]
    print(f"above {GOAL} empty pages: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
