"""Puts the operator's commands together, and makes a line and an exit code of every error.

Exit codes: 0 done; 1 refused or failed; 2 bad usage or bad input; 130 interrupted.
"""

import asyncio
import functools
import inspect
import os
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Never

import typer
from pydantic import ValidationError
from temporalio.service import RPCError
from typer.core import TyperGroup

from billing.errors import BillingError, InvalidInput
from billing.validation import explain as mistakes
from cli import operate
from cli.accounting import export, reconcile
from cli.collections import collections
from cli.completeness import coverage
from cli.customers import close_account, customers, erase, import_customers, start, update
from cli.events import events
from cli.invoices import invoices, refresh, review
from cli.receivables import instructions, link, payments
from cli.reviewers import brake, users
from cli.sandbox import demo, rehearse, stack
from cli.terminal.options import spread
from cli.terminal.output import complain, explain

ARGUMENT_MAX = 10_000  # characters; the limit of each option is where its value is stored


class _OneLineErrors(TyperGroup):
    """Makes of every error one line on stderr that says what to do, and an exit code for scripts."""

    debug = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for argument in args:
            if len(argument) > ARGUMENT_MAX:
                length = f"{len(argument):,}"
                raise typer.BadParameter(f"{argument[:30]!r}… has {length} characters, more than any option takes")
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except (BillingError, RPCError, OSError, ValidationError, typer.TyperException) as error:
            if self.debug:
                raise
            code, message = _explained(error)
            complain(f"starter: {' '.join(message.split())}")
        sys.exit(code)


def _explained(error: Exception) -> tuple[int, str]:
    """Exit code and message."""
    if isinstance(error, typer.TyperException):
        command = getattr(getattr(error, "ctx", None), "command_path", "starter.py")
        message = error.format_message().removesuffix(".").replace("Value error, ", "")
        return error.exit_code, f"{message}; see: python {command} --help"
    if isinstance(error, ValidationError):
        return 2, mistakes(error)
    if isinstance(error, OSError) and error.filename:
        return 1, f"{error.filename}: {error.strerror}; name a folder that can be written to by BILLING_DATA_DIR"
    return 2 if isinstance(error, InvalidInput) else 1, explain(error)


app = typer.Typer(
    cls=_OneLineErrors, rich_markup_mode="rich", no_args_is_help=True, pretty_exceptions_show_locals=False
)


def main() -> Never:
    """Runs the command in ``sys.argv`` and exits at once.

    Skips Python's own shutdown: threads of Temporal's client may crash it (temporalio/sdk-python#300), and a command
    that succeeded would exit with 134.
    """
    code = 1
    try:
        app(prog_name="starter.py")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _show_version(show: bool) -> None:
    if show:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
        typer.echo(f"{project['name']} {project['version']}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="BILLING_DEBUG", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Monthly billing: one durable workflow per customer, one run per month.

    [bold]Examples[/bold]
    $ python starter.py up
    $ python starter.py start --from customers.csv
    $ python starter.py list --stage Halted
    $ python starter.py halt acme --by ann --reason "row 7 looks wrong"

    Settings come from the environment and from .env; Temporal's address from TEMPORAL_ADDRESS or temporal.toml.
    Exit codes: 0 done; 1 refused or failed; 2 bad usage or input; 130 interrupted.
    """
    _OneLineErrors.debug = debug


def _flowing(text: str) -> str:
    """``text`` with each paragraph on one line, because help folds lines itself; examples keep their lines."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(part if part.startswith("[bold]") else part.replace("\n", " ") for part in paragraphs)


def _add(panel: str | None, *commands: Callable[..., Any], to: typer.Typer = app) -> None:
    """Adds commands, each named by its function; one that is a coroutine function gets its own event loop."""
    for run in commands:
        run.__doc__ = _flowing(run.__doc__ or "")
        call = spread(run)

        @functools.wraps(call)
        def command(*args: Any, call: Callable[..., Any] = call, **options: Any) -> Any:
            result = call(*args, **options)
            return asyncio.run(result) if inspect.iscoroutine(result) else result

        command.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
        name = run.__name__.strip("_").replace("_", "-")
        to.command(name, rich_help_panel=panel, no_args_is_help=False)(command)


def _group(panel: str, name: str, help: str, *commands: Callable[..., Any]) -> None:
    """Adds a command with commands of its own."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=inspect.cleandoc(help))
    app.add_typer(group, name=name, rich_help_panel=panel)
    _add(None, *commands, to=group)


_COLLECTIONS = """Unpaid months: list, show, retry, halt, record a payment, write off.

[bold]Examples[/bold]
$ python starter.py collections list
$ python starter.py collections show acme --period 2026-11
"""
_PAYMENTS = """Money that has arrived, on any rail: record, list, show, assign, refund; links to pay by.

[bold]Examples[/bold]
$ python starter.py payments list --unmatched
$ python starter.py payments show transfer 7731
"""
_EVENTS = """What is told to your own systems: list, resend.

[bold]Examples[/bold]
$ python starter.py events list --undelivered
$ python starter.py events resend 2f9d6a0e-6f0e-5d3c-9c3b-0d8a4f1f7a55
"""
_CUSTOMERS = """The roster: list, show, import, export, links to register, settle a balance, erase a person's data.

[bold]Examples[/bold]
$ python starter.py customers list
$ python starter.py customers import tokens.csv
"""
_USERS = """The users of the console: add, list, disable, enable, password, role.

[bold]Examples[/bold]
$ python starter.py user add ann --role reviewer --name "Ann Lee"
$ python starter.py user list
$ python starter.py user disable ann
"""
_BRAKE = """The emergency brake: while it is on, nothing is announced or charged, for anybody.

[bold]Examples[/bold]
$ python starter.py brake on --by ann --reason "the sheet is last year's"
$ python starter.py brake show
"""

_add("Embedded stack", stack.up, demo.demo)
_add("Customers and months", start.start, invoices.list_, invoices.show)
_add("Review", review.halt, review.resume, review.edit, refresh.refresh, review.approve, review.skip)
_add("Review", close_account.close, update.update)
_add("Operation", coverage.coverage, rehearse.rehearse, export.export, reconcile.reconcile)
_add("Operation", operate.setup, operate.doctor)
_clock = (collections.halt, collections.resume)
_unpaid = (collections.list_, collections.show, collections.retry, *_clock, collections.write_off)
_group("Customers and months", "collections", _COLLECTIONS, *_unpaid)
_arrived = (payments.record, payments.list_, payments.show)
_asked = (instructions.assign, instructions.refund, instructions.proposals, instructions.confirm, instructions.reject)
_group("Customers and months", "payments", _PAYMENTS, *_arrived, *_asked, link.link, link.links)
_files, _links = (import_customers.import_, customers.export), (customers.link, customers.invite)
_roster = (customers.list_, customers.show, *_files, *_links, customers.registrations, customers.settle, erase.erase)
_group("Customers and months", "customers", _CUSTOMERS, *_roster)
_accounts = (users.add, users.list_, users.disable, users.enable, users.password, users.role)
_group("Operation", "user", _USERS, *_accounts)
_group("Operation", "events", _EVENTS, events.list_, events.resend)
_group("Review", "brake", _BRAKE, brake.on, brake.off, brake.show)
