"""How quickly the console lists 10,000 invoices, beside an empty page of the same layout, in one run.

    python -m benchmarks.lists.console_list [--customers 10000] [--rounds 40] [--json]

A ledger in a SQLite file is filled, the real application serves it in a process of its own, and a signed-in browser
asks for the pages in turn, so that whatever else the machine does meets all of them alike.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn
from rich.console import Console
from rich.table import Table

from adapters.passwords import Argon2Passwords
from adapters.sql.ledger import SqlLedger
from benchmarks.filled.ledger import fill
from billing.completeness.report import run_of
from billing.period import Period
from billing.reviewers.users import Role, User
from bootstrap import SANDBOX_NAMESPACE, connect_adapters, connect_completeness, connect_temporal
from console.app import create_app
from process.server import Server
from sandbox.stack.temporal_server import temporal_server
from settings import Settings
from workflows.visibility import SEARCH_ATTRIBUTES

PERIOD = Period("2026-11")
EMPTY = "an empty page"
PAGES = {
    EMPTY: "/desk/2026-10/invoices",
    "first page": "/desk/2026-11/invoices",
    "filtered: halted": "/desk/2026-11/invoices?flag=halted",
    "filtered: needs a person": "/desk/2026-11/invoices?needs=1&sort=next",
    "searched by name": "/desk/2026-11/invoices?search=orchards",
    "sorted by change": "/desk/2026-11/invoices?sort=change&order=down",
    "page 50": "/desk/2026-11/invoices?page=50",
    "the month": "/desk/2026-11",
    "audit": "/desk/audit",
    "coverage": "/desk/2026-11/coverage",
}
_WARM_UP_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description="How quickly the console lists many invoices.")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--listener", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--temporal", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(_serve(given.serve, given.listener, given.temporal))
        return
    medians = asyncio.run(_measure(given.customers, given.rounds))
    figures = {name: {"median_ms": ms, "ratio": ms / medians[EMPTY]} for name, ms in medians.items()}
    if given.json:
        print(json.dumps({"customers": given.customers, "rounds": given.rounds, "pages": figures}, indent=2))
        return
    table = Table("Page", "Median, ms", "Beside the empty page", box=None)
    for name, figure in figures.items():
        table.add_row(name, f"{figure['median_ms']:.1f}", f"{figure['ratio']:.2f}")
    Console().print(table)
    print(f"{given.customers:,} invoices, {given.rounds} rounds")


async def _measure(customers: int, rounds: int) -> dict[str, float]:
    """The medians in milliseconds, from the request to the last byte."""
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as folder:
        ledger = await SqlLedger.connect(_settings(Path(folder)).ledger)
        await ledger.migrate()
        await fill(ledger, customers, PERIOD, datetime(2026, 12, 3, 12, tzinfo=UTC))
        viewer = User(username="viv", name="Viv", role=Role.APPROVER)
        await ledger.add_user(viewer, await Argon2Passwords().hashed(password), datetime.now(UTC))
        await ledger.close()
        await _cover(_settings(Path(folder)))
        async with (
            temporal_server(
                log=Path(folder) / "temporal.log", namespace=SANDBOX_NAMESPACE, search_attributes=SEARCH_ATTRIBUTES
            ) as temporal,
            _served(Path(folder), temporal.address) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as browser,
        ):
            await browser.post("/login", data={"username": "viv", "password": password})
            for number in range(-_WARM_UP_ROUNDS, rounds):
                for name, path in PAGES.items():
                    begun = time.perf_counter()
                    answer = await browser.get(path)
                    taken = (time.perf_counter() - begun) * 1000
                    assert answer.status_code == 200, f"{path}: {answer.status_code}"
                    if number >= 0:
                        times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


async def _cover(settings: Settings) -> None:
    """Keeps a coverage of the month, as the daily run does; there is neither a sheet nor Temporal."""
    async with connect_adapters(settings) as adapters:
        completeness = await connect_completeness(settings, adapters, None, "not here").look(PERIOD)
        await adapters.ledger.save_coverage(run_of(completeness, completeness.at))


@asynccontextmanager
async def _served(folder: Path, temporal: str) -> AsyncIterator[str]:
    """The application in a process of its own, on a socket that takes connections already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        given = ("--serve", str(folder), "--listener", str(listener.fileno()), "--temporal", temporal)
        arguments = ("-m", "benchmarks.lists.console_list", *given)
        server = await asyncio.create_subprocess_exec(sys.executable, *arguments, pass_fds=(listener.fileno(),))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.terminate()
            await server.wait()


async def _serve(folder: Path, listener: int, temporal: str) -> None:
    settings = _settings(folder)
    async with connect_adapters(settings) as adapters:
        app = create_app(settings, adapters, await connect_temporal(settings, temporal))
        await Server(uvicorn.Config(app, log_level="warning", access_log=False)).serve([socket.socket(fileno=listener)])


def _settings(folder: Path) -> Settings:
    return Settings(_env_file=None, data_dir=folder)


if __name__ == "__main__":
    main()
