"""``rehearse``: the coming months of the whole book before they happen; nothing real is touched."""

import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from billing.customer import Customer
from billing.errors import InvalidInput
from billing.money import format_amount
from billing.roster import parse_roster
from cli.options import AsJson, PeriodOption, required_period
from cli.output import console, errors, print_json, say, table, utc, whole
from cli.stack import until_signal
from cli.start import read_text, rows_in
from sandbox.rehearsal.book import Book, Wanted, read_book
from sandbox.rehearsal.parts import parts_for, rehearse_in_parts
from sandbox.rehearsal.privacy import forget_settings, private_folder
from sandbox.rehearsal.report import Difference, Row, Summary, differences, rows_of, summaries, sums
from sandbox.rehearsal.run import Result
from sandbox.rehearsal.script import Script, read_script
from settings import load_settings

_SHOWN = 20
_MADE_BY_REHEARSAL = ".made-by-rehearsal"


async def rehearse(
    months: Annotated[int, typer.Option("--months", min=1, max=36, help="How many months.")] = 12,
    roster: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A CSV file of customers; without it, the ledger's.")
    ] = None,
    sales: Annotated[
        str, typer.Option("--sales", metavar="sheet|FOLDER", help="Where sales are read; else, where they are by .env.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CUSTOMER_ID", help="Only this customer; may be repeated.")
    ] = None,
    period: PeriodOption = None,
    repeat: Annotated[
        str | None,
        typer.Option("--repeat", metavar="YYYY-MM", help="The worksheet for months without one; else the newest."),
    ] = None,
    reviewers: Annotated[
        Path | None, typer.Option("--reviewers", metavar="FILE", help="A YAML file of what reviewers do, and cards.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="YYYY-MM", help="Compare with what that month really came to.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Where mails and logs are kept: a new folder.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each customer and month.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse the coming months of all customers before a card is charged; nothing real is touched.

    The production workflow, on a private Temporal server with skipped time, a private ledger, and stand-ins for Stripe
    and mail. Customers and worksheets are read before that, and only read; a month that has no worksheet yet gets the
    newest one again. It begins with the month that most customers are in, or with --period, or with --against.

    What waits for a person and is not in the reviewers' file is reported, then approved or skipped, so that the months
    after it are seen. Exit code 1 if people are needed, or if --against differs.

    [bold]Examples[/bold]
    $ python starter.py rehearse
    $ python starter.py rehearse --months 3 --from customers.csv --sales sales/
    $ python starter.py rehearse --months 1 --against 2026-10
    $ python starter.py rehearse --only acme --reviewers reviewers.yaml --csv rehearsal.csv
    """
    began = time.monotonic()
    script = read_script(reviewers) if reviewers else Script()
    wanted = Wanted(
        months=months,
        roster=_customers_in(roster) if roster else None,
        sales=sales,
        only=tuple(dict.fromkeys(only or ())),
        period=period,
        repeat=required_period(repeat) if repeat else None,
        against=required_period(against) if against else None,
    )
    book = await read_book(load_settings(), wanted, datetime.now(UTC))
    script.require_known({entry.month.customer.customer_id for entry in book.entries})
    folder = _folder(keep)
    forget_settings()
    async with until_signal(quietly=False):
        with _progress(sum(len(book.months_of(entry)) for entry in book.entries)) as advance:
            result = await rehearse_in_parts(book, script, folder, advance, parts_for(book))
    rows = rows_of(book, result)
    compared = differences([row for row in rows if row.period == book.against], book.real or {}) if book.against else []
    if csv_file:
        _write_csv(csv_file, rows)
    seconds = time.monotonic() - began
    (_print_json if as_json else _print)(book, result, rows, compared, seconds)
    if any(row.person for row in rows) or any(each.verdict != "same" for each in compared):
        raise typer.Exit(1)


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


# -- what came of it


def _print(book: Book, result: Result, rows: list[Row], compared: list[Difference], seconds: float) -> None:
    say(f"\nRehearsed: {book.source}, {book.periods[0]} to {book.periods[-1]}, nothing real touched", style="bold")
    console.print(table(_COLUMNS, map(_cells, summaries(rows))))
    for words in book.sheets.unread:
        say(f"not used: {words}", style="yellow")
    _print_odd(rows)
    _print_people(rows)
    _print_heard(result)
    if book.against:
        _print_compared(book, compared)
    say(f"\n{result.mails} mails, each a file: {result.folder / 'mail'}", style="dim")
    say(f"{len(rows)} months of customers in {seconds:.0f} s", style="dim")


_COLUMNS = (
    whole("Month"),
    whole("Sales"),
    whole("Outcomes"),
    whole("Charged", "right"),
    whole("First charge"),
    whole("Last, UTC"),
    whole("Person", "right"),
)


def _cells(month: Summary) -> tuple[object, ...]:
    repeated = [sheet for sheet in month.sheets if sheet != month.period]
    stages = "\n".join(f"{count} {stage}" for stage, count in month.stages.items())
    charged = "\n".join(format_amount(total, currency) for currency, total in month.charged_minor.items())
    first, last = (f"{at:%m-%d %H:%M}" if at else "" for at in (month.first_at, month.last_at))
    sales = f"as {repeated[0]}" if repeated else "its own"
    return month.period, sales, stages, charged, first, last, month.need_person or ""


def _print_odd(rows: list[Row]) -> None:
    found = [(month.period, odd, count) for month in summaries(rows) for odd, count in month.odd.items()]
    if found:
        say("\nOddities", style="bold")
        console.print(table((whole("Month"), "What", whole("Customers", "right")), found))


def _print_people(rows: list[Row]) -> None:
    needing = [row for row in rows if row.person]
    if needing:
        seen: dict[tuple[str, str, str], list[Row]] = {}
        for row in needing:
            words = row.person.replace(row.period, "the month").replace(row.sheet, "the month")
            seen.setdefault((row.customer_id, words, row.assumed), []).append(row)
        say("\nA person is needed", style="bold")
        cells = [
            (who, _times([each.period for each in group]), group[0].person, did)
            for (who, _, did), group in list(seen.items())[:_SHOWN]
        ]
        console.print(table((whole("Customer"), "Months", "Why", "The rehearsal"), cells))
        if len(seen) > _SHOWN:
            say(f"… {len(seen) - _SHOWN} more; --json and --csv have them all")
    owed = [row for row in rows if row.collection and row.collection != "Recovered"]
    if owed:
        say("\nNot paid", style="bold")
        unpaid = [
            (row.customer_id, row.period, format_amount(row.total_minor, row.currency), row.stage, row.collection)
            for row in owed[:_SHOWN]
        ]
        heads = (whole("Customer"), whole("Month"), whole("Amount", "right"), "At the charge", "After all tries")
        console.print(table(heads, unpaid))
        if len(owed) > _SHOWN:
            say(f"… {len(owed) - _SHOWN} more; --json and --csv have them all")


def _times(periods: list[str]) -> str:
    return periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]} ({len(periods)})"


def _print_heard(result: Result) -> None:
    if result.heard:
        say("\nThe reviewers' script", style="bold")
        cells = [
            (each.customer_id, each.period, utc(each.at), f"{each.by}: {each.do}", each.result)
            for each in sorted(result.heard, key=lambda each: each.at)[:_SHOWN]
        ]
        console.print(table((whole("Customer"), whole("Month"), whole("When"), "What", "Answer"), cells))
        if len(result.heard) > _SHOWN:
            say(f"… {len(result.heard) - _SHOWN} more; --json has them all")


def _print_compared(book: Book, compared: list[Difference]) -> None:
    differing = [each for each in compared if each.verdict != "same"]
    say(
        f"\nAgainst the real {book.against}: {len(compared) - len(differing)} same, {len(differing)} differ",
        style="bold",
    )
    if differing:
        cells = [
            (
                each.customer_id,
                each.verdict,
                _amount(each.rehearsed_minor, each),
                each.rehearsed_stage,
                _amount(each.real_minor, each),
                each.real_stage,
            )
            for each in differing[:_SHOWN]
        ]
        heads = (whole("Customer"), whole("What"), whole("Rehearsed", "right"), "", whole("Real", "right"), "")
        console.print(table(heads, cells))
        if len(differing) > _SHOWN:
            say(f"… {len(differing) - _SHOWN} more; --json has them all")
    for currency, (here, there) in sums(compared).items():
        apart = format_amount(here - there, currency)
        say(f"  rehearsed {format_amount(here, currency)}, real {format_amount(there, currency)}: {apart} apart")


def _amount(minor: int | None, each: Difference) -> str:
    return "" if minor is None else format_amount(minor, each.currency)


def _print_json(book: Book, result: Result, rows: list[Row], compared: list[Difference], seconds: float) -> None:
    print_json(
        {
            "source": book.source,
            "periods": book.periods,
            "seconds": round(seconds, 1),
            "months": summaries(rows),
            "customers": rows,
            "reviewers": [each._asdict() for each in result.heard],
            "sheets_not_used": book.sheets.unread,
            "against": book.against,
            "differences": compared,
            "sums": {currency: {"rehearsed": a, "real": b} for currency, (a, b) in sums(compared).items()},
            "mails": result.mails,
            "mail_folder": str(result.folder / "mail"),
        }
    )


def _write_csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row.model_fields)
        for row in rows:
            writer.writerow("; ".join(value) if isinstance(value, tuple) else value for _, value in row)
