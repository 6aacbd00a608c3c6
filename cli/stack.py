"""``up`` and ``demo``: the whole application on this machine, with stand-ins for Stripe, Google Sheets and mail."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig

from billing.errors import InvalidInput
from billing.money import format_amount
from billing.period import Period
from bootstrap import connect_ledger
from cli.options import AsJson
from cli.output import console, errors, print_json, say, table
from sandbox.demo import STORY, Demo
from sandbox.demo_show import Show
from sandbox.judge import Check, Evidence, gather, judge
from sandbox.sample import earliest_period, month_before, prepare_sample
from sandbox.stack import DEFAULT_TEMPORAL_PORT, Stack, embedded_stack, free_temporal_port, sandbox_settings, shown
from settings import Settings, environment, load_settings

_MADE_BY_DEMO = ".made-by-demo"
_REVIEWERS = "reviewers@sandbox.example"
_COMMANDS = (
    ("list", "who is billed what, and when"),
    ("show acme", "one month, with all that was said and sent"),
    ('halt acme --by you --reason "row 2 looks wrong"', "stops the clock"),
    ('resume acme --by you --reason "it is right"', "lets it go on"),
)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="The folder that everything is kept in.")
]


async def up(data_dir: DataDir = None) -> None:
    """Run the whole embedded stack until Ctrl-C: Temporal, a worker, the ledger, stand-ins for Stripe, Sheets and mail.

    Everything is kept in the data folder (BILLING_DATA_DIR, or data): stopped and started again, the stack goes on
    where it was. The first start registers a dozen sample customers and writes two months of their sales.

    [bold]Examples[/bold]
    $ python starter.py up
    $ python starter.py up --data-dir /tmp/play
    """
    settings = load_settings()
    if not settings.sandbox:
        raise InvalidInput(
            "up is the sandbox, but the settings name real services: unset BILLING_STRIPE_API_KEY and the others, or "
            "run the real thing with: python starter.py setup, then python worker.py"
        )
    reviewers = settings.reviewers_email or _REVIEWERS
    settings = settings.model_copy(update={"data_dir": data_dir or settings.data_dir, "reviewers_email": reviewers})
    async with _until_signal(), embedded_stack(settings, _temporal_port()) as stack:
        now = datetime.now(UTC)
        this_month = earliest_period(now)
        periods = {month_before(this_month), this_month, Period.at(now, "Pacific/Kiritimati")}
        roster = await prepare_sample(settings.data_dir, stack.stripe_url, periods)
        typed = [name for name in stack.environment if name in os.environ and name != "PYTHONPATH"]
        prefix = "".join(f"{name}={shlex.quote(stack.environment[name])} " for name in typed)
        if data_dir and "BILLING_DATA_DIR" not in typed:
            prefix += f"BILLING_DATA_DIR={shlex.quote(shown(data_dir))} "
        start = f"start --from {shown(roster)}"
        _welcome(stack, prefix, ((f"{start} --period {min(periods)}", "bills last month, now"), *_COMMANDS))
        await stack.supervise(_report)


async def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Stop the clocks while drafts are monitored, and stay up until Ctrl-C.")
    ] = False,
    kill_worker: Annotated[
        bool, typer.Option("--kill-worker", help="Kill the worker (SIGKILL) again and again; the outcome is the same.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="DIR", help="Keep everything in this folder: a new one, or of an earlier demo."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bill one month of a dozen sample customers in under a minute, then check what was promised.

    The real server with its time skipped, the real worker, and real commands that act as reviewers; the stand-ins take
    the charges and the mail. Exit code 0 only if every check holds.

    [bold]Examples[/bold]
    $ python starter.py demo
    $ python starter.py demo --kill-worker
    $ python starter.py demo --serve
    """
    began = time.monotonic()
    _forget_settings()
    with _folder(data_dir) as folder:
        async with _until_signal(quietly=serve), AsyncExitStack() as exits:
            port = free_temporal_port()
            settings = sandbox_settings(Settings(_env_file=None, data_dir=folder, reviewers_email=_REVIEWERS), port)
            out = errors if as_json else console
            with out.status("starting Temporal, the stand-ins and a worker"):
                stack = await exits.enter_async_context(embedded_stack(settings, port, cwd=folder))
            client = await Client.connect(stack.address, data_converter=pydantic_data_converter)
            ledger = await connect_ledger(settings, exits)
            show = exits.enter_context(Show(out, earliest_period(datetime.now(UTC))))
            acting = Demo(stack, client, ledger, show, kills=kill_worker)
            await exits.enter_async_context(acting.shown())
            await acting.until_review()
            if serve:
                return await _serve(acting, stack)
            await acting.until_closed()
            evidence = await gather(folder, ledger, acting.period)
        checks = [*judge(evidence), _story(evidence)]
        seconds = time.monotonic() - began
        (_print_json if as_json else _print)(evidence, checks, seconds)
        if not all(check.ok for check in checks):
            raise typer.Exit(1)


