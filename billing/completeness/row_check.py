"""The comparison of a customer's rows with the invoice: every difference and its reason, to the minor unit.

Sheet = invoiced + differences, by construction: each row and each line counts once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import starmap
from typing import NamedTuple

from billing.completeness.snapshots import LineSnapshot, MonthSnapshot
from billing.customers.customer import Customer, ReviewMode
from billing.invoices.invoice import LineItem, Problem, SheetRow, sheet_row
from billing.invoices.stages import Stage
from billing.period import Period
from billing.sales.row_pairs import PairedRow, take_changed, take_same
from billing.sales.sales import MAX_ROWS, SalesRow, SalesSnapshot, lines_for


class DifferenceReason(StrEnum):
    """Why the sheet and the invoices differ."""

    NOT_IMPORTED = "not imported yet"
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


_DESCRIPTION_MAX = 150  # characters, on a later invoice
SINCE = (DifferenceReason.NEW_ROW, DifferenceReason.CHANGED_ROW, DifferenceReason.GONE_ROW)


class RowDifference(NamedTuple):
    """The sheet's amount minus the invoice's, in minor units. ``row`` 0: not about one row."""

    reason: DifferenceReason
    amount_minor: int
    row: int = 0
    description: str = ""


class RowCheck(NamedTuple):
    """The check of one customer's rows. ``unreadable`` rows are in no sum; ``late`` rows are not billed yet."""

    sheet_minor: int
    invoiced_minor: int
    differences: tuple[RowDifference, ...]
    unreadable: tuple[Problem, ...]
    late: tuple[RowDifference, ...]


class CellRules(NamedTuple):
    """The rules for reading a worksheet's cells."""

    period: Period
    sheet: str
    digest: str
    decimal_separator: str


def check_rows(customer: Customer, rows: Sequence[SalesRow], cells: CellRules, month: MonthSnapshot) -> RowCheck:
    """Compares all rows that the customer has in the current worksheet with the month's invoice."""
    if month.currency != customer.currency:
        customer = customer.evolve(currency=month.currency)
    lines, problems = read_rows(customer, rows, cells)
    sheet_minor = sum(line.amount_minor for line in lines)
    reason = _reason_for_all(customer, month)
    if reason is not None:
        added = month.lines if reason is DifferenceReason.MANUAL else ()
        differences = [*all_for(reason, lines), *map(_added, added)]
        unread = problems if reason is DifferenceReason.NOT_IMPORTED else ()
        return RowCheck(sheet_minor, sum(line.amount_minor for line in added), tuple(differences), unread, ())
    differences, settled = _compared((*lines, *problems), month, is_unchanged=month.collected_from == cells.digest)
    differences = list(_billed_later(differences, month, cells.period))
    unread = tuple(problem for problem in problems if problem not in settled)
    invoiced_minor = sum(line.amount_minor for line in month.lines)
    return RowCheck(sheet_minor, invoiced_minor, tuple(differences), unread, tuple(_late(differences)))


