"""Late sales: rows of the sheet that were added, changed or removed after the import.

The sheet is compared with the rows that the invoice accounts for, not with an earlier reading, because a reviewer may
have billed a row differently. So the differences make good exactly what was not billed, and nothing twice.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from billing.invoices.invoice import Invoice, LineItem, Problem, SalesSeen, sheet_row
from billing.invoices.versions import LineChange
from billing.model import Many, Model, Rows
from billing.money import format_amount
from billing.sales.row_pairs import PairedRow, take_changed, take_same


class SheetChange(Model):
    """A difference: ``line`` of the invoice (None: a new row) against ``row`` of the sheet (None: it is gone)."""

    line: LineItem | Problem | None = None
    row: LineItem | Problem | None = None

    @property
    def item(self) -> LineItem | Problem:
        """The row, or the line if the row is gone."""
        item = self.row or self.line
        assert item is not None
        return item

    @property
    def kind(self) -> str:
        """``added``, ``changed`` or ``removed``."""
        if self.line is None:
            return "added"
        return "removed" if self.row is None else "changed"

    @property
    def amount_minor(self) -> int:
        """The row's amount less the line's, in minor units; unreadable rows count as 0."""
        return _minor(self.row) - _minor(self.line)


class SheetComparison(Model):
    """The differences between an invoice and the state ``sales`` of the sheet.

    ``by_hand`` are lines that people added and that match no row of the sheet word for word.
    """

    changes: Rows[SheetChange] = ()
    sales: SalesSeen
    by_hand: Many[LineItem] = ()


def compare_with_sheet(invoice: Invoice, rows: Sequence[LineItem | Problem], sales: SalesSeen) -> SheetComparison:
    """Compares ``invoice`` with ``rows``, all of the customer's in the state ``sales`` of the sheet."""
    by_hand = tuple(row.item for row in _unpaired(invoice, rows).by_hand)
    return SheetComparison(changes=sheet_changes(invoice, rows), sales=sales, by_hand=by_hand)


def sheet_changes(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> tuple[SheetChange, ...]:
    """The differences between ``rows``, all of the customer's in the sheet, and those that ``invoice`` accounts for.

    Rows with the same amount and description match, wherever they stand. Of the rest, two with the same description or
    the same place are one changed row. A line that a reviewer has added matches a new row of the same amount and
    description.
    """
    billed, read, _ = _unpaired(invoice, rows)
    differences = [
        *(SheetChange(line=line, row=row) for line, row in take_changed(billed, read)),
        *(SheetChange(line=line.item) for line in billed),
        *(SheetChange(row=row.item) for row in read),
    ]
    return tuple(sorted(filter(_matters, differences), key=_row_number))


def in_words(changes: Sequence[SheetChange], currency: str) -> str:
    """``rows: 1 added, 2 changed; 12.50 EUR more``; "" if nothing differs."""
    counts = Counter(change.kind for change in changes)
    unreadable = sum(isinstance(change.row, Problem) for change in changes)
    counted = [f"{counts[kind]} {kind}" for kind in ("added", "changed", "removed") if counts[kind]]
    if not counted:
        return ""
    difference_minor = sum(change.amount_minor for change in changes)
    amount = format_amount(abs(difference_minor), currency)
    less = f"{amount} {'less' if difference_minor < 0 else 'more'}" if difference_minor else "the same sum"
    return f"rows: {', '.join(counted)}{f' ({unreadable} unreadable)' if unreadable else ''}; {less}"


def as_line_changes(changes: Sequence[SheetChange]) -> tuple[LineChange, ...]:
    """The differences in the form of those between two versions, with a note for each unreadable row."""
    return tuple(_line_change(change) for change in changes)


# -- comparing


class _Unpaired(NamedTuple):
    billed: list[PairedRow[LineItem | Problem | None]]
    read: list[PairedRow[LineItem | Problem]]
    by_hand: list[PairedRow[LineItem]]


def _unpaired(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> _Unpaired:
    """The lines and rows without a match."""
    billed, read = list(_billed_rows(invoice)), [PairedRow(sheet_row(row), row) for row in rows]
    by_hand = [PairedRow(sheet_row(line), line) for line in invoice.lines if line.is_by_hand]
    take_same(billed, read)
    take_same(by_hand, read)
    return _Unpaired(billed, read, by_hand)


def _billed_rows(invoice: Invoice) -> Iterator[PairedRow[LineItem | Problem | None]]:
    """The rows that the invoice accounts for, those with unedited lines first.

    The first are matched first: if one of two equal rows is gone, it was the one that a reviewer had edited or removed.
    """
    items: tuple[LineItem | Problem, ...] = (*invoice.lines, *invoice.problems)
    for item in sorted(items, key=lambda item: isinstance(item, LineItem) and item.in_sheet is not None):
        row = invoice.in_sheet(item)
        if row is not None:
            yield PairedRow(row, item)
    for row in invoice.left_out:
        yield PairedRow(row, None)


def _matters(change: SheetChange) -> bool:
    """False if the sheet now agrees with the invoice, or if a removed row was not billed."""
    if change.line is None or change.row is None:
        return change.line is not change.row
    return _content(change.line) != _content(change.row)


def _content(item: LineItem | Problem) -> Hashable:
    return item.description.strip(), item.raw if isinstance(item, Problem) else item.amount_minor


def _row_number(change: SheetChange) -> int:
    return change.item.source.row if change.item.source else 0


def _minor(item: LineItem | Problem | None) -> int:
    return item.amount_minor if isinstance(item, LineItem) else 0


def _line_change(change: SheetChange) -> LineChange:
    line, row, item = change.line, change.row, change.item
    if isinstance(row, Problem):
        return LineChange(line_id=row.line_id, note=f"row {row.source.row} cannot be read: {row.raw or 'it is empty'}")
    before = line if isinstance(line, LineItem) else None
    if row is None and before is None:
        return LineChange(line_id=item.line_id, note=f"a row that could not be read is gone: {item.description}")
    return LineChange(line_id=item.line_id, before=before, after=row)