async def _serve(acting: Demo, stack: Stack) -> None:
    """Time stands, people may act; a key lets it go on."""
    variables = stack.settings.data_dir / "environment.sh"
    variables.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in stack.environment.items()))
    _welcome(stack, "", _COMMANDS, first=f". {variables}")
    pressed = asyncio.Event()

    def enter() -> None:
        sys.stdin.readline()
        pressed.set()

    if sys.stdin.isatty():
        say("Enter lets a day pass.", style="dim")
        asyncio.get_running_loop().add_reader(sys.stdin, enter)

    async def let_days_pass() -> None:
        while await pressed.wait():
            await acting.skip_to(acting.now + timedelta(days=1))
            pressed.clear()

    async with asyncio.TaskGroup() as group:
        group.create_task(stack.supervise(_report))
        group.create_task(let_days_pass())


def _temporal_port() -> int:
    """The port of this machine that TEMPORAL_ADDRESS names. Raises ``InvalidInput`` if it names another machine."""
    configured = ClientConfig.load_client_connect_config(override_env_vars=environment()).get("target_host")
    if not configured:
        return DEFAULT_TEMPORAL_PORT
    host, _, port = configured.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or not port.isdecimal():
        raise InvalidInput(
            f"up starts a Temporal server of its own, not {configured}; unset TEMPORAL_ADDRESS or the profile"
        )
    return int(port)


def _forget_settings() -> None:
    """Nothing that is configured outside reaches the demo or its children."""
    for name in list(os.environ):
        if name.startswith(("BILLING_", "TEMPORAL_")) and name != "BILLING_DEBUG":
            del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    """An empty folder for a demo: ``wanted``, which is kept, or a temporary one, which is kept if the demo fails."""
    if wanted is not None:
        if wanted.exists() and any(wanted.iterdir()) and not (wanted / _MADE_BY_DEMO).exists():
            raise InvalidInput(f"{wanted} holds something that no demo made; name a new folder with --data-dir")
        shutil.rmtree(wanted, ignore_errors=True)
    folder = wanted or Path(tempfile.mkdtemp(prefix="billing-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MADE_BY_DEMO).touch()
    try:
        yield folder.resolve()
    except (asyncio.CancelledError, typer.Exit):
        raise
    except BaseException:
        errors.print(f"what the demo left, with logs: {folder}", style="yellow", soft_wrap=True)
        raise
    if wanted is None:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _until_signal(quietly: bool = True) -> AsyncIterator[None]:
    """SIGINT and SIGTERM cancel the block, which then ends its children; a second one makes it hurry."""
    task, loop, signals = asyncio.current_task(), asyncio.get_running_loop(), list[int]()
    assert task is not None

    def stop(number: int) -> None:
        signals.append(number)
        errors.print("\nstopping", style="dim")
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    except asyncio.CancelledError:
        if not signals:
            raise
        if not quietly:
            raise typer.Exit(128 + signals[0]) from None


def _report(text: str) -> None:
    say(f"{datetime.now().astimezone():%H:%M:%S} {text}", style="yellow")


def _welcome(stack: Stack, prefix: str, commands: tuple[tuple[str, str], ...], first: str = "") -> None:
    sheets = shown(stack.settings.data_dir / "sheets" / "sales")
    say("\nThe stack is up", style="bold")
    for name, where in (
        ("Temporal", stack.ui_url),
        ("Mail", stack.mail_url),
        ("Sales", f"{sheets}/*.csv, to be edited"),
    ):
        say(f"  {name:10}{where}")
    say("\nIn another terminal" + (f", after: {first}" if first else ""), style="bold")
    for command, what in commands:
        console.print(f"  {prefix}python starter.py {command}", soft_wrap=True, markup=False)
        say(f"      {what}", style="dim")
    say("\nCtrl-C ends it.", style="dim")


def _story(evidence: Evidence) -> Check:
    outcomes = {case.customer_id: case.month.outcome for case in evidence.cases if case.month}
    wrong = tuple(
        f"{name}: {outcomes.get(name)}, not {stage}" for name, stage in STORY.items() if outcomes.get(name) != stage
    )
    return Check(name="every customer's month ended as the demo tells", wrong=wrong)


def _print(evidence: Evidence, checks: list[Check], seconds: float) -> None:
    charged = (format_amount(total, currency) for currency, total in evidence.charged_minor().items())
    rows = [
        ("Outcomes", _counted(evidence.stages())),
        ("Charged", " · ".join(charged)),
        ("Mail", _counted(evidence.letters())),
        ("Time", f"{seconds:.0f} s"),
    ]
    say("")
    console.print(table(("Summary", f"{len(evidence.cases)} customers, {evidence.period}"), rows))
    say("\nChecked in Stripe's journal, the mail, the ledger and the sheet", style="bold")
    for check in checks:
        say(f"  {'ok    ' if check.ok else 'FAILED'}  {check.name}", style="green" if check.ok else "bold red")
        for wrong in check.wrong:
            say(f"          {wrong}", style="red")


def _counted(counts: dict[str, int]) -> str:
    return " · ".join(f"{number} {name}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))


def _print_json(evidence: Evidence, checks: list[Check], seconds: float) -> None:
    print_json(
        {
            "period": evidence.period,
            "seconds": round(seconds, 1),
            "outcomes": {case.customer_id: case.month.outcome for case in evidence.cases if case.month},
            "stages": evidence.stages(),
            "charged_minor": evidence.charged_minor(),
            "mails": evidence.letters(),
            "checks": [{"name": check.name, "ok": check.ok, "wrong": check.wrong} for check in checks],
        }
    )
