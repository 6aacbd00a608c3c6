"""The operator's commands, put together; and the one place where an error becomes a line and an exit code.

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
from cli.customers import close_account as closing
from cli.customers import customers, erase, import_customers, start
from cli.invoices import invoices as listing
from cli.invoices import refresh, review
from cli.reviewers import brake, users
from cli.sandbox import demo, rehearse, stack
from cli.terminal.output import errors, explain, plain

ARGUMENT_MAX = 10_000  # of characters; what each option may have is said where it is kept


class _OneLineErrors(TyperGroup):
    """Whatever goes wrong becomes one line on stderr that says what to do, and an exit code for scripts."""

    debug = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for argument in args:
            if len(argument) > ARGUMENT_MAX:
                begins, length = argument[:30], f"{len(argument):,}"
                raise typer.BadParameter(f"{begins!r}… has {length} characters, more than any option takes")
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except (BillingError, RPCError, OSError, ValidationError, typer.TyperException) as error:
            if self.debug:
                raise
            code, message = _explained(error)
            errors.print(plain(f"starter: {' '.join(message.split())}"), style="red", soft_wrap=True)
        sys.exit(code)


def _explained(error: Exception) -> tuple[int, str]:
    """Exit code and message."""
    if isinstance(error, typer.TyperException):
        command = getattr(getattr(error, "ctx", None), "command_path", "starter.py")
        said = error.format_message().removesuffix(".").replace("Value error, ", "")
        return error.exit_code, f"{said}; see: python {command} --help"
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

    Python's own ending is left out: threads of Temporal's client may crash it (temporalio/sdk-python#300), and a
    command that was done would exit with 134.
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


def _show_version(asked: bool) -> None:
    if asked:
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

    Settings come from the environment and from .env; where Temporal is, from TEMPORAL_ADDRESS or temporal.toml.
    Exit codes: 0 done; 1 refused or failed; 2 bad usage or input; 130 interrupted.
    """
    _OneLineErrors.debug = debug


def _flowing(text: str) -> str:
    """``text`` with each paragraph on one line, because help folds lines itself; examples keep their lines."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(each if each.startswith("[bold]") else each.replace("\n", " ") for each in paragraphs)


def _add(panel: str | None, name: str, run: Callable[..., Any], to: typer.Typer = app) -> None:
    """Adds a command; one that is a coroutine function gets its own event loop."""

    run.__doc__ = _flowing(inspect.cleandoc(run.__doc__ or ""))

    @functools.wraps(run)
    def command(*args: Any, **options: Any) -> Any:
        return asyncio.run(run(*args, **options)) if inspect.iscoroutinefunction(run) else run(*args, **options)

    to.command(name, rich_help_panel=panel, no_args_is_help=False)(command)


_add("Embedded stack", "up", stack.up)
_add("Embedded stack", "demo", demo.demo)

_add("Customers and months", "start", start.start)
_add("Customers and months", "list", listing.list_months)
_add("Customers and months", "show", listing.show)

_add("Review", "halt", review.halt)
_add("Review", "resume", review.resume)
_add("Review", "edit", review.edit)
_add("Review", "refresh", refresh.refresh)
_add("Review", "approve", review.approve)
_add("Review", "skip", review.skip)
_add("Review", "close", closing.close)
_add("Review", "update", review.update)

_OWED = """What months left unpaid: list, show, retry, halt, record a payment, write off.

[bold]Examples[/bold]
$ python starter.py collections list
$ python starter.py collections show acme --period 2026-11
"""
owed = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=_OWED)
app.add_typer(owed, name="collections", rich_help_panel="Customers and months")
_add(None, "list", collections.list_collections, owed)
_add(None, "show", collections.show_collection, owed)
_add(None, "retry", collections.retry, owed)
_add(None, "halt", collections.halt, owed)
_add(None, "resume", collections.resume, owed)
_add(None, "record-payment", collections.record_payment, owed)
_add(None, "write-off", collections.write_off, owed)

_CUSTOMERS = """The roster: list, show, import, export, links to register, erase a person's data.

[bold]Examples[/bold]
$ python starter.py customers list
$ python starter.py customers import tokens.csv
"""
roster = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=_CUSTOMERS)
app.add_typer(roster, name="customers", rich_help_panel="Customers and months")
_add(None, "list", customers.list_customers, roster)
_add(None, "show", customers.show_customer, roster)
_add(None, "import", import_customers.import_customers, roster)
_add(None, "export", customers.export_customers, roster)
_add(None, "link", customers.link, roster)
_add(None, "invite", customers.invite, roster)
_add(None, "registrations", customers.registrations, roster)
_add(None, "erase", erase.erase, roster)

_PEOPLE = """Who may use the console: add, list, disable, enable, password, role.

[bold]Examples[/bold]
$ python starter.py user add ann --role reviewer --name "Ann Lee"
$ python starter.py user list
$ python starter.py user disable ann
"""
people = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=_PEOPLE)
app.add_typer(people, name="user", rich_help_panel="Operation")
_add(None, "add", users.add, people)
_add(None, "list", users.list_users, people)
_add(None, "disable", users.disable, people)
_add(None, "enable", users.enable, people)
_add(None, "password", users.password, people)
_add(None, "role", users.role, people)

_BRAKE = """The emergency brake: while it is on, nothing is announced or charged, for anybody.

[bold]Examples[/bold]
$ python starter.py brake on --by ann --reason "the sheet is last year's"
$ python starter.py brake show
"""
emergency = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=_BRAKE)
app.add_typer(emergency, name="brake", rich_help_panel="Review")
_add(None, "on", brake.pull, emergency)
_add(None, "off", brake.release, emergency)
_add(None, "show", brake.show, emergency)

_add("Operation", "coverage", coverage.coverage)
_add("Operation", "rehearse", rehearse.rehearse)
_add("Operation", "export", export.export)
_add("Operation", "reconcile", reconcile.reconcile)
_add("Operation", "setup", operate.setup)
_add("Operation", "doctor", operate.doctor)
