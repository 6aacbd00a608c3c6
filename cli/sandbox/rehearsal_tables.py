"""What ``rehearse`` prints: a table of months, oddities, who needs a person, what was not paid, differences."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter

from rich.table import Column

from billing.collections.collection import CollectionStage
from billing.money import format_amount
from cli.terminal.output import console, print_json, say, table, utc, whole
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.report import MonthDifference, MonthRow, MonthSummary, summaries, sums, together
from sandbox.rehearsal.run import RehearsalResult

_SHOWN = 20  # of a list; --json and --csv have all


def print_rehearsal(
    book: Book, result: RehearsalResult, rows: list[MonthRow], compared: list[MonthDifference], seconds: float
) -> None:
    say(f"\nRehearsed: {book.source}, {book.periods[0]} to {book.periods[-1]}, nothing real touched", style="bold")
    _print_months(rows)
    for words in book.sheets.unread:
        say(f"not used: {words}", style="yellow")
    for words in book.sheets.ignored():
        say(words, style="yellow")
    _print_odd(rows)
    _print_unclaimed(book)
    _print_people(rows)
    _print_owed(rows)
    _print_commands(result)
    if book.against:
        _print_compared(book, compared)
    for each in (*book.failed, *result.failed):
        say(f"\nNOT REHEARSED: {each.customer_id}: {each.reason}", style="red")
    say(f"\n{result.mails} mails, each a file: {result.folder / 'mail'}", style="dim")
    customers = f"{len(book.entries)} customer{'s' if book.entries[1:] else ''}"
    say(f"{len(rows)} months of {customers} in {seconds:.0f} s", style="dim")


def _print_months(rows: list[MonthRow]) -> None:
    """A line for each month and one for all; amounts in several currencies have a table of their own."""
    months = summaries(rows)
    every = together(rows).model_copy(update={"period": "all", "sheets": ("",), "first_at": None, "last_at": None})
    lines = [*months, every] if months[1:] else months
    columns: list[_Column] = [(whole("Month"), attrgetter("period")), (whole("Sales"), lambda month: month.sheets[0])]
    columns += [(Column(_words(stage), justify="right"), partial(_count, stage)) for stage in every.stages]
    in_one_currency = len(every.charged_minor) < 2
    if in_one_currency:
        columns += [(whole("Charged", "right"), _charged)]
    if every.need_person:
        columns += [(Column("Person needed", justify="right"), lambda month: month.need_person or "")]
    columns += [(Column("First charge"), lambda month: _instant(month.first_at))]
    columns += [(Column("Last, UTC"), lambda month: _instant(month.last_at))]
    _print_lines(columns, lines)
    if not in_one_currency:
        currencies = every.charged_minor
        columns = [(whole("Charged"), attrgetter("period"))]
        columns += [(whole(each.upper(), "right"), partial(_charged_in, each)) for each in currencies]
        say("")
        _print_lines(columns, lines)


_Column = tuple[Column, Callable[[MonthSummary], object]]


def _print_lines(columns: Sequence[_Column], lines: Iterable[MonthSummary]) -> None:
    console.print(table([head for head, _ in columns], [[cell(line) for _, cell in columns] for line in lines]))


def _count(stage: str, month: MonthSummary) -> object:
    return month.stages.get(stage, "")


def _charged(month: MonthSummary) -> str:
    return "".join(format_amount(minor, currency) for currency, minor in month.charged_minor.items())


def _charged_in(currency: str, month: MonthSummary) -> str:
    """Without the currency, which is in the head; nothing for nothing."""
    minor = month.charged_minor.get(currency, 0)
    return format_amount(minor, currency).partition(" ")[0] if minor else ""


def _instant(at: datetime | None) -> str:
    return f"{at:%m-%d %H:%M}" if at else ""


def _words(stage: str) -> str:
    """``CarriedForward`` in words, which a narrow terminal can fold."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stage).capitalize()


def _print_odd(rows: list[MonthRow]) -> None:
    found = [(month.period, odd, count) for month in summaries(rows) for odd, count in month.odd.items()]
    if found:
        say("\nOddities", style="bold")
        console.print(table((whole("Month"), "What", whole("Customers", "right")), found))


def _print_people(rows: list[MonthRow]) -> None:
    needing = [row for row in rows if row.person]
    if needing:
        seen: dict[tuple[str, str, str], list[MonthRow]] = {}
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


def _print_unclaimed(book: Book) -> None:
    if not book.unclaimed:
        return
    say("\nRows that belong to nobody", style="bold")
    heads = (whole("Worksheet"), whole("Row", "right"), "Address", whole("Amount", "right"), "Description")
    cells = [["" if cell is None else cell for cell in row] for row in book.unclaimed[:_SHOWN]]
    console.print(table(heads, cells))
    if len(book.unclaimed) > _SHOWN:
        say(f"… {len(book.unclaimed) - _SHOWN} more; --json has them all")


def _print_owed(rows: list[MonthRow]) -> None:
    """What was not paid, nor by any later try: months that ended alike together."""
    seen: dict[tuple[str, ...], list[MonthRow]] = {}
    for row in rows:
        if row.collection and row.collection != CollectionStage.RECOVERED:
            seen.setdefault((row.customer_id, row.currency, row.stage, row.collection), []).append(row)
    if not seen:
        return
    say("\nNot paid", style="bold")
    cells = [
        (
            who,
            _times([each.period for each in group]),
            format_amount(sum(each.total_minor for each in group), currency),
            stage,
            after,
        )
        for (who, currency, stage, after), group in list(seen.items())[:_SHOWN]
    ]
    heads = (whole("Customer"), "Months", whole("Amount", "right"), "At the charge", "After all tries")
    console.print(table(heads, cells))
    if len(seen) > _SHOWN:
        say(f"… {len(seen) - _SHOWN} more; --json and --csv have them all")


def _times(periods: list[str]) -> str:
    return periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]} ({len(periods)})"


def _print_commands(result: RehearsalResult) -> None:
    if result.commands:
        say("\nThe reviewers' script", style="bold")
        cells = [
            (each.customer_id, each.period, utc(each.at), f"{each.by}: {each.do}", each.result)
            for each in sorted(result.commands, key=lambda each: each.at)[:_SHOWN]
        ]
        console.print(table((whole("Customer"), whole("Month"), whole("When"), "What", "Answer"), cells))
        if len(result.commands) > _SHOWN:
            say(f"… {len(result.commands) - _SHOWN} more; --json has them all")


def _print_compared(book: Book, compared: list[MonthDifference]) -> None:
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


def _amount(minor: int | None, each: MonthDifference) -> str:
    return "" if minor is None else format_amount(minor, each.currency)


def print_document(
    book: Book, result: RehearsalResult, rows: list[MonthRow], compared: list[MonthDifference], seconds: float
) -> None:
    print_json(
        {
            "source": book.source,
            "periods": book.periods,
            "seconds": round(seconds, 1),
            "months": summaries(rows),
            "customers": rows,
            "reviewers": [each._asdict() for each in result.commands],
            "sheets_not_used": book.sheets.unread,
            "sheets_not_read": book.sheets.ignored(),
            "unclaimed_rows": [each._asdict() for each in book.unclaimed],
            "against": book.against,
            "differences": compared,
            "sums": {currency: {"rehearsed": a, "real": b} for currency, (a, b) in sums(compared).items()},
            "failed": [*book.failed, *result.failed],
            "mails": result.mails,
            "mail_folder": str(result.folder / "mail"),
        }
    )
