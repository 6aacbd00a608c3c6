"""What ``rehearse`` prints: a table of months, oddities, who needs a person, what was not paid, differences."""

from collections import Counter

from billing.collection import CollectionStage
from billing.money import format_amount
from cli.output import console, print_json, say, table, utc, whole
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.report import Difference, Row, Summary, summaries, sums
from sandbox.rehearsal.run import Result

_SHOWN = 20  # of a list; --json and --csv have all


def print_rehearsal(book: Book, result: Result, rows: list[Row], compared: list[Difference], seconds: float) -> None:
    say(f"\nRehearsed: {book.source}, {book.periods[0]} to {book.periods[-1]}, nothing real touched", style="bold")
    months = summaries(rows)
    console.print(table(_COLUMNS, [*map(_cells, months), *_all(months)]))
    for words in book.sheets.unread:
        say(f"not used: {words}", style="yellow")
    _print_odd(rows)
    _print_people(rows)
    _print_owed(rows)
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


def _all(months: list[Summary]) -> list[tuple[object, ...]]:
    """The last row: all months together."""
    charged: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    for month in months:
        charged.update(month.charged_minor)
        stages.update(month.stages)
    ended = "\n".join(f"{count} {stage}" for stage, count in stages.most_common())
    sums = "\n".join(format_amount(total, currency) for currency, total in sorted(charged.items()))
    return [("all", "", ended, sums, "", "", sum(month.need_person for month in months) or "")] if months[1:] else []


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


def _print_owed(rows: list[Row]) -> None:
    """What was not paid, nor by any later try: months that ended alike together."""
    seen: dict[tuple[str, ...], list[Row]] = {}
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


def print_document(book: Book, result: Result, rows: list[Row], compared: list[Difference], seconds: float) -> None:
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
