"""The rows of one customer held against the invoice: every difference, with its reason, to the minor unit.

Sheet = invoiced + differences, by construction: each row and each line is taken once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from billing.completeness.snapshots import LineSnapshot, MonthSnapshot
from billing.customers.customer import Customer, ReviewMode
from billing.invoices.invoice import LineItem, Problem, SheetRow
from billing.invoices.stages import Stage
from billing.period import Period
from billing.sales.row_pairs import PairedRow, sheet_row, take_changed, take_same
from billing.sales.sales import MAX_ROWS, SalesRow, SalesSnapshot, lines_for


class DifferenceReason(StrEnum):
    """Why the sheet and the invoices differ."""

    NOT_COLLECTED = "not collected yet"
    MISSING = "the customer has no month"
    SKIPPED = "the month was skipped"
    MANUAL = "amounts are entered by hand"
    EDITED = "edited by a reviewer"
    REMOVED = "removed by a reviewer"
    ADDED = "added by a reviewer"
    ENTERED = "unreadable in the sheet, entered by a reviewer"
    NEW_ROW = "added to the sheet since the import"
    CHANGED_ROW = "changed in the sheet since the import"
    GONE_ROW = "removed from the sheet since the import"
    LATER = "billed in a later month"
    BEGAN_LATER = "billing of the customer began later"
    CLOSED = "the account is closed"
    FORMER_ADDRESS = "a customer had the address before"
    UNCLAIMED = "the address belongs to nobody"
    UNEXPLAINED = "unexplained"


_WORDS = 150  # of a description, on a later invoice
SINCE = (DifferenceReason.NEW_ROW, DifferenceReason.CHANGED_ROW, DifferenceReason.GONE_ROW)


class RowDifference(NamedTuple):
    """What the sheet has more than the invoice (less, if negative), in minor units. ``row`` 0: of no one row."""

    reason: DifferenceReason
    amount_minor: int
    row: int = 0
    description: str = ""


class RowCheck(NamedTuple):
    """One customer's part of the sheet. ``unreadable`` rows are in no sum; ``late`` ones nobody has billed yet."""

    sheet_minor: int
    invoiced_minor: int
    differences: tuple[RowDifference, ...]
    unreadable: tuple[Problem, ...]
    late: tuple[RowDifference, ...]


class CellRules(NamedTuple):
    """What a worksheet is read by."""

    period: Period
    sheet: str
    digest: str
    decimal_separator: str


def check_rows(customer: Customer, rows: Sequence[SalesRow], cells: CellRules, month: MonthSnapshot) -> RowCheck:
    """``rows`` are all rows of the worksheet that are the customer's, as it is now."""
    if month.currency != customer.currency:
        customer = customer.evolve(currency=month.currency)
    lines, problems = read_rows(customer, rows, cells)
    sheet_minor = sum(line.amount_minor for line in lines)
    reason = _whole(customer, month)
    if reason is not None:
        added = month.lines if reason is DifferenceReason.MANUAL else ()
        found = [*all_for(reason, lines), *(_less(DifferenceReason.ADDED, line) for line in added)]
        waits = problems if reason is DifferenceReason.NOT_COLLECTED else ()
        return RowCheck(sheet_minor, sum(line.amount_minor for line in added), tuple(found), waits, ())
    comparison = _Comparison(lines, problems, month, cells)
    found = list(_later(comparison.differences(), month, cells.period))
    unread = tuple(each for each in problems if each not in comparison.settled)
    invoiced_minor = sum(line.amount_minor for line in month.lines)
    return RowCheck(sheet_minor, invoiced_minor, tuple(found), unread, tuple(_uncovered(found)))


