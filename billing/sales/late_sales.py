"""Sales that were added, changed or removed after the import: how they differ. ``adjustments`` says what follows.

Compared is the sheet as it is with what the invoice says the sheet said, not one reading with another: a reviewer may
have billed a row otherwise. So what is added to what was billed is what the sheet says now, and nothing is added twice.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from billing.invoices.invoice import Invoice, LineItem, Problem, SalesSeen
from billing.invoices.versions import LineChange
from billing.model import Many, Model, Rows
from billing.money import format_amount
from billing.sales.row_pairs import PairedRow, sheet_row, take_changed, take_same


class SheetChange(Model):
    """A row of the sheet that is not as the invoice has it.

    ``line`` is what the invoice has for it (None: nothing), ``row`` what the sheet has now (None: it is gone).
    """

    line: LineItem | Problem | None = None
    row: LineItem | Problem | None = None

    @property
    def kind(self) -> str:
        """``added``, ``changed`` or ``removed``."""
        if self.line is None:
            return "added"
        return "removed" if self.row is None else "changed"

    @property
    def amount_minor(self) -> int:
        """What the sheet has more than was billed; rows that cannot be read count as nothing."""
        return _minor(self.row) - _minor(self.line)


class SheetComparison(Model):
    """An invoice held against the sheet: how they differ, and which state of the sheet that was.

    ``by_hand`` are lines that people added and that no row of the sheet says word for word.
    """

    changes: Rows[SheetChange] = ()
    sales: SalesSeen
    by_hand: Many[LineItem] = ()


def compare_with_sheet(invoice: Invoice, rows: Sequence[LineItem | Problem], sales: SalesSeen) -> SheetComparison:
    """``invoice`` held against ``rows``, all of the customer's in the state ``sales`` of the sheet."""
    by_hand = tuple(row.item for row in _unpaired(invoice, rows).by_hand)
    return SheetComparison(changes=sheet_changes(invoice, rows), sales=sales, by_hand=by_hand)


def sheet_changes(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> tuple[SheetChange, ...]:
    """How ``rows``, all of the customer's as the sheet has them now, differ from those that ``invoice`` accounts for.

    Rows are the same if amount and description are: where they stand, and in which order, does not matter. What is
    left over of both is one row that was changed if it has the same description or the same place. A line that a
    reviewer has added is taken for a new row of the same amount and description.
    """
    billed, read, _ = _unpaired(invoice, rows)
    differences = [
        *(SheetChange(line=line, row=row) for line, row in take_changed(billed, read)),
        *(SheetChange(line=line.item) for line in billed),
        *(SheetChange(row=row.item) for row in read),
    ]
    return tuple(sorted(filter(_matters, differences), key=_row_number))


def in_words(changes: Sequence[SheetChange], currency: str) -> str:
    """``1 row added, 2 changed: 12.50 EUR more``; "" if nothing differs."""
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
    """The differences as people see those of two versions; of a row that cannot be read a note says so."""
    return tuple(_line_change(change) for change in changes)


# -- comparing


class _Unpaired(NamedTuple):
    billed: list[PairedRow[LineItem | Problem | None]]
    read: list[PairedRow[LineItem | Problem]]
    by_hand: list[PairedRow[LineItem]]


def _unpaired(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> _Unpaired:
    """What is left over once all that says the same is taken out."""
    billed, read = list(_billed_rows(invoice)), [PairedRow(sheet_row(row), row) for row in rows]
    by_hand = [PairedRow(sheet_row(line), line) for line in invoice.lines if line.source is None]
    take_same(billed, read)
    take_same(by_hand, read)
    return _Unpaired(billed, read, by_hand)


def _billed_rows(invoice: Invoice) -> Iterator[PairedRow[LineItem | Problem | None]]:
    """The rows that the invoice accounts for. Of rows alike, those that are billed as they are come first.

    The first are matched first: if one of two rows alike is gone, it was the one that a reviewer took back.
    """
    items: tuple[LineItem | Problem, ...] = (*invoice.lines, *invoice.problems)
    for item in sorted(items, key=lambda item: isinstance(item, LineItem) and item.in_sheet is not None):
        row = invoice.in_sheet(item)
        if row is not None:
            yield PairedRow(row, item)
    for row in invoice.left_out:
        yield PairedRow(row, None)


def _matters(change: SheetChange) -> bool:
    """False if the sheet now says what the invoice says anyway, or if what is gone was not billed."""
    if change.line is None or change.row is None:
        return change.line is not change.row
    return _content(change.line) != _content(change.row)


def _content(item: LineItem | Problem) -> Hashable:
    return item.description.strip(), item.raw if isinstance(item, Problem) else item.amount_minor


def _row_number(change: SheetChange) -> int:
    item = change.row or change.line
    return item.source.row if item and item.source else 0


def _minor(item: LineItem | Problem | None) -> int:
    return item.amount_minor if isinstance(item, LineItem) else 0


def _line_change(change: SheetChange) -> LineChange:
    line, row = change.line, change.row
    item = row or line
    assert item is not None
    if isinstance(row, Problem):
        return LineChange(line_id=row.line_id, note=f"row {row.source.row} cannot be read: {row.raw or 'it is empty'}")
    before = line if isinstance(line, LineItem) else None
    if row is None and before is None:
        return LineChange(line_id=item.line_id, note=f"a row that could not be read is gone: {item.description}")
    return LineChange(line_id=item.line_id, before=before, after=row)
