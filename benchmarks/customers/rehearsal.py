"""A rehearsal of many customers, as people run it: how long, how much processor time and memory, and that it is right.

    python -m benchmarks.customers.rehearsal [--customers 500] [--months 12] [--json]

Everybody has two rows in one worksheet, a good card, and one of five currencies and eight time zones.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from billing.customers.roster import REQUIRED
from billing.invoices.stages import Stage
from billing.money import parse_amount
from billing.period import Period
from sandbox.stack.stack import ROOT

PERIOD = Period.at(datetime.now(UTC), "Etc/GMT+12")  # has begun everywhere
CURRENCIES = ("eur", "usd", "jpy", "nzd", "gbp")
ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Asia/Tokyo",
    "Pacific/Auckland",
    "America/Los_Angeles",
    "Europe/London",
    "Asia/Kolkata",
    "Etc/UTC",
)
KINDS = {"start-dev": "Temporal", "sandbox.rehearsal.parts": "parts", "starter.py": "command"}
"""Kinds of processes, by a word of their command line."""
_LOOK_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a rehearsal takes.")
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sums = _write(folder, given.customers)
        figures = _run(folder, given.customers, given.months)
        _check(json.loads((folder / "out.json").read_text()), sums, given.customers, given.months)
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    table = Table("Processes", "CPU s", "CPU ms a month", box=None)
    for kind, cpu in figures["cpu_seconds"].items():
        table.add_row(kind, f"{cpu:.1f}", f"{cpu / (given.customers * given.months) * 1000:.1f}")
    Console().print(table)
    took, memory, load = f"{figures['seconds']:.0f} s", f"{figures['mb']:.0f} MB", f"{figures['load']:.0f}"
    print(f"{took}, at most {memory}, load {load}; everybody paid once a month")


def _write(folder: Path, count: int) -> dict[str, int]:
    """The files of a company; answers the sum of its sheet, in minor units, by currency."""
    sums: Counter[str] = Counter()
    (folder / "sales").mkdir()
    with (folder / "customers.csv").open("w") as roster, (folder / "sales" / f"{PERIOD}.csv").open("w") as sheet:
        csv.writer(roster).writerow(REQUIRED)
        csv.writer(sheet).writerow(("email", "amount", "description"))
        for n in range(count):
            email, currency, zone = f"c{n}@c{n}.example", CURRENCIES[n % len(CURRENCIES)], ZONES[n % len(ZONES)]
            csv.writer(roster).writerow((f"c{n}", email, f"Customer {n}", currency, zone, f"cus_{n}", f"pm_{n}"))
            for amount, text in ((100 + n % 50, "Hosting"), (20 + n % 7, "Support")):
                csv.writer(sheet).writerow((email, amount, text))
                sums[currency] += parse_amount(amount, currency)
    return dict(sums)


def _run(folder: Path, customers: int, months: int) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "starter.py"), "rehearse", "--from", "customers.csv", "--sales", "sales"]
    command += ["--period", PERIOD, "--months", str(months), "--keep", str(folder / "kept"), "--json"]
    environment = {"PATH": os.environ["PATH"], "BILLING_DATA_DIR": str(folder)}
    used: dict[int, tuple[str, float]] = {}
    most = 0
    began = time.perf_counter()
    with (folder / "out.json").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out)
    while process.poll() is None:
        memory = 0
        for child in _family(process.pid):
            with suppress(psutil.Error):
                words, cpu = " ".join(child.cmdline()), child.cpu_times()
                memory += child.memory_info().rss
                kind = next((kind for word, kind in KINDS.items() if word in words), "others")
                used[child.pid] = kind, cpu.user + cpu.system
        most = max(most, memory)
        time.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"the rehearsal ended with {process.returncode}")
    by_kind: defaultdict[str, float] = defaultdict(float)
    for kind, cpu_seconds in used.values():
        by_kind[kind] += cpu_seconds
    return {
        "customers": customers,
        "months": months,
        "seconds": seconds,
        "cpu_seconds": {**by_kind, "all": sum(by_kind.values())},
        "mb": most / 2**20,
        "load": os.getloadavg()[0],
    }


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return []


def _check(document: dict[str, Any], sums: dict[str, int], customers: int, months: int) -> None:
    """All customers are billed once a month, and each month adds up to the sum of the sheet."""
    rows = document["customers"]
    assert len({(row["customer_id"], row["period"]) for row in rows}) == len(rows) == customers * months
    assert {row["stage"] for row in rows} == {str(Stage.PAID)}, Counter(row["stage"] for row in rows)
    assert [month["charged_minor"] for month in document["months"]] == [dict(sorted(sums.items()))] * months
    assert document["mails"] == 2 * customers * months


if __name__ == "__main__":
    main()
