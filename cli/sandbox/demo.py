"""``demo``: bills a month of the sample customers in seconds, and checks every promise."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.panel import Panel

from billing.errors import BillingError, InvalidInput
from billing.invoices.month import Month
from billing.money import format_amount, totals_text
from bootstrap import connect_ledger, connect_temporal
from bootstrap_adapters import mail_server
from cli.sandbox.demo_orders import demo_orders
from cli.sandbox.demo_telecom import demo_telecom
from cli.sandbox.enter_key import each_enter
from cli.sandbox.stack import COMMANDS, REVIEWERS, SIGNALLED, report, until_signal, welcome
from cli.sandbox.verdict import print_checks, shown_checks
from cli.terminal.options import AsJson
from cli.terminal.output import console, errors, plain, print_json, say, table
from console.reviewers.invoice.preview import preview
from sandbox.demo.demo import STORY, Demo
from sandbox.demo.show import Show
from sandbox.judge.evidence import Evidence
from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from sandbox.judge.rails.registers import BANK
from sandbox.privacy import forget_settings
from sandbox.stack.people import prepare_people
from sandbox.stack.sample import earliest_period
from sandbox.stack.stack import Stack, embedded_stack, free_temporal_port, sandbox_settings
from settings import Settings
from wording.plain import relative

_MADE_BY_DEMO = ".made-by-demo"


async def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Stop the clocks while drafts are monitored, and stay up until Ctrl-C.")
    ] = False,
    kill_worker: Annotated[
        bool, typer.Option("--kill-worker", help="Kill the worker (SIGKILL) again and again; the outcome is the same.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Keep everything here: in a new folder, or an earlier demo's."),
    ] = None,
    orders: Annotated[
        bool, typer.Option("--orders", help="A dozen orders instead, paid by three rails; nothing is billed monthly.")
    ] = False,
    telecom: Annotated[
        bool, typer.Option("--telecom", help="A month of a small provider instead, and of its departments.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bill one month for a dozen sample customers in about a minute, then check every promise.

    The real server with its time skipped, the real worker, and real commands that act as reviewers; the stand-ins take
    the charges and the mail. Exit code 0 only if every check holds.

    [bold]Examples[/bold]
    $ python starter.py demo
    $ python starter.py demo --serve
    $ python starter.py demo --orders
    $ python starter.py demo --telecom --serve
    """
    _check_are_of_one_demo(serve, kill_worker, orders, telecom)
    forget_settings()
    began = time.monotonic()
    with _folder(data_dir) as folder:
        if orders:
            await demo_orders(folder, as_json, began)
            return
        if telecom:
            await demo_telecom(folder, serve, as_json, began)
            return
        evidence: Evidence | None = None
        async with until_signal(quietly=serve):
            evidence = await _bill(folder, serve, kill_worker, errors if as_json else console)
        if evidence is None:
            return
        checks = [*judge(evidence), _story(evidence)]
        (_print_json if as_json else _print)(evidence, checks, time.monotonic() - began)
        if not all(check.ok for check in checks):
            raise typer.Exit(1)


def _check_are_of_one_demo(serve: bool, kill_worker: bool, orders: bool, telecom: bool) -> None:
    if orders and (serve or kill_worker or telecom):
        raise InvalidInput("--orders is a demo of its own, without --serve and --kill-worker; to play, use up")
    if telecom and kill_worker:
        raise InvalidInput("--telecom is a demo of its own, without --kill-worker")


async def _bill(folder: Path, serve: bool, kill_worker: bool, out: Console) -> Evidence:
    """Bills the month in a stack of its own, which ends with it; with ``serve`` only half of it, until cancelled."""
    port = free_temporal_port()
    settings = sandbox_settings(Settings(_env_file=None, data_dir=folder, reviewers_email=REVIEWERS))
    async with AsyncExitStack() as exits:
        with out.status("starting Temporal, the stand-ins and a worker"):
            stack = await exits.enter_async_context(embedded_stack(settings, port, cwd=folder))
        client = await connect_temporal(settings, stack.address)
        ledger = await exits.enter_async_context(connect_ledger(settings))
        show = exits.enter_context(Show(out, earliest_period(datetime.now(UTC))))
        acting = Demo(stack, client, ledger, show, kills=kill_worker)
        await exits.enter_async_context(acting.shown())
        await acting.until_review()
        if serve:
            await _serve(acting, stack, await prepare_people(folder, ledger))
        await acting.until_closed()
        return await gather(folder, ledger, acting.period)


