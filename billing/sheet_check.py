"""The rows of one customer held against the invoice: every difference, with its reason, to the minor unit.

Sheet = invoiced + differences, by construction: each row and each line is taken once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from billing.accounts import SeenLine, SeenMonth
from billing.customer import Customer, ReviewMode
from billing.invoice import LineItem, Problem
from billing.month import Stage
from billing.period import Period
from billing.sales import MAX_ROWS, SalesRow, SalesSnapshot, lines_for


class Reason(StrEnum):
    """Why the sheet and the invoices differ."""

    NOT_COLLECTED = "not collected yet"
    MISSING = "the customer has no month"
    SKIPPED = "the month was skipped"
    MANUAL = "amounts are entered by hand"
    EDITED = "edited by a reviewer"
    REMOVED = "removed by a reviewer"
    ADDED = "added by a reviewer"
    ENTERED = "unreadable in the sheet, entered by a reviewer"
    NEW_ROW = "added to the sheet since the collection"
    CHANGED_ROW = "changed in the sheet since the collection"
    GONE_ROW = "removed from the sheet since the collection"
    LATER = "billed in a later month"
    BEGAN_LATER = "billing of the customer began later"
    CLOSED = "the account is closed"
    FORMER_ADDRESS = "a customer had the address before"
    UNCLAIMED = "the address belongs to nobody"
    UNEXPLAINED = "unexplained"


_WORDS = 150  # of a description, on a later invoice
SINCE = (Reason.NEW_ROW, Reason.CHANGED_ROW, Reason.GONE_ROW)


class Difference(NamedTuple):
    """What the sheet has more than the invoice (less, if negative), in minor units. ``row`` 0: of no one row."""

    reason: Reason
    amount_minor: int
    row: int = 0
    description: str = ""


class Checked(NamedTuple):
    """One customer's part of the sheet. ``unreadable`` rows are in no sum; ``late`` ones nobody has billed yet."""

    sheet_minor: int
    invoiced_minor: int
    differences: tuple[Difference, ...]
    unreadable: tuple[Problem, ...]
    late: tuple[Difference, ...]


class Cells(NamedTuple):
    """What a worksheet is read by."""

    period: Period
    sheet: str
    digest: str
    decimal_separator: str


def check(customer: Customer, rows: Sequence[SalesRow], cells: Cells, month: SeenMonth) -> Checked:
    """``rows`` are all rows of the worksheet that are the customer's, as it is now."""
    if month.currency != customer.currency:
        customer = customer.evolve(currency=month.currency)
    lines, problems = read_rows(customer, rows, cells)
    sheet_minor = sum(line.amount_minor for line in lines)
    reason = _whole(customer, month)
    if reason is not None:
        added = month.lines if reason is Reason.MANUAL else ()
        found = [*all_for(reason, lines), *(_less(Reason.ADDED, line) for line in added)]
        waits = problems if reason is Reason.NOT_COLLECTED else ()
        return Checked(sheet_minor, sum(line.amount_minor for line in added), tuple(found), waits, ())
    found = list(_later(_compared(lines, problems, month, cells), month, cells.period))
    unread = tuple(each for each in problems if each.line_id not in month.edited)
    invoiced_minor = sum(line.amount_minor for line in month.lines)
    return Checked(sheet_minor, invoiced_minor, tuple(found), unread, tuple(_uncovered(found)))


