"""``rehearse``: the coming months of the whole book before they happen; nothing real is touched."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from billing.cells import Writer
from billing.customers.customer import Customer
from billing.customers.roster import parse_roster
from billing.errors import InvalidInput
from billing.period import Period
from cli.customers.start import read_text, rows_in
from cli.sandbox.rehearsal_tables import print_document, print_rehearsal
from cli.sandbox.stack import until_signal
from cli.terminal.options import AsJson, PeriodOption, required_period
from cli.terminal.output import errors
from sandbox.privacy import forget_settings, private_folder
from sandbox.rehearsal.book import Book, RehearsalRequest, read_book
from sandbox.rehearsal.parts import parts_for, rehearse_in_parts
from sandbox.rehearsal.report import MonthRow, differences, rows_of
from sandbox.rehearsal.run import RehearsalResult
from sandbox.rehearsal.script import Script, read_script
from settings import load_settings

Months = Annotated[int, typer.Option("--months", min=1, max=36, help="How many months.")]
Roster = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="A CSV file of customers; without it, the ledger's.")
]
Sales = Annotated[
    str, typer.Option("--sales", metavar="sheet|FOLDER", help="Where sales are read; else, where they are by .env.")
]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="CUSTOMER_ID", help="Only this customer; may be repeated.")
]
Repeat = Annotated[
    Period | None,
    typer.Option(
        "--repeat",
        metavar="YYYY-MM",
        parser=required_period,
        help="The worksheet for months without one; else the newest.",
    ),
]
Reviewers = Annotated[
    Path | None, typer.Option("--reviewers", metavar="FILE", help="A YAML file of what reviewers do, and cards.")
]
Against = Annotated[
    Period | None,
    typer.Option(
        "--against", metavar="YYYY-MM", parser=required_period, help="Compare with what that month really came to."
    ),
]
Keep = Annotated[
    Path | None, typer.Option("--keep", metavar="FOLDER", help="Where mails and logs are kept: a new folder.")
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each customer and month.")]


async def rehearse(
    months: Months = 12,
    roster: Roster = None,
    sales: Sales = "",
    only: Only = None,
    period: PeriodOption = None,
    repeat: Repeat = None,
    reviewers: Reviewers = None,
    against: Against = None,
    keep: Keep = None,
    csv_file: Csv = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse the coming months of all customers before a card is charged; nothing real is touched.

    The production workflow, on a private Temporal server with skipped time, a private ledger, and stand-ins for Stripe
    and mail. Customers and worksheets are read before that, and only read; a month that has no worksheet yet gets the
    newest one again. It begins with the month that most customers are in, or with --period, or with --against.

    What waits for a person and is not in the reviewers' file is reported, then approved or skipped, so that the months
    after it are seen. Who cannot be rehearsed is named; the others are rehearsed. Exit code 1 if anybody cannot be
    rehearsed, if people are needed, if rows belong to nobody, or if --against differs.

    [bold]Examples[/bold]
    $ python starter.py rehearse
    $ python starter.py rehearse --months 3 --from customers.csv --sales sales/
    $ python starter.py rehearse --months 1 --against 2026-10
    $ python starter.py rehearse --only acme --reviewers reviewers.yaml --csv rehearsal.csv
    """
    began = time.monotonic()
    if csv_file and not csv_file.parent.is_dir():
        raise InvalidInput(f"there is no folder {csv_file.parent} for {csv_file.name}; make it first")
    wanted = RehearsalRequest(
        months=months,
        roster=_customers_in(roster) if roster else None,
        sales=sales,
        only=tuple(dict.fromkeys(only or ())),
        period=period,
        repeat=repeat,
        against=against,
    )
    book, result = await _rehearsed(wanted, read_script(reviewers) if reviewers else Script(), keep)
    rows = rows_of(book, result)
    compared = differences([row for row in rows if row.period == book.against], book.real or {}) if book.against else []
    if csv_file:
        _write_csv(csv_file, rows)
    seconds = time.monotonic() - began
    (print_document if as_json else print_rehearsal)(book, result, rows, compared, seconds)
    if book.failed or result.failed or book.unclaimed:
        raise typer.Exit(1)
    if any(row.person for row in rows) or any(each.verdict != "same" for each in compared):
        raise typer.Exit(1)


async def _rehearsed(wanted: RehearsalRequest, script: Script, keep: Path | None) -> tuple[Book, RehearsalResult]:
    """What is real is read first; then it is forgotten how."""
    book = await read_book(load_settings(), wanted, datetime.now(UTC))
    script.require_known({entry.month.customer.customer_id for entry in book.entries} | book.others)
    folder = _folder(keep)
    forget_settings()
    async with until_signal(quietly=False):
        with _progress(sum(len(book.months_of(entry)) for entry in book.entries)) as advance:
            return book, await rehearse_in_parts(book, script, folder, advance, parts_for(book))


def _customers_in(path: Path) -> list[Customer]:
    customers, problems = rows_in(path, read_text(path), parse_roster)
    if problems:
        first = problems[0]
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InvalidInput(f"{path}, line {first.line}: {first.reason}{more}; correct the file first")
    if not customers:
        raise InvalidInput(f"{path} has no customers")
    return list(customers.values())


def _folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="billing-rehearsal-"))
    if wanted.exists() and any(wanted.iterdir()):
        raise InvalidInput(f"{wanted} is not empty; name a new folder with --keep")
    private_folder(wanted)
    return wanted.resolve()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("rehearsing months"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task("", total=total)
        yield lambda count: progress.advance(bar, count)


def _write_csv(path: Path, rows: list[MonthRow]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = Writer(file)
        writer.row(MonthRow.model_fields)
        for row in rows:
            writer.row("; ".join(value) if isinstance(value, tuple) else value for _, value in row)