async def _serve(acting: Demo, stack: Stack, password: str) -> Never:
    """Stops the clocks, so that people may act; Enter lets a day pass. Runs until cancelled."""
    coverage = (
        f"coverage --period {acting.period}",
        "who is not charged, why, and what to type; exit code 1 until all is repaired",
    )
    _show_mail(stack.settings, await acting.months(), acting.clock.now)
    welcome(stack, password, (*COMMANDS, coverage))
    if sys.stdin.isatty():
        say("Enter lets a day pass.", style="dim")
    async with asyncio.TaskGroup() as group:
        group.create_task(stack.supervise(report))
        with each_enter() as pressed:
            while await pressed.wait():
                pressed.clear()
                try:
                    await acting.pass_until(acting.clock.now + timedelta(days=1))
                except BillingError as error:
                    report(str(error))
    raise AssertionError("only a signal ends this")


def _show_mail(settings: Settings, months: Mapping[str, Month], now: datetime) -> None:
    """The first charge notice that will go out, as its customer will read it."""
    for month in months.values():
        coming = preview(month, now, (), ())
        if coming.mail is not None and coming.at is not None and not coming.why:
            mail = mail_server(settings).compose(coming.mail)
            customer = month.customer
            say(f"\nWhat {customer.name} ({customer.customer_id}) will get, {relative(coming.at, now)}", style="bold")
            console.print(Panel(plain(mail.text.strip()), title=plain(mail.subject), expand=False))
            say("Let days pass until then, and it is on the page Mail with all others.", style="dim")
            return


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    """An empty folder for a demo: ``data_dir``, which is kept, or a temporary one, which is kept if the demo fails."""
    if data_dir is not None:
        if data_dir.exists() and any(data_dir.iterdir()) and not (data_dir / _MADE_BY_DEMO).exists():
            raise InvalidInput(f"{data_dir} has files that no demo made; name a new folder with --data-dir")
        shutil.rmtree(data_dir, ignore_errors=True)
    folder = data_dir or Path(tempfile.mkdtemp(prefix="billing-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MADE_BY_DEMO).touch()
    keep = data_dir is not None
    try:
        yield folder.resolve()
    except BaseException as error:
        keep |= not (isinstance(error, typer.Exit) and error.exit_code > SIGNALLED)
        if keep:
            errors.print(f"the files of the demo, with logs: {folder}", style="yellow", soft_wrap=True)
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _story(evidence: Evidence) -> PromiseResult:
    outcomes = {case.customer_id: case.month.outcome for case in evidence.cases}
    wrong = tuple(
        f"{name}: {outcomes.get(name)}, not {stage}" for name, stage in STORY.items() if outcomes.get(name) != stage
    )
    return PromiseResult(name="every customer's month ended as the demo says", wrong=wrong)


def _print(evidence: Evidence, checks: list[PromiseResult], seconds: float) -> None:
    rows = [
        ("Outcomes", _counted(evidence.stages())),
        ("Charged", totals_text(evidence.charged_minor())),
        *zip(chain(("Transfers",), repeat("")), _transfers(evidence), strict=False),
        ("Mail", _counted(evidence.letters())),
        ("Alerts", _counted(Counter(row.kind for row in evidence.alerts))),
        ("Time", f"{seconds:.0f} s"),
    ]
    say("")
    console.print(table(("Summary", f"{len(evidence.cases)} customers, {evidence.periods[0]}"), rows))
    print_checks(checks, "Stripe and the bank, the mail, the ledger and the sheet")


def _transfers(evidence: Evidence) -> Iterator[str]:
    """Each transfer, and what came of it, in words."""
    cases = {(case.customer_id, str(case.period)): case for case in evidence.cases}
    for arrival in evidence.registers.arrivals.values():
        case = cases.get((arrival.customer_id, arrival.subject)) if arrival.rail == BANK else None
        if case is None:
            continue
        effect = "for the month"
        if case.due.settled:
            effect = "before the charge: the card is not charged"
        elif case.recovered:
            effect = "after the decline: nothing is owed any more"
        rest_minor = arrival.amount_minor - case.due.total_minor
        credit = f", {format_amount(rest_minor, arrival.currency)} are credit" if rest_minor > 0 else ""
        yield f"{arrival.customer_id}, {format_amount(arrival.amount_minor, arrival.currency)} {effect}{credit}"


def _counted(counts: dict[str, int]) -> str:
    return " · ".join(f"{number} {name}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))


def _print_json(evidence: Evidence, checks: list[PromiseResult], seconds: float) -> None:
    print_json(
        {
            "period": evidence.periods[0],
            "seconds": round(seconds, 1),
            "outcomes": {case.customer_id: case.month.outcome for case in evidence.cases},
            "stages": evidence.stages(),
            "charged_minor": evidence.charged_minor(),
            "transfers": [*_transfers(evidence)],
            "mails": evidence.letters(),
            "alerts": Counter(row.kind for row in evidence.alerts),
            "checks": shown_checks(checks),
        }
    )
