"""``demo --orders``: a dozen orders, from the shop to production, and whether every promise about them was kept."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console

from bootstrap import connect_ledger
from cli.sandbox.stack import REVIEWERS, until_signal
from cli.sandbox.verdict import print_checks, shown_checks
from cli.terminal.output import console, errors, print_json, print_table, say, whole
from console.reviewers.orders.release_plot import percentile
from orders.order import OrderStanding
from sandbox.demo.narrator import Narrator
from sandbox.demo.orders.release_times import ReleaseTime, by_rails, release_times
from sandbox.demo.orders.sample_orders import SAMPLE_ORDERS
from sandbox.demo.orders.story import OrderStory
from sandbox.judge.evidence import Evidence
from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from sandbox.stack.stack import embedded_stack, free_temporal_port, sandbox_settings
from settings import Settings


class Played(NamedTuple):
    """What the story has left behind."""

    evidence: Evidence
    standings: list[OrderStanding]
    times: list[ReleaseTime]


async def demo_orders(folder: Path, as_json: bool, began: float) -> None:
    """Exit code 0 only if every promise was kept, and every order stands where the story says."""
    played: Played | None = None
    async with until_signal(quietly=False):
        played = await _play(folder, errors if as_json else console)
    if played is None:
        return
    checks = [*judge(played.evidence), _story(played)]
    (_print_json if as_json else _print)(played, checks, time.monotonic() - began)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


async def _play(folder: Path, out: Console) -> Played:
    """In a stack of its own, which ends with it."""
    port = free_temporal_port()
    settings = sandbox_settings(Settings(_env_file=None, data_dir=folder, reviewers_email=REVIEWERS))
    async with AsyncExitStack() as exits:
        with out.status("starting Temporal, the stand-ins, a worker and the console"):
            stack = await exits.enter_async_context(embedded_stack(settings, port, cwd=folder))
        ledger = await exits.enter_async_context(connect_ledger(settings))
        story = OrderStory(stack, ledger, Narrator(out))
        await story.play()
        standings = await story.standings()
        times = release_times(folder, standings, story.payers.clicked_at, await by_rails(ledger))
        return Played(await gather(folder, ledger, story.period), standings, times)


def _story(played: Played) -> PromiseResult:
    stages = {standing.order.number: standing.stage for standing in played.standings}
    wrong = tuple(
        f"{sample.number}: {stages.get(sample.number)}, not {sample.ends}"
        for sample in SAMPLE_ORDERS
        if stages.get(sample.number) is not sample.ends
    )
    return PromiseResult(name="every order stands where the demo says", wrong=wrong)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return percentile(ordered, 50), percentile(ordered, 99)


def _print(played: Played, checks: list[PromiseResult], seconds: float) -> None:
    say("")
    columns = ("Order", "Paid by", whole("From"), "For", whole("Row, ms", "right"), whole("Click, ms", "right"))
    print_table(columns, played.times, _timed, title="From payment to production, by production's own journal")
    for name, values in _measured(played.times).items():
        p50, p99 = _percentiles(values)
        say(f"  {name}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, of {len(values)}")
    say(f"  in all {seconds:.0f} s")
    print_checks(checks, "the gateway, Stripe, the bank and production, the seller's orders, the mail and the ledger")


def _measured(times: Sequence[ReleaseTime]) -> dict[str, list[float]]:
    """A row that an operator's command has written waits until another process looks."""
    return {
        "from the payer's click": [time.click_ms for time in times if time.click_ms is not None],
        "from the row that a callback or webhook has written": [time.row_ms for time in times if time.click_ms],
        "from the row that a command has written": [time.row_ms for time in times if not time.click_ms],
    }


def _timed(time: ReleaseTime) -> tuple[str, ...]:
    money = next(sample.money for sample in SAMPLE_ORDERS if sample.number == time.number)
    click = f"{time.click_ms:.0f}" if time.click_ms is not None else ""
    return time.number, money, time.customer_id, time.kind, f"{time.row_ms:.0f}", click


def _print_json(played: Played, checks: list[PromiseResult], seconds: float) -> None:
    print_json(
        {
            "seconds": round(seconds, 1),
            "stages": {standing.order.number: standing.stage for standing in played.standings},
            "releases": [time._asdict() for time in played.times],
            "milliseconds": {
                name: dict(zip(("p50", "p99"), _percentiles(values), strict=True))
                for name, values in _measured(played.times).items()
            },
            "checks": shown_checks(checks),
        }
    )