def read_rows(
    customer: Customer, rows: Sequence[SalesRow], cells: Cells
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The rows as the collection reads them, however many there are, and whatever address was in them."""
    lines: list[LineItem] = []
    problems: list[Problem] = []
    theirs = [row if row.email == customer.email else row.evolve(email=customer.email) for row in rows]
    for start in range(0, len(theirs), MAX_ROWS):
        part = SalesSnapshot(sheet=cells.sheet, digest=cells.digest, rows=tuple(theirs[start : start + MAX_ROWS]))
        read, unread = lines_for(customer, cells.period, part, cells.decimal_separator)
        lines += read
        problems += unread
    return tuple(lines), tuple(problems)


def all_for(reason: Reason, lines: Sequence[LineItem]) -> list[Difference]:
    """Each of the sheet's lines as a difference."""
    return [_more(reason, line) for line in lines]


def _whole(customer: Customer, month: SeenMonth) -> Reason | None:
    """The reason why nothing of the sheet is on the invoice, if there is one for all of it."""
    if month.stage is Stage.SKIPPED:
        return Reason.SKIPPED
    if not month.version:
        return Reason.NOT_COLLECTED
    by_hand = customer.terms.review_mode is ReviewMode.MANUAL and not month.collected_from
    return Reason.MANUAL if by_hand else None


def _compared(
    lines: Sequence[LineItem], problems: Sequence[Problem], month: SeenMonth, cells: Cells
) -> Iterator[Difference]:
    """Rows that have moved are the same; what people did is told from what was typed since."""
    sheet = {line.line_id: line for line in lines}
    billed = {line.line_id: line for line in month.lines if line.row is not None}
    for line_id in [name for name in billed if name in sheet and sheet[name].amount_minor == billed[name].amount_minor]:
        del sheet[line_id], billed[line_id]
    if month.collected_from != cells.digest:
        _drop_moved(sheet, billed, month.edited)
    unread = {problem.line_id for problem in problems}
    for line in [billed[name] for name in list(billed) if name in month.edited]:
        del billed[line.line_id]
        row = sheet.pop(line.line_id, None)
        if row is None and line.line_id not in unread:  # it may stand in another place by now
            row = _described(sheet, line.description)
        if row is not None:
            amount_minor = row.amount_minor - line.amount_minor
            yield Difference(Reason.EDITED, amount_minor, _row_of(row), line.description)
        else:
            reason = Reason.ENTERED if line.line_id in unread else Reason.EDITED
            yield _less(reason, line)
    for row in [sheet[name] for name in list(sheet) if name in month.edited]:
        del sheet[row.line_id]
        yield _more(Reason.REMOVED, row)
    yield from _since(sheet, billed, month, cells)
    for line in month.lines:
        if line.row is None:
            yield _less(Reason.ADDED, line)


def _since(
    sheet: dict[str, LineItem], billed: dict[str, SeenLine], month: SeenMonth, cells: Cells
) -> Iterator[Difference]:
    """What was typed since the collection; if the sheet is what was collected, nobody can say where it comes from."""
    same_sheet = month.collected_from == cells.digest
    stopped = {problem.line_id for problem in month.problems}
    for row in sheet.values():
        line = billed.pop(row.line_id, None)
        changed = line is not None or row.line_id in stopped
        reason = Reason.CHANGED_ROW if changed else Reason.NEW_ROW
        amount_minor = row.amount_minor - (line.amount_minor if line else 0)
        yield Difference(Reason.UNEXPLAINED if same_sheet else reason, amount_minor, _row_of(row), row.description)
    for line in billed.values():
        yield _less(Reason.UNEXPLAINED if same_sheet else Reason.GONE_ROW, line)


def _drop_moved(sheet: dict[str, LineItem], billed: dict[str, SeenLine], edited: frozenset[str]) -> None:
    """Forgets rows that stand in another place now: the same amount and words."""
    places: dict[tuple[int, str], list[str]] = {}
    for name, row in sorted(sheet.items(), key=lambda item: item[0] in edited):
        places.setdefault((row.amount_minor, row.description), []).append(name)
    for name, line in list(billed.items()):
        if name not in edited and (same := places.get((line.amount_minor, line.description))):
            del sheet[same.pop(0)], billed[name]


def _described(sheet: dict[str, LineItem], description: str) -> LineItem | None:
    name = next((name for name, row in sheet.items() if row.description == description), None)
    return sheet.pop(name) if name else None


def words_by_hand(late: Difference, period: Period) -> str:
    """What a person writes on a later invoice for a row that nothing takes in by itself; by that it is found again."""
    return f"{' '.join(late.description.split())[:_WORDS] or 'Sale'} ({period})"


def _later(found: Iterator[Difference], month: SeenMonth, period: Period) -> Iterator[Difference]:
    """Those that a line of a later month has made good: all if they come to the same sum, else each by its amount.

    The collection may have taken other rows for the same ones; to the sum that makes no difference. A line that a
    person has added there makes good what has its words.
    """
    everything = list(found)
    collected = [line for line in month.later if line.row is not None]
    made_good = Counter(line.amount_minor for line in collected)
    by_hand = Counter((line.description, line.amount_minor) for line in month.later if line.row is None)
    is_all = bool(collected) and sum(each.amount_minor for each in everything if each.reason in SINCE) == sum(
        line.amount_minor for line in collected
    )
    for each in everything:
        added = (words_by_hand(each, period), each.amount_minor)
        if each.reason in SINCE and (is_all or made_good[each.amount_minor]):
            made_good[each.amount_minor] -= 1
            each = each._replace(reason=Reason.LATER)
        elif each.reason in SINCE and by_hand[added]:
            by_hand[added] -= 1
            each = each._replace(reason=Reason.LATER)
        yield each


def _uncovered(found: Sequence[Difference]) -> Iterator[Difference]:
    """What was typed since the collection, without what a reviewer has added by hand for it."""
    by_hand = Counter(-each.amount_minor for each in found if each.reason is Reason.ADDED)
    for each in found:
        if each.reason in SINCE and by_hand[each.amount_minor]:
            by_hand[each.amount_minor] -= 1
        elif each.reason in SINCE and each.amount_minor:
            yield each


def _more(reason: Reason, row: LineItem) -> Difference:
    return Difference(reason, row.amount_minor, _row_of(row), row.description)


def _less(reason: Reason, line: SeenLine) -> Difference:
    return Difference(reason, -line.amount_minor, line.row or 0, line.description)


def _row_of(line: LineItem) -> int:
    return line.source.row if line.source else 0
