"""The operator's command line: makes a line and an exit code of every error.

Exit codes: 0 done; 1 refused or failed; 2 bad usage or bad input; 130 interrupted.
"""

import os
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Never

import typer
from pydantic_core import ValidationError
from typer.core import TyperGroup

from billing.errors import InvalidInput
from cli.commands import COMMANDS
from cli.terminal.output import complain, explain, foreseen

INTERRUPTED = 130
ARGUMENT_MAX = 10_000  # characters; the limit of each option is where its value is stored


class _Starter(TyperGroup):
    """All commands; makes of every error one line on stderr that says what to do, and an exit code for scripts."""

    debug = False

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": dict(COMMANDS)})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for argument in args:
            if len(argument) > ARGUMENT_MAX:
                length = f"{len(argument):,}"
                raise typer.BadParameter(f"{argument[:30]!r}… has {length} characters, more than any option takes")
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except typer.Abort:  # Ctrl-C, or no answer to a question
            code = INTERRUPTED
            complain("starter: interrupted")
        except Exception as error:
            if self.debug or not foreseen(error):
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
        from billing.validation import explain as mistakes

        return 2, mistakes(error)
    if isinstance(error, OSError) and error.filename:
        return 1, f"{error.filename}: {error.strerror}; name a folder that can be written to by BILLING_DATA_DIR"
    return 2 if isinstance(error, InvalidInput) else 1, explain(error)


app = typer.Typer(cls=_Starter, rich_markup_mode="rich", no_args_is_help=True, pretty_exceptions_show_locals=False)


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
    _Starter.debug = debug
