"""Output of commands: results on stdout, progress and errors on stderr; no colours when piped, JSON on request."""

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import typer
from pydantic_core import ValidationError, to_json
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Column, Table
from rich.text import Text

from billing.errors import BillingError

if TYPE_CHECKING:
    from billing.apart import Failed

SHOWN = 1000
"""How many rows of a list are shown; ``--json`` has all of them."""
T = TypeVar("T")

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """``value`` as indented JSON; instants in ISO 8601 (UTC), amounts in minor units."""
    typer.echo(to_json(value, indent=2))


async def print_json_list(name: str, rows: AsyncIterator[object]) -> None:
    """``{"name": [...]}``, a row on each line, printed as they come: they are never all in memory."""
    between = f'{{"{name}": ['
    async for row in rows:
        sys.stdout.write(f"{between}\n  {to_json(row).decode()}")
        between = ","
    typer.echo(f"{between if between != ',' else ''}\n]}}")


def say(text: str, style: str = "") -> None:
    """A line on stdout; ``text`` is never read as markup, and stays one line when piped."""
    console.print(plain(text), style=style, soft_wrap=not console.is_terminal)


def plain(text: object) -> Text:
    """Text as it stands: no markup, and no escape sequence from a sheet or a reason reaches the terminal."""
    return Text(
        "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in str(text))
    )


def table(columns: Sequence[str | Column], rows: Iterable[Sequence[object]]) -> Table:
    """A table of plain cells; a narrow terminal folds long ones, but not those of a column that is ``whole``."""
    grid = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*map(plain, row))
    return grid


def print_table(
    columns: Sequence[str | Column],
    rows: Sequence[T],
    cells: Callable[[T], Sequence[object]],
    *,
    title: str = "",
    empty: str = "",
    shown: int = sys.maxsize,
    more: str = "more; --json has them all",
) -> None:
    """The first ``shown`` of the rows below ``title``; without rows, ``empty`` or nothing at all."""
    if rows and title:
        say(f"\n{title}", style="bold")
    if rows:
        console.print(table(columns, map(cells, rows[:shown])))
    elif empty:
        say(empty)
    if len(rows) > shown:
        say(f"… {len(rows) - shown:,} {more}")


def whole(name: str, justify: JustifyMethod = "left") -> Column:
    """A column for amounts and instants, which stay on one line."""
    return Column(name, justify=justify, no_wrap=True)


def ids(name: str) -> Column:
    """A column for what people copy: a narrow terminal folds it, and cuts nothing off."""
    return Column(name, overflow="fold")


def end_with(failed: "Sequence[Failed]") -> None:
    """Names on stderr the customers who could not be read, and ends with exit code 1 if there are any."""
    for failure in failed[:SHOWN]:
        complain(f"{failure.customer_id or 'nobody we know'}: {failure.reason}")
    if failed:
        complain(f"{len(failed):,} could not be read and {'is' if len(failed) == 1 else 'are'} missing here")
        raise typer.Exit(1)


def complain(text: str, style: str = "red") -> None:
    """A line on stderr."""
    errors.print(plain(text), style=style, soft_wrap=True)


def utc(instant: datetime) -> str:
    """``2026-12-04 10:00 UTC``."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def foreseen(error: Exception) -> bool:
    """Whether a line can say what to do about it; any other error is a mistake of ours."""
    if isinstance(error, (BillingError, OSError, ValidationError, typer.TyperException)):
        return True
    from temporalio.service import RPCError

    return isinstance(error, RPCError)


def explain(error: Exception) -> str:
    """The error with its remedy; our own errors have one already."""
    if isinstance(error, BillingError | OSError):
        return str(error)
    from temporalio.service import RPCError, RPCStatusCode

    from billing.apart import why

    if not isinstance(error, RPCError):
        return why(error)
    unprepared = error.status is RPCStatusCode.INVALID_ARGUMENT  # most likely, a search attribute that it does not know
    advice = "prepare it with: python starter.py setup" if unprepared else "look further with: python starter.py doctor"
    return f"Temporal answers {error.status.name}: {error.message}; {advice}"


def counted(count: int, noun: str) -> str:
    """``1 month``, ``1,000 months``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@contextmanager
def progress(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr in a terminal; yields what advances it by a number."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as shown:
        bar = shown.add_task("", total=total)
        yield lambda count: shown.advance(bar, count)
