"""``rehearse``: bills the coming months of all customers in a private world; nothing real is touched."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from billing.cells import Writer
from billing.customers.customer import Customer
from billing.customers.roster import parse_roster
from billing.errors import InvalidInput
from billing.period import Period
from cli.customers.start import read_text, rows_in
from cli.sandbox.rehearsal_tables import print_document, print_rehearsal
from cli.sandbox.stack import until_signal
from cli.terminal.options import AsJson, PeriodOption, period_option
from cli.terminal.output import progress
from sandbox.privacy import forget_settings, private_folder
from sandbox.rehearsal.book import Book, RehearsalRequest, read_book
from sandbox.rehearsal.parts import parts_for, rehearse_in_parts
from sandbox.rehearsal.report import MonthRow, differences, rows_of
from sandbox.rehearsal.run import RehearsalResult
from sandbox.rehearsal.script import Script, read_script
from settings import load_settings


class RehearsalOptions(NamedTuple):
    months: Annotated[int, typer.Option("--months", min=1, max=36, help="How many months.")] = 12
    roster: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A CSV file of customers; by default, the ledger's.")
    ] = None
    sales: Annotated[
        str, typer.Option("--sales", metavar="sheet|FOLDER", help="Where sales are read; by default, as in .env.")
    ] = ""
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CUSTOMER_ID", help="Only this customer; may be repeated.")
    ] = None
    period: PeriodOption = None
    repeat: Annotated[
        Period | None, period_option("The worksheet for months without one; by default the newest.", "--repeat")
    ] = None
    reviewers: Annotated[
        Path | None, typer.Option("--reviewers", metavar="FILE", help="A YAML file of reviewers' actions, and cards.")
    ] = None
    against: Annotated[Period | None, period_option("Compare with the real outcome of that month.", "--against")] = None
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Where mails and logs are kept: a new folder.")
    ] = None
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each customer and month.")
    ] = None
    as_json: AsJson = False


async def rehearse(options: RehearsalOptions) -> None:
    """Rehearse the coming months of all customers before a card is charged; nothing real is touched.

    The production workflow runs on a private Temporal server with skipped time, a private ledger, and stand-ins for
    Stripe, mail and texts. Customers and worksheets are read first, and only read; a month without a worksheet gets the
    newest one again. The first month is the one that most customers are in, or that of --period or --against. Bills are
    paid the day before they are due, unless the reviewers' file says otherwise.

    Months that wait for a person and are not in the reviewers' file are reported, then approved or skipped, so that the
    later months are seen. Customers who cannot be rehearsed are named; the others are rehearsed. Exit code 1 if a
    customer cannot be rehearsed, if people are needed, if rows belong to nobody, or if --against differs.

    [bold]Examples[/bold]
    $ python starter.py rehearse
    $ python starter.py rehearse --months 3 --from customers.csv --sales sales/
    $ python starter.py rehearse --months 1 --against 2026-10
    $ python starter.py rehearse --only acme --reviewers reviewers.yaml --csv rehearsal.csv
    """
    began, csv_file = time.monotonic(), options.csv_file
    if csv_file and not csv_file.parent.is_dir():
        raise InvalidInput(f"there is no folder {csv_file.parent} for {csv_file.name}; make it first")
    book, result = await _rehearsed(options)
    rows = rows_of(book, result)
    compared = differences([row for row in rows if row.period == book.against], book.real or {}) if book.against else []
    if csv_file:
        _write_csv(csv_file, rows)
    show = print_document if options.as_json else print_rehearsal
    show(book, result, rows, compared, time.monotonic() - began)
    if book.failed or result.failed or book.unclaimed:
        raise typer.Exit(1)
    if any(row.person for row in rows) or any(row.verdict != "same" for row in compared):
        raise typer.Exit(1)


async def _rehearsed(options: RehearsalOptions) -> tuple[Book, RehearsalResult]:
    """Reads the real world first; then drops the settings that lead there, and rehearses."""
    request = RehearsalRequest(
        roster=_customers_in(options.roster) if options.roster else None,
        only=tuple(dict.fromkeys(options.only or ())),
        months=options.months,
        sales=options.sales,
        period=options.period,
        repeat=options.repeat,
        against=options.against,
    )
    script = read_script(options.reviewers) if options.reviewers else Script()
    book = await read_book(load_settings(), request, datetime.now(UTC))
    script.require_known({entry.month.customer.customer_id for entry in book.entries} | book.others)
    folder = _folder(options.keep)
    forget_settings()
    async with until_signal(quietly=False):
        with progress("rehearsing months", sum(len(book.months_of(entry)) for entry in book.entries)) as advance:
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


def _folder(path: Path | None) -> Path:
    if path is None:
        return Path(tempfile.mkdtemp(prefix="billing-rehearsal-"))
    if path.exists() and any(path.iterdir()):
        raise InvalidInput(f"{path} is not empty; name a new folder with --keep")
    private_folder(path)
    return path.resolve()


def _write_csv(path: Path, rows: list[MonthRow]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = Writer(file)
        writer.row(MonthRow.model_fields)
        for row in rows:
            writer.row("; ".join(value) if isinstance(value, tuple) else value for _, value in row)
