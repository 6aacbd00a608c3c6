"""CPU time and memory of the commands that look at everybody, by the number of customers: each in a process of its own.

    python -m benchmarks.customers.whole_book [--customers 10000 100000] [--json]

A ledger in a SQLite file with a month of everybody, and the worksheet in a CSV file; without Temporal.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from adapters.sql.ledger import SqlLedger
from benchmarks.filled.ledger import fill
from billing.period import Period
from sandbox.stack.stack import ROOT
from settings import Settings

PERIOD = Period("2026-11")
NOBODY = "127.0.0.1:1"
COMMANDS = {
    "version (an empty command)": ("--version",),
    "coverage": ("coverage", "--period", PERIOD),
    "coverage --json": ("coverage", "--period", PERIOD, "--json"),
    "export, CSV": ("export", "--period", PERIOD, "--format", "csv", "--output", "out"),
    "export, JSON": ("export", "--period", PERIOD, "--format", "json", "--output", "out"),
    "list": ("list", "--period", PERIOD),
    "customers list": ("customers", "list"),
    "customers export": ("customers", "export", "--output", "customers.csv"),
    "customers show": ("customers", "show", "customer-00007"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of the commands that look at everybody.")
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures = {count: _measure(count) for count in given.customers}
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    counts = list(figures)
    columns = [f"{unit}, {count:,}" for unit in ("CPU s", "MB") for count in counts]
    table = Table("Command", *columns, *(("CPU, ratio", "memory, ratio") if len(counts) > 1 else ()), box=None)
    for name in COMMANDS:
        cpu, memory = ([figures[count][name][key] for count in counts] for key in ("cpu_seconds", "mb"))
        ratios = (cpu[-1] / cpu[0], memory[-1] / memory[0]) if len(counts) > 1 else ()
        cells = [f"{seconds:.1f}" for seconds in cpu] + [f"{megabytes:.0f}" for megabytes in memory]
        table.add_row(name, *cells, *(f"{ratio:.2f}" for ratio in ratios))
    Console().print(table)


def _measure(customers: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(_fill(folder, customers))
        return {command: _run(folder, words) for command, words in COMMANDS.items()}


async def _fill(folder: Path, customers: int) -> None:
    ledger = await SqlLedger.connect(Settings(_env_file=None, data_dir=folder).ledger)
    await ledger.migrate()
    sheets = folder / "sales"
    sheets.mkdir()
    await fill(ledger, customers, PERIOD, datetime(2026, 12, 3, 12, tzinfo=UTC), sheet=sheets / f"{PERIOD}.csv")
    await ledger.close()


def _run(folder: Path, words: tuple[str, ...]) -> dict[str, float]:
    """Seconds from beginning to end, and the most memory it had."""
    environment = {
        "PATH": os.environ["PATH"],
        "BILLING_DATA_DIR": str(folder),
        "BILLING_SALES_FOLDER": str(folder / "sales"),
        "BILLING_STRIPE_API_KEY": "sk_test_nobody",
        "BILLING_SMTP_HOST": "127.0.0.1",
        "BILLING_MAIL_FROM": "billing@example.com",
        "TEMPORAL_ADDRESS": NOBODY,
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        (sys.executable, str(ROOT / "starter.py"), *words), env=environment, cwd=folder, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise RuntimeError(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}


if __name__ == "__main__":
    main()