def read_rows(
    customer: Customer, rows: Sequence[SalesRow], cells: CellRules
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


def all_for(reason: DifferenceReason, lines: Sequence[LineItem]) -> list[RowDifference]:
    """Each of the sheet's lines as a difference."""
    return [_more(reason, line) for line in lines]


def _whole(customer: Customer, month: MonthSnapshot) -> DifferenceReason | None:
    """The reason why nothing of the sheet is on the invoice, if there is one for all of it."""
    if month.stage is Stage.SKIPPED:
        return DifferenceReason.SKIPPED
    if not month.version:
        return DifferenceReason.NOT_COLLECTED
    by_hand = customer.terms.review_mode is ReviewMode.MANUAL and not month.collected_from
    return DifferenceReason.MANUAL if by_hand else None


class _Known(NamedTuple):
    """What is billed for a row. ``by_hand`` is what people made of it (None: nothing)."""

    line: LineSnapshot
    by_hand: DifferenceReason | None = None


class _Comparison:
    """Rows that say the same are the same, wherever they stand; what people did is told from what was typed since.

    ``settled`` are the unreadable rows for which people have entered an amount, or which they have removed.
    """

    def __init__(
        self, lines: Sequence[LineItem], problems: Sequence[Problem], month: MonthSnapshot, cells: CellRules
    ) -> None:
        self.settled: list[Problem] = []
        rows: tuple[LineItem | Problem, ...] = (*lines, *problems)
        self._found = [PairedRow(sheet_row(row), row) for row in rows]
        self._known = list(_known(month))
        self._by_hand = [line for line in month.lines if line.row is None]
        # If the sheet is what was collected, nobody can say where a difference comes from.
        self._same_sheet = month.collected_from == cells.digest

    def differences(self) -> Iterator[RowDifference]:
        for known, item in take_same(self._known, self._found):
            if isinstance(item, Problem) and known.by_hand:
                self.settled.append(item)
            yield from self._difference(known.by_hand or DifferenceReason.UNEXPLAINED, known.line, item)
        for known, item in take_changed(self._known, self._found):
            yield from self._difference(self._since(DifferenceReason.CHANGED_ROW), known.line, item)
        for entry in self._known:
            yield from self._difference(self._since(DifferenceReason.GONE_ROW), entry.item.line, None)
        for new in self._found:
            yield from self._difference(self._since(DifferenceReason.NEW_ROW), None, new.item)
        for line in self._by_hand:
            yield _less(DifferenceReason.ADDED, line)

    def _since(self, reason: DifferenceReason) -> DifferenceReason:
        return DifferenceReason.UNEXPLAINED if self._same_sheet else reason

    def _difference(
        self, reason: DifferenceReason, line: LineSnapshot | None, item: LineItem | Problem | None
    ) -> Iterator[RowDifference]:
        amount_minor = item.amount_minor if isinstance(item, LineItem) else 0
        amount_minor -= line.amount_minor if line else 0
        if amount_minor:
            row = _row_of(item) if item else line.row if line else 0
            words = item if item and reason is not DifferenceReason.EDITED else line
            yield RowDifference(reason, amount_minor, row or 0, words.description if words else "")


def _known(month: MonthSnapshot) -> Iterator[PairedRow[_Known]]:
    """The rows that the month accounts for; those that are billed as they are come first, as with late sales."""
    own = [line for line in month.lines if line.row is not None]
    for line in own:
        if line.line_id not in month.in_sheet:
            yield PairedRow(_as_billed(line), _Known(line))
    for line in month.problems:
        yield PairedRow(SheetRow(row=line.row or 0, description=line.description, raw=line.raw), _Known(line))
    for line in own:
        if row := month.in_sheet.get(line.line_id):
            by_hand = DifferenceReason.ENTERED if row.amount_minor is None else DifferenceReason.EDITED
            yield PairedRow(row, _Known(line, by_hand))
    for row in month.left_out:
        yield PairedRow(row, _Known(LineSnapshot("", row.description, 0, row.row), DifferenceReason.REMOVED))


def _as_billed(line: LineSnapshot) -> SheetRow:
    return SheetRow(row=line.row or 0, description=line.description, amount_minor=line.amount_minor)


def words_by_hand(late: RowDifference, period: Period) -> str:
    """What a person writes on a later invoice for a row that nothing takes in by itself; by that it is found again."""
    return f"{' '.join(late.description.split())[:_WORDS] or 'Sale'} ({period})"


def _later(found: Iterator[RowDifference], month: MonthSnapshot, period: Period) -> Iterator[RowDifference]:
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
            each = each._replace(reason=DifferenceReason.LATER)
        elif each.reason in SINCE and by_hand[added]:
            by_hand[added] -= 1
            each = each._replace(reason=DifferenceReason.LATER)
        yield each


def _uncovered(found: Sequence[RowDifference]) -> Iterator[RowDifference]:
    """What was typed since the import, without what a reviewer has added by hand for it."""
    by_hand = Counter(-each.amount_minor for each in found if each.reason is DifferenceReason.ADDED)
    for each in found:
        if each.reason in SINCE and by_hand[each.amount_minor]:
            by_hand[each.amount_minor] -= 1
        elif each.reason in SINCE and each.amount_minor:
            yield each


def _more(reason: DifferenceReason, row: LineItem) -> RowDifference:
    return RowDifference(reason, row.amount_minor, _row_of(row), row.description)


def _less(reason: DifferenceReason, line: LineSnapshot) -> RowDifference:
    return RowDifference(reason, -line.amount_minor, line.row or 0, line.description)


def _row_of(line: LineItem | Problem) -> int:
    return line.source.row if line.source else 0