def read_rows(
    customer: Customer, rows: Sequence[SalesRow], cells: CellRules
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The rows as the import reads them, in any number and under any address."""
    lines: list[LineItem] = []
    problems: list[Problem] = []
    own_rows = [row if row.email == customer.email else row.evolve(email=customer.email) for row in rows]
    for start in range(0, len(own_rows), MAX_ROWS):
        part = SalesSnapshot(sheet=cells.sheet, digest=cells.digest, rows=tuple(own_rows[start : start + MAX_ROWS]))
        read, unread = lines_for(customer, cells.period, part, cells.decimal_separator)
        lines += read
        problems += unread
    return tuple(lines), tuple(problems)


def all_for(reason: DifferenceReason, lines: Sequence[LineItem]) -> list[RowDifference]:
    """The sheet's lines as differences, for one reason."""
    return [RowDifference(reason, line.amount_minor, _row_of(line), line.description) for line in lines]


def _reason_for_all(customer: Customer, month: MonthSnapshot) -> DifferenceReason | None:
    """The reason why no row of the sheet is on the invoice; None if they are compared one by one."""
    if month.stage is Stage.SKIPPED:
        return DifferenceReason.SKIPPED
    if not month.version:
        return DifferenceReason.NOT_IMPORTED
    by_hand = customer.terms.review_mode is ReviewMode.MANUAL and not month.collected_from
    return DifferenceReason.MANUAL if by_hand else None


class _Billed(NamedTuple):
    """The line billed for a row. ``by_hand``: how a reviewer changed it (None: unchanged)."""

    line: LineSnapshot
    by_hand: DifferenceReason | None = None


def _compared(
    rows: Sequence[LineItem | Problem], month: MonthSnapshot, is_unchanged: bool
) -> tuple[list[RowDifference], list[Problem]]:
    """The differences, and the unreadable rows that a reviewer entered or removed.

    Rows and lines are paired by content, not position. In an unchanged sheet there are no changes since the import.
    """
    new, changed, gone = (DifferenceReason.UNEXPLAINED,) * 3 if is_unchanged else SINCE
    unpaired = [PairedRow(sheet_row(row), row) for row in rows]
    unpaired_lines = list(_billed_rows(month))
    settled = []
    pairs: list[tuple[DifferenceReason, LineSnapshot | None, LineItem | Problem | None]] = []
    for billed, row in take_same(unpaired_lines, unpaired):
        if isinstance(row, Problem) and billed.by_hand:
            settled.append(row)
        pairs.append((billed.by_hand or DifferenceReason.UNEXPLAINED, billed.line, row))
    pairs += [(new, None, row) for _, row in take_same(list(_rows_by_hand(month)), unpaired)]
    pairs += [(changed, billed.line, row) for billed, row in take_changed(unpaired_lines, unpaired)]
    pairs += [(gone, pair.item.line, None) for pair in unpaired_lines]
    pairs += [(new, None, pair.item) for pair in unpaired]
    differences = [difference for difference in starmap(_difference, pairs) if difference.amount_minor]
    return [*differences, *(_added(line) for line in month.lines if line.row is None)], settled


def _difference(reason: DifferenceReason, line: LineSnapshot | None, row: LineItem | Problem | None) -> RowDifference:
    amount_minor = (row.amount_minor if isinstance(row, LineItem) else 0) - (line.amount_minor if line else 0)
    number = _row_of(row) if row else line.row if line else 0
    described = row if row and reason is not DifferenceReason.EDITED else line
    return RowDifference(reason, amount_minor, number or 0, described.description if described else "")


def _billed_rows(month: MonthSnapshot) -> Iterator[PairedRow[_Billed]]:
    """The rows that the month accounts for. Rows billed unchanged come first, as in the import of late sales."""
    lines = [line for line in month.lines if line.row is not None]
    for line in lines:
        if line.line_id not in month.in_sheet:
            row = SheetRow(row=line.row or 0, description=line.description, amount_minor=line.amount_minor)
            yield PairedRow(row, _Billed(line))
    for line in month.problems:
        yield PairedRow(SheetRow(row=line.row or 0, description=line.description, raw=line.raw), _Billed(line))
    for line in lines:
        if original := month.in_sheet.get(line.line_id):
            by_hand = DifferenceReason.ENTERED if original.amount_minor is None else DifferenceReason.EDITED
            yield PairedRow(original, _Billed(line, by_hand))
    for row in month.left_out:
        yield PairedRow(row, _Billed(LineSnapshot("", row.description, 0, row.row), DifferenceReason.REMOVED))


def _rows_by_hand(month: MonthSnapshot) -> Iterator[PairedRow[LineSnapshot]]:
    """The lines that people added, as rows that were typed later."""
    for line in month.lines:
        if line.row is None:
            yield PairedRow(SheetRow(row=0, description=line.description, amount_minor=line.amount_minor), line)


def words_by_hand(late: RowDifference, period: Period) -> str:
    """The description under which a person bills a late row on a later invoice; the check recognizes it."""
    return f"{' '.join(late.description.split())[:_DESCRIPTION_MAX] or 'Sale'} ({period})"


def _billed_later(
    differences: Sequence[RowDifference], month: MonthSnapshot, period: Period
) -> Iterator[RowDifference]:
    """The differences, those billed in a later month marked as such.

    Imported lines account for all late rows if the sums agree, because the import may have paired rows differently;
    else each accounts for one row of its amount. A line added by hand accounts for the row with its description.
    """
    imported = [line.amount_minor for line in month.later if line.row is not None]
    by_hand = [(line.description, line.amount_minor) for line in month.later if line.row is None]
    billed: Counter[object] = Counter([*imported, *by_hand])
    late_minor = sum(difference.amount_minor for difference in differences if difference.reason in SINCE)
    are_all_billed = bool(imported) and late_minor == sum(imported)
    for difference in differences:
        amount_minor = difference.amount_minor
        keys: tuple[object, ...] = (amount_minor, (words_by_hand(difference, period), amount_minor))
        key = next((key for key in keys if billed[key]), None)
        if difference.reason in SINCE and (are_all_billed or key is not None):
            billed[key] -= 1
            difference = difference._replace(reason=DifferenceReason.LATER)
        yield difference


def _late(differences: Sequence[RowDifference]) -> Iterator[RowDifference]:
    """The changes since the import, except new rows that a reviewer billed by a line with their words and amount."""
    by_hand = [row for row in differences if row.reason is DifferenceReason.ADDED]
    added = Counter((row.description.strip(), -row.amount_minor) for row in by_hand)
    for row in differences:
        content = row.description.strip(), row.amount_minor
        if row.reason is DifferenceReason.NEW_ROW and added[content]:
            added[content] -= 1
        elif row.reason in SINCE and row.amount_minor:
            yield row


def _added(line: LineSnapshot) -> RowDifference:
    return RowDifference(DifferenceReason.ADDED, -line.amount_minor, line.row or 0, line.description)


def _row_of(line: LineItem | Problem) -> int:
    return line.source.row if line.source else 0
