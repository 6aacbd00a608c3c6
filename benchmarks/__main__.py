"""How fast months are billed: beside a bare workflow, beside DBOS Transact, and for more and more customers.

    python -m benchmarks [--rounds 3] [--customers 40] [--months 2] [--full] [--json]

Contenders take turns in the same run, so that whatever else the machine does meets all of them alike; ratios are those
of neighbours in time, and the median of the rounds is printed. ``--full`` bills 10,000 customers as well.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.months.contenders import Bare, Product
from benchmarks.months.dbos import Dbos
from benchmarks.months.team import Contender
from benchmarks.proc import peak_bytes
from benchmarks.processor_time import processor_seconds
from benchmarks.report import Turn, as_json, print_report
from benchmarks.world import World, open_world
from billing.customers.channels import Channel
from sandbox.privacy import forget_settings

SIZES, FULL_SIZES = (100, 1_000), (100, 1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast months are billed.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender (default: 3)")
    parser.add_argument("--customers", type=int, default=40, help="customers in each turn (default: 40)")
    parser.add_argument("--months", type=int, default=2, help="months of each customer in a turn (default: 2)")
    parser.add_argument("--sizes", type=int, nargs="*", help=f"of the growth (default: {SIZES}; none: leave it out)")
    parser.add_argument("--full", action="store_true", help="bill 10,000 customers too: an hour more or less")
    parser.add_argument("--without-peers", action="store_true", help="leave out DBOS and PostgreSQL")
    parser.add_argument("--bills", action="store_true", help="also bills by mail, by text, of tariffs; these grow")
    parser.add_argument("--cached", type=int, help="months that the worker keeps in memory while more and more grow")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    given = parser.parse_args()
    _forget_settings()
    sizes = given.sizes if given.sizes is not None else FULL_SIZES if given.full else SIZES
    say = _silent if given.json else _say
    turns, growth = asyncio.run(
        measure(
            given.rounds, given.customers, given.months, sizes, not given.without_peers, given.bills, given.cached, say
        )
    )
    if given.json:
        print(json.dumps(as_json(turns, growth), indent=2))
    else:
        print_report(turns, growth)


async def measure(
    rounds: int,
    customers: int,
    months: int,
    sizes: tuple[int, ...],
    peers: bool,
    bills: bool,
    cached: int | None,
    say: Callable[[str], None],
) -> tuple[list[Turn], list[Turn]]:
    """The turns of all contenders, and those of the product, or of its tariffs, with more and more customers."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with open_world(Path(folder), with_postgresql=peers) as world:
            contenders: list[Contender] = [Bare(world), Product(world)]
            if peers:
                contenders += [Product(world, on_postgresql=True), Dbos(world)]
            contenders.append(Bare(world, skips=False))
            subscribers = Product(world, bill_by=Channel.SMS, has_tariffs=True)
            contenders += [*(Product(world, bill_by=channel) for channel in Channel), subscribers] if bills else []
            turns = []
            for number in range(rounds):
                for contender in contenders:
                    say(f"round {number + 1} of {rounds}: {contender.name}")
                    turns.append(await _turn(world, contender, customers, months))
            growth = []
            growing = replace(subscribers if bills else Product(world), cached=cached)
            for size in sizes:
                say(f"growth: {size:,} customers, {growing.name}")
                growth.append(await _turn(world, growing, size, 1))
            return turns, growth


async def _turn(world: World, contender: Contender, customers: int, months: int) -> Turn:
    book = await world.book(customers, months)
    async with contender.ready() as team:
        first, measured = await team.prepare(book.first), await team.prepare(book.measured)
        requested = await world.requests()
        await team.bill(first, book.periods)
        used = processor_seconds(team.processes)
        began = time.perf_counter()
        await team.bill(measured, book.periods)
        seconds = time.perf_counter() - began
        used_then, requested_then = processor_seconds(team.processes), await world.requests()
        everybody = len(book.first) + customers
        await team.check(book.periods, everybody)
        history, memory = await team.history(), peak_bytes(team.processes["worker"])
        await team.clear()
    done = customers * months
    return Turn(
        contender=contender.name,
        customers=customers,
        months=done,
        seconds=seconds,
        processor_ms={name: (used_then[name] - used[name]) / done * 1000 for name in used},
        requests={name: requested_then[name] - requested[name] for name in requested},
        billed=everybody * months,
        history=history,
        worker_mb=memory / 2**20,
    )


def _forget_settings() -> None:
    """Nothing that is configured outside reaches the contenders; and Python keeps what it has compiled, as usual."""
    forget_settings()
    for name in list(os.environ):
        if name.startswith("DBOS_") or name == "PYTHONDONTWRITEBYTECODE":
            del os.environ[name]


def _say(text: str) -> None:
    print(text, flush=True)


def _silent(_: str) -> None:
    """JSON stands alone."""


if __name__ == "__main__":
    main()
