"""``up``: the whole application on this machine, with stand-ins for Stripe, Google Sheets and mail."""

import asyncio
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from temporalio.envconfig import ClientConfig

from billing.errors import InvalidInput
from billing.period import Period
from bootstrap import connect_ledger
from cli.terminal.output import console, errors, say
from sandbox.stack.people import PEOPLE, prepare_people
from sandbox.stack.sample import earliest_period, prepare_sample
from sandbox.stack.stack import DEFAULT_TEMPORAL_PORT, Stack, embedded_stack, shown
from sandbox.stack.subscribers import prepare_subscribers
from sandbox.stand_ins.whole_file import write_whole
from settings import environment, load_settings

SIGNALLED = 128  # exit codes above it name the signal that ended a process, by the shell's habit
REVIEWERS = "reviewers@sandbox.example"
COMMANDS = (
    ("list", "who is billed what, and when"),
    ("show acme", "one month, with its decisions, mails and charges"),
    ('halt acme --by you --reason "row 2 looks wrong"', "stops the clock"),
    ('resume acme --by you --reason "it is right"', "lets it go on"),
)

DataDir = Annotated[Path | None, typer.Option("--data-dir", metavar="DIR", help="The folder for all data.")]


async def up(data_dir: DataDir = None) -> None:
    """Run the whole embedded stack until Ctrl-C: Temporal, a worker, the console, the ledger, stand-ins for the rest.

    All data is in one folder (BILLING_DATA_DIR, or data): stopped and started again, the stack continues where it was.
    The first start registers a dozen sample customers, writes two months of their sales, and files of subscribers.

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
    reviewers = settings.reviewers_email or REVIEWERS
    settings = settings.model_copy(update={"data_dir": data_dir or settings.data_dir, "reviewers_email": reviewers})
    async with until_signal(), embedded_stack(settings, _temporal_port()) as stack:
        now = datetime.now(UTC)
        this_month = earliest_period(now)
        periods = {this_month.previous(), this_month, Period.at(now, "Pacific/Kiritimati")}
        roster = await prepare_sample(settings.data_dir, stack.stripe_url, periods)
        async with connect_ledger(settings) as ledger:
            password = await prepare_people(settings.data_dir, ledger)
            subscribers = await prepare_subscribers(settings.data_dir, ledger)
        start = f"start --from {shlex.quote(shown(roster))}"
        first = f"{start} --period {min(periods)}", "bills last month, now"
        start = f"start --from {shlex.quote(shown(subscribers))}"
        last = start, "subscribers without a card; docs/subscribers.md goes on from there"
        welcome(stack, password, (first, *COMMANDS, last))
        await stack.supervise(report)


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


@asynccontextmanager
async def until_signal(quietly: bool = True) -> AsyncIterator[None]:
    """SIGINT and SIGTERM cancel the block, which then ends its children; a second one speeds that up."""
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
            raise typer.Exit(SIGNALLED + signals[0]) from None


def way_into(stack: Stack) -> str:
    """The line to type in a new shell, so that ``python`` is ours, and all commands find the stack.

    Commands of Temporal's own tool, which findings name, find it too.
    """
    variables = stack.settings.data_dir / "environment.sh"
    exports = [
        f"export {name}={shlex.quote(value)}" for name, value in stack.environment.items() if name != "PYTHONPATH"
    ]
    activate = Path(sys.prefix) / "bin" / "activate"
    entering = [f". {shlex.quote(str(activate))}"] if activate.exists() else []
    write_whole(variables, "\n".join([*entering, *exports, ""]))
    return f". {shlex.quote(shown(variables))}"


def report(text: str) -> None:
    say(f"{datetime.now().astimezone():%H:%M:%S} {text}", style="yellow")


def welcome(stack: Stack, password: str, commands: tuple[tuple[str, str], ...]) -> None:
    """Prints the addresses, how to sign in to the console, and the next commands."""
    way_in = way_into(stack)
    people = ", ".join(f"{person.username} ({person.role})" for person in PEOPLE)
    sheets = shown(stack.settings.data_dir / "sheets" / "sales")
    say("\nThe stack is up", style="bold")
    for name, where in (
        ("Temporal", stack.ui_url),
        ("Mail", stack.mail_url),
        ("Texts", stack.texts_url),
        ("Production", f"{stack.production_url}/jobs: what paid orders have released"),
        ("Network", f"{stack.provisioning_url}/accounts: which service accounts work"),
        ("WayForPay", f"{stack.wayforpay_url}/static/test_merch_n1, where payers type an order's number"),
        ("Bank", f"{stack.bank_url}/bank-app, where payers type an account number (`numbers open` gives one)"),
        ("Console", f"{stack.console_url}/desk for reviewers; customers pay by the links in their mails"),
        ("Sign in", f"as {people}"),
        ("Password", password),
        ("Sales", f"{sheets}/*.csv, to be edited"),
    ):
        say(f"  {name:11}{where}")
    console.print(f"\nIn another terminal, in this folder, after: {way_in}", style="bold", soft_wrap=True, markup=False)
    for command, effect in commands:
        console.print(f"  python starter.py {command}", soft_wrap=True, markup=False)
        say(f"      {effect}", style="dim")
    say("\nCtrl-C ends it.", style="dim")
