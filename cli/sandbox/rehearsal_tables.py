"""Prints a rehearsal: a table of months, oddities, months that need a person, unpaid months, differences."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter

from rich.table import Column

from billing.collections.stages import CollectionStage
from billing.money import format_amount, plain_amount
from billing.texts.text import price_words
from cli.terminal.output import console, counted, print_json, print_table, say, table, utc, whole
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.report import (
    MonthDifference,
    MonthRow,
    MonthSummary,
    Restriction,
    TextCosts,
    restrictions_of,
    summaries,
    sums,
    texts_of,
    together,
)
from sandbox.rehearsal.run import RehearsalResult
from wording.plain import stage_words

_SHOWN = 20  # rows of a list
_MORE = "more; --json and --csv have them all"


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
    _print_restricted(result)
    _print_commands(result)
    if book.against:
        _print_compared(book, compared)
    for failure in (*book.failed, *result.failed):
        say(f"\nNOT REHEARSED: {failure.customer_id}: {failure.reason}", style="red")
    _print_texts(texts_of(book, result))
    say(f"\n{result.mails} mails, each a file: {result.folder / 'mail'}", style="dim")
    months, customers = counted(len(rows), "month"), counted(len(book.entries), "customer")
    say(f"{months} of {customers} in {seconds:.0f} s", style="dim")


def _print_months(rows: list[MonthRow]) -> None:
    """A line for each month and one for all; amounts in several currencies have a table of their own."""
    months = summaries(rows)
    every = together(rows).model_copy(update={"period": "all", "sheets": ("",), "first_at": None, "last_at": None})
    lines = [*months, every] if months[1:] else months
    columns: list[_Column] = [(whole("Month"), attrgetter("period")), (whole("Sales"), lambda month: month.sheets[0])]
    columns += [(Column(stage_words(stage), justify="right"), partial(_count, stage)) for stage in every.stages]
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
        columns += [(whole(currency.upper(), "right"), partial(_charged_in, currency)) for currency in currencies]
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
    """The amount without its currency, which is in the head of the column; "" for zero."""
    minor = month.charged_minor.get(currency, 0)
    return plain_amount(minor, currency) if minor else ""


def _instant(at: datetime | None) -> str:
    return f"{at:%m-%d %H:%M}" if at else ""


def _print_odd(rows: list[MonthRow]) -> None:
    cells = [(month.period, odd, count) for month in summaries(rows) for odd, count in month.odd.items()]
    print_table((whole("Month"), "What", whole("Customers", "right")), cells, tuple, title="Oddities")


def _print_people(rows: list[MonthRow]) -> None:
    groups: defaultdict[tuple[str, str, str], list[MonthRow]] = defaultdict(list)
    for row in filter(attrgetter("person"), rows):
        words = row.person.replace(row.period, "the month").replace(row.sheet, "the month")
        groups[row.customer_id, words, row.assumed].append(row)

    def cells(months: list[MonthRow]) -> tuple[str, ...]:
        first = months[0]
        return first.customer_id, _periods(months), first.person, first.assumed

    columns = (whole("Customer"), "Months", "Why", "The rehearsal")
    print_table(columns, [*groups.values()], cells, title="A person is needed", shown=_SHOWN, more=_MORE)


def _print_unclaimed(book: Book) -> None:
    columns = (whole("Worksheet"), whole("Row", "right"), "Address", whole("Amount", "right"), "Description")
    title = "Rows that belong to nobody"
    print_table(
        columns,
        book.unclaimed,
        lambda row: ["" if cell is None else cell for cell in row],
        title=title,
        shown=_SHOWN,
    )


def _print_owed(rows: list[MonthRow]) -> None:
    """Months that no try has paid; those that ended alike together."""
    groups: defaultdict[tuple[str, ...], list[MonthRow]] = defaultdict(list)
    for row in rows:
        if row.collection and row.collection != CollectionStage.RECOVERED:
            groups[row.customer_id, row.currency, row.stage, row.collection].append(row)

    def cells(months: list[MonthRow]) -> tuple[str, ...]:
        first, total_minor = months[0], sum(month.total_minor for month in months)
        amount = format_amount(total_minor, first.currency)
        return first.customer_id, _periods(months), amount, first.stage, first.collection

    columns = (whole("Customer"), "Months", whole("Amount", "right"), "At the charge", "After all tries")
    print_table(columns, [*groups.values()], cells, title="Not paid", shown=_SHOWN, more=_MORE)


def _print_restricted(result: RehearsalResult) -> None:
    """Whose service is limited or suspended for not paying, and when."""

    def cells(found: Restriction) -> tuple[str, ...]:
        until = utc(found.until) if found.until else "the end"
        return found.customer_id, found.number, found.state, utc(found.at), until

    columns = (whole("Customer"), whole("Account"), "What", whole("From"), "Until")
    print_table(columns, restrictions_of(result.services), cells, title="Not in full service", shown=_SHOWN, more=_MORE)


def _print_texts(texts: TextCosts) -> None:
    if texts.segments:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in texts.segments.items())
        count = counted(sum(texts.segments.values()), "segment")
        say(f"\nTexts: {count} ({kinds}), {price_words(texts.cost_micros, texts.currency)}")


def _periods(months: list[MonthRow]) -> str:
    first, last = months[0].period, months[-1].period
    return f"{first} … {last} ({len(months)})" if months[1:] else first


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
    differing = [row for row in compared if row.verdict != "same"]
    same = len(compared) - len(differing)
    say(f"\nAgainst the real {book.against}: {same} same, {len(differing)} differ", style="bold")

    def cells(row: MonthDifference) -> tuple[str, ...]:
        rehearsed, real = _amount(row.rehearsed_minor, row), _amount(row.real_minor, row)
        return row.customer_id, row.verdict, rehearsed, row.rehearsed_stage, real, row.real_stage

    columns = (whole("Customer"), whole("What"), whole("Rehearsed", "right"), "", whole("Real", "right"), "")
    print_table(columns, differing, cells, shown=_SHOWN)
    for currency, (here, there) in sums(compared).items():
        apart = format_amount(here - there, currency)
        say(f"  rehearsed {format_amount(here, currency)}, real {format_amount(there, currency)}: {apart} apart")


def _amount(minor: int | None, row: MonthDifference) -> str:
    return "" if minor is None else format_amount(minor, row.currency)


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
            "unclaimed_rows": [row._asdict() for row in book.unclaimed],
            "against": book.against,
            "differences": compared,
            "sums": {currency: {"rehearsed": a, "real": b} for currency, (a, b) in sums(compared).items()},
            "failed": [*book.failed, *result.failed],
            "restricted": restrictions_of(result.services),
            "texts": texts_of(book, result),
            "mails": result.mails,
            "mail_folder": str(result.folder / "mail"),
        }
    )
