"""Sales that were added, changed or removed after the collection: what differs. What then: ``adjustments``.

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
from billing.sales.row_pairs import PairedRow, changed, same, sheet_row


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
    by_hand = tuple(each.item for each in _unpaired(invoice, rows).by_hand)
    return SheetComparison(changes=sheet_changes(invoice, rows), sales=sales, by_hand=by_hand)


def sheet_changes(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> tuple[SheetChange, ...]:
    """How ``rows``, all of the customer's as the sheet has them now, differ from those that ``invoice`` accounts for.

    Rows are the same if amount and description are: where they stand, and in which order, does not matter. What is
    left over of both is one row that was changed if it has the same description or the same place. A line that a
    reviewer has added is taken for a new row of the same amount and description.
    """
    known, found, _ = _unpaired(invoice, rows)
    every = [
        *(SheetChange(line=line, row=row) for line, row in changed(known, found)),
        *(SheetChange(line=line.item) for line in known),
        *(SheetChange(row=row.item) for row in found),
    ]
    return tuple(sorted(filter(_matters, every), key=_row_number))


def in_words(found: Sequence[SheetChange], currency: str) -> str:
    """``1 row added, 2 changed: 12.50 EUR more``; "" if nothing differs."""
    counts = Counter(drift.kind for drift in found)
    unreadable = sum(isinstance(drift.row, Problem) for drift in found)
    told = [f"{counts[kind]} {kind}" for kind in ("added", "changed", "removed") if counts[kind]]
    if not told:
        return ""
    difference_minor = sum(drift.amount_minor for drift in found)
    amount = format_amount(abs(difference_minor), currency)
    less = f"{amount} {'less' if difference_minor < 0 else 'more'}" if difference_minor else "the same sum"
    return f"rows: {', '.join(told)}{f' ({unreadable} unreadable)' if unreadable else ''}; {less}"


def shown(found: Sequence[SheetChange]) -> tuple[LineChange, ...]:
    """The differences as people see those of two versions; of a row that cannot be read a note says so."""
    return tuple(_shown_change(drift) for drift in found)


# -- comparing


class _Unpaired(NamedTuple):
    known: list[PairedRow[LineItem | Problem | None]]
    found: list[PairedRow[LineItem | Problem]]
    by_hand: list[PairedRow[LineItem]]


def _unpaired(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> _Unpaired:
    """What is left over once all that says the same is taken out."""
    known, found = list(_known(invoice)), [PairedRow(sheet_row(each), each) for each in rows]
    by_hand = [PairedRow(sheet_row(line), line) for line in invoice.lines if line.source is None]
    same(known, found)
    same(by_hand, found)
    return _Unpaired(known, found, by_hand)


def _known(invoice: Invoice) -> Iterator[PairedRow[LineItem | Problem | None]]:
    """The rows that the invoice accounts for. Of rows alike, those that are billed as they are come first.

    The first are matched first: if one of two rows alike is gone, it was the one that a reviewer took back.
    """
    items: tuple[LineItem | Problem, ...] = (*invoice.lines, *invoice.problems)
    for each in sorted(items, key=lambda item: isinstance(item, LineItem) and item.in_sheet is not None):
        row = invoice.in_sheet(each)
        if row is not None:
            yield PairedRow(row, each)
    for row in invoice.left_out:
        yield PairedRow(row, None)


def _matters(drift: SheetChange) -> bool:
    """Not if the sheet says by now what the invoice says anyway, nor if what is gone was not billed."""
    if drift.line is None or drift.row is None:
        return drift.line is not drift.row
    return _shown(drift.line) != _shown(drift.row)


def _shown(item: LineItem | Problem) -> Hashable:
    return item.description.strip(), item.raw if isinstance(item, Problem) else item.amount_minor


def _row_number(drift: SheetChange) -> int:
    item = drift.row or drift.line
    return item.source.row if item and item.source else 0


def _minor(item: LineItem | Problem | None) -> int:
    return item.amount_minor if isinstance(item, LineItem) else 0


def _shown_change(drift: SheetChange) -> LineChange:
    line, row = drift.line, drift.row
    item = row or line
    assert item is not None
    if isinstance(row, Problem):
        return LineChange(line_id=row.line_id, note=f"row {row.source.row} cannot be read: {row.raw or 'it is empty'}")
    before = line if isinstance(line, LineItem) else None
    if row is None and before is None:
        return LineChange(line_id=item.line_id, note=f"a row that could not be read is gone: {item.description}")
    return LineChange(line_id=item.line_id, before=before, after=row)
