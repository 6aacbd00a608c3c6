"""``demo --telecom``: a month of a small provider and its departments, and whether every promise was kept."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, Never

import typer
from rich.console import Console

from billing.errors import BillingError
from billing.money import format_amount
from billing.subscribers.service import ServiceState
from bootstrap import connect_ledger, connect_temporal
from cli.sandbox.enter_key import each_enter
from cli.sandbox.stack import REVIEWERS, report, until_signal, welcome
from cli.sandbox.verdict import print_checks, shown_checks
from cli.terminal.output import console, errors, print_json, print_table, say
from sandbox.demo.narrator import Narrator
from sandbox.demo.telecom.company import SETTINGS, write_settings
from sandbox.demo.telecom.open_work import leave_work
from sandbox.demo.telecom.story import ENDS, STATES, TelecomStory, telecom_story
from sandbox.demo.telecom.story_time import workday
from sandbox.judge.evidence import Evidence, MonthEvidence
from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from sandbox.stack.people import PEOPLE
from sandbox.stack.stack import Stack, embedded_stack, free_temporal_port, sandbox_settings
from settings import Settings

_COMMANDS = (
    ("tasks list", "what every department has to do"),
    ("orders show 202", "where an order stands, and who has done what"),
    ("subscribers list", "which accounts work, and why"),
    ('announcements preview --from "2030-12-03 10:00" --to 12:00 --works "new switch" --node north-3', "who is told"),
)
_PAGES = (
    ("board", "where orders stand, and how long steps take"),
    ("orders", "all orders"),
    ("subscribers", "accounts, and what has become of them"),
    ("announcements", "planned works"),
)


class Played(NamedTuple):
    """What the story has left behind: where its orders have come to, and how accounts stand."""

    evidence: Evidence
    ends: dict[str, str]
    states: dict[str, ServiceState]


async def demo_telecom(folder: Path, serve: bool, as_json: bool, began: float) -> None:
    """Exit code 0 only if every promise was kept, and everybody stands where the story says."""
    played: Played | None = None
    async with until_signal(quietly=serve):
        played = await _play(folder, serve, errors if as_json else console)
    if played is None:
        return
    checks = [*judge(played.evidence), *_story(played)]
    (_print_json if as_json else _print)(played, checks, time.monotonic() - began)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


async def _play(folder: Path, serve: bool, out: Console) -> Played:
    """In a stack of its own, which ends with it; with ``serve`` it stays up in mid-month, until cancelled."""
    port, file = free_temporal_port(), write_settings(folder)
    settings = sandbox_settings(Settings(_env_file=file, data_dir=folder, reviewers_email=REVIEWERS))
    async with AsyncExitStack() as exits:
        with out.status("starting Temporal, the stand-ins, a worker and the console"):
            stack = await exits.enter_async_context(embedded_stack(settings, port, cwd=folder))
        client = await connect_temporal(settings, stack.address)
        ledger = await exits.enter_async_context(connect_ledger(settings))
        telling = telecom_story(stack, client, ledger, Narrator(out))
        story, password = await exits.enter_async_context(telling)
        if serve:
            await _serve(story, stack, password)
        await story.play()
        standings = [await ledger.service_standing(number) for number in ENDS]
        services = [service for name in STATES for service in await ledger.services_of(name)]
        return Played(
            await gather(folder, ledger, *story.periods),
            {standing.number: standing.outcome for standing in standings if standing},
            {service.customer_id: service.state for service in services},
        )


async def _serve(story: TelecomStory, stack: Stack, password: str) -> Never:
    """Stops after the first chapters, with a task for each department; Enter lets time pass to the next workday."""
    clock = story.scene.time
    await story.begin()
    await leave_work(story.scene)
    stack.environment.update(SETTINGS)  # for commands that are typed in another folder
    welcome(stack, password, _COMMANDS)
    say(f"\nMy tasks, with the password {password}", style="bold")
    for person in PEOPLE:
        if person.departments:
            say(f"  {stack.console_url}/desk/tasks  as {person.username}, {', '.join(person.departments)}")
    say("\nWhere to look, as ann or bob", style="bold")
    for page, what in _PAGES:
        say(f"  {stack.console_url}/desk/{page}  {what}")
    if sys.stdin.isatty():
        say("Enter lets time pass to the next workday.", style="dim")
    async with asyncio.TaskGroup() as group:
        group.create_task(stack.supervise(report))
        with each_enter() as pressed:
            while await pressed.wait():
                pressed.clear()
                try:
                    await clock.pass_to(workday(clock.now + timedelta(days=1)))
                    say(f"It is {clock.today}.")
                except BillingError as error:
                    report(str(error))
    raise AssertionError("only a signal ends this")


def _story(played: Played) -> list[PromiseResult]:
    orders = tuple(
        f"{number}: {played.ends.get(number) or 'open'}, not {outcome}"
        for number, outcome in ENDS.items()
        if played.ends.get(number) != outcome
    )
    accounts = tuple(
        f"{name}: {played.states.get(name, 'none')}, not {state}"
        for name, state in STATES.items()
        if played.states.get(name) is not state
    )
    return [
        PromiseResult(name="every service order ends as the demo says", wrong=orders),
        PromiseResult(name="every account stands as the demo says", wrong=accounts),
    ]


def _print(played: Played, checks: list[PromiseResult], seconds: float) -> None:
    say("")
    cases = sorted(played.evidence.cases, key=lambda case: (case.customer_id, case.period))
    print_table(("Customer", "Month", "Outcome", "Bill", "Lines"), cases, _billed, title="What was billed")
    say(f"  in all {seconds:.0f} s")
    print_checks(checks, "the bank, the network, the vendor of texts, the office's papers and the ledger")
    say("\nTo act yourself, with a task for each department: make demo-telecom-serve", style="dim")


def _billed(case: MonthEvidence) -> tuple[str, ...]:
    lines = case.month.invoice.lines if case.month.invoice else ()
    words = ", ".join(line.description for line in lines)
    total = case.month.invoice.total if case.month.invoice else ""
    return case.customer_id, case.period, str(case.month.outcome or "open"), total, words


def _print_json(played: Played, checks: list[PromiseResult], seconds: float) -> None:
    print_json(
        {
            "seconds": round(seconds, 1),
            "periods": played.evidence.periods,
            "orders": played.ends,
            "accounts": played.states,
            "bills": {
                f"{case.customer_id} {case.period}": [
                    format_amount(line.amount_minor, case.month.currency) for line in case.month.invoice.lines
                ]
                for case in played.evidence.cases
                if case.month.invoice
            },
            "checks": shown_checks(checks),
        }
    )
