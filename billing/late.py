"""Sales that were added, changed or removed after the collection: what differs, and what becomes of it.

Compared is the sheet as it is with what the invoice says the sheet said, not one reading with another: a reviewer may
have billed a row otherwise. So what is added to what was billed is what the sheet says now, and nothing is added twice.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from billing.difference import LineChange
from billing.invoice import (
    AddLine,
    Change,
    ChangeLine,
    Invoice,
    LineItem,
    Problem,
    RemoveLine,
    SalesSeen,
    SheetRow,
    Source,
)
from billing.messages import CHANGES_MAX
from billing.model import Model
from billing.money import format_amount
from billing.period import Period

_DESCRIPTION_MAX = 500


class Drift(Model):
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


class Compared(Model):
    """An invoice held against the sheet: how they differ, and which state of the sheet that was."""

    drifts: tuple[Drift, ...] = ()
    sales: SalesSeen


def drifts(invoice: Invoice, rows: Sequence[LineItem | Problem]) -> tuple[Drift, ...]:
    """How ``rows``, all of the customer's as the sheet has them now, differ from those that ``invoice`` accounts for.

    Rows are the same if amount and description are: where they stand, and in which order, does not matter. What is
    left over of both is one row that was changed if it has the same description or the same place. A line that a
    reviewer has added is taken for a new row of the same amount and description.
    """
    known, found = list(_known(invoice)), [_Entry(sheet_row(each), each) for each in rows]
    _take_pairs(known, found, _content)
    _take_pairs([_Entry(sheet_row(line), line) for line in invoice.lines if line.source is None], found, _content)
    changed = [pair for same in (_words_and_place, _words, _place) for pair in _take_pairs(known, found, same)]
    every = [
        *(Drift(line=line.item, row=row.item) for line, row in changed),
        *(Drift(line=line.item) for line in known),
        *(Drift(row=row.item) for row in found),
    ]
    return tuple(sorted(filter(_matters, every), key=_row_number))


def sheet_row(line: LineItem | Problem) -> SheetRow:
    """``line``, as it was read from the sheet."""
    number = line.source.row if line.source else 0
    if isinstance(line, Problem):
        return SheetRow(row=number, description=line.description, raw=line.raw)
    return SheetRow(row=number, description=line.description, amount_minor=line.amount_minor)


def refreshing(found: Sequence[Drift], digest: str) -> tuple[Change, ...]:
    """The changes that bring the draft up to the sheet with this ``digest``, as many as fit into one edit.

    The sheet's amount wins over what a reviewer made of a row that has changed since; lines that reviewers added, and
    their edits of rows that are as they were, stay. A row that cannot be read by now is left as it is billed.
    """
    return tuple(change for drift in found for change in _change(drift, digest))[:CHANGES_MAX]


def adjustments(
    found: Sequence[Drift], period: Period, currency: str, by_hand: Sequence[LineItem] = ()
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The lines of a later invoice that make good what the one of ``period`` lacked, each with its source.

    A row that cannot be read by now becomes a problem: a person says what is still to be billed for it. So does a
    difference of just the amount of a line that people had added (``by_hand``): it may be the same sale or discount.
    """
    lines: list[LineItem] = []
    problems: list[Problem] = []
    for drift in found:
        if isinstance(drift.row, Problem):
            problems.append(_late_problem(drift, drift.row, period, currency))
        elif twin := next((line for line in by_hand if line.amount_minor == drift.amount_minor != 0), None):
            problems.append(_doubtful(_late_line(drift, period, currency), twin, currency))
        elif drift.amount_minor:
            lines.append(_late_line(drift, period, currency))
    return tuple(lines), tuple(problems)


def in_words(found: Sequence[Drift], currency: str) -> str:
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


def shown(found: Sequence[Drift]) -> tuple[LineChange, ...]:
    """The differences as people see those of two versions; of a row that cannot be read a note says so."""
    return tuple(_shown_change(drift) for drift in found)


def is_late(source: Source, period: Period) -> bool:
    """Whether a line of the invoice of ``period`` comes from another month's worksheet."""
    return source.sheet != period


# -- comparing


class _Entry(NamedTuple):
    """A row as the sheet has or had it, and what stands for it: on the invoice, or in the sheet."""

    row: SheetRow
    item: LineItem | Problem | None


def _known(invoice: Invoice) -> Iterator[_Entry]:
    """The rows that the invoice accounts for. Of rows alike, those that are billed as they are come first.

    The first are matched first: if one of two rows alike is gone, it was the one that a reviewer took back.
    """
    items: tuple[LineItem | Problem, ...] = (*invoice.lines, *invoice.problems)
    for each in sorted(items, key=lambda item: isinstance(item, LineItem) and item.in_sheet is not None):
        row = invoice.in_sheet(each)
        if row is not None:
            yield _Entry(row, each)
    for row in invoice.left_out:
        yield _Entry(row, None)


def _take_pairs(
    known: list[_Entry], found: list[_Entry], same: Callable[[SheetRow], Hashable]
) -> list[tuple[_Entry, _Entry]]:
    """Takes those out of both that are the ``same``, one by one, and answers them."""
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, entry in enumerate(found):
        places[same(entry.row)].append(index)
    pairs, left, taken = [], [], set()
    for entry in known:
        if indexes := places[same(entry.row)]:
            index = indexes.pop(0)
            taken.add(index)
            pairs.append((entry, found[index]))
        else:
            left.append(entry)
    known[:] = left
    found[:] = [entry for index, entry in enumerate(found) if index not in taken]
    return pairs


def _content(row: SheetRow) -> Hashable:
    return row.amount_minor, row.raw, _words(row)


def _words(row: SheetRow) -> Hashable:
    return row.description.strip()


def _words_and_place(row: SheetRow) -> Hashable:
    return _words(row), row.row


def _place(row: SheetRow) -> Hashable:
    return row.row


def _matters(drift: Drift) -> bool:
    """Not if the sheet says by now what the invoice says anyway, nor if what is gone was not billed."""
    if drift.line is None or drift.row is None:
        return drift.line is not drift.row
    return _shown(drift.line) != _shown(drift.row)


def _shown(item: LineItem | Problem) -> Hashable:
    return item.description.strip(), item.raw if isinstance(item, Problem) else item.amount_minor


def _row_number(drift: Drift) -> int:
    item = drift.row or drift.line
    return item.source.row if item and item.source else 0


def _minor(item: LineItem | Problem | None) -> int:
    return item.amount_minor if isinstance(item, LineItem) else 0


# -- what becomes of it


def _change(drift: Drift, digest: str) -> Iterator[Change]:
    line, row = drift.line, drift.row
    if isinstance(row, Problem):
        return
    if row is None:
        if line is not None and line.source is not None:
            yield RemoveLine(line_id=line.line_id, source=line.source.evolve(digest=digest))
        return
    said = {"description": row.description, "amount_minor": row.amount_minor, "source": row.source}
    if line is None:
        yield AddLine.model_validate(said)
    else:
        yield ChangeLine.model_validate({"line_id": line.line_id, **said})


def _late_line(drift: Drift, period: Period, currency: str) -> LineItem:
    item = drift.row or drift.line
    assert item is not None
    kind = "removed" if drift.row is None else "late"
    return LineItem(
        line_id=f"{kind}-{period}-{item.line_id}",
        description=_described(drift, period, currency),
        amount_minor=drift.amount_minor,
        source=item.source,
    )


def _late_problem(drift: Drift, row: Problem, period: Period, currency: str) -> Problem:
    billed = f"; {format_amount(_minor(drift.line), currency)} is billed for it: give the difference"
    reason = f"{row.reason}{billed if _minor(drift.line) else ''}"
    name = f"late-{period}-{row.line_id}"
    return row.evolve(line_id=name, description=_described(drift, period, currency), reason=reason)


def _doubtful(line: LineItem, twin: LineItem, currency: str) -> Problem:
    assert line.source is not None
    amount = format_amount(line.amount_minor, currency)
    reason = (
        f"it may be what people added by hand as “{twin.description}”: remove it, or give what is still to be billed"
    )
    return Problem(
        line_id=line.line_id,
        description=line.description,
        raw=amount,
        reason=reason[:_DESCRIPTION_MAX],
        source=line.source,
    )


def _shown_change(drift: Drift) -> LineChange:
    line, row = drift.line, drift.row
    item = row or line
    assert item is not None
    if isinstance(row, Problem):
        return LineChange(line_id=row.line_id, note=f"row {row.source.row} cannot be read: {row.raw or 'it is empty'}")
    before = line if isinstance(line, LineItem) else None
    if row is None and before is None:
        return LineChange(line_id=item.line_id, note=f"a row that could not be read is gone: {item.description}")
    return LineChange(line_id=item.line_id, before=before, after=row)


def _described(drift: Drift, period: Period, currency: str) -> str:
    """In the customer's own terms: the month, and the words of the row."""
    item = drift.row or drift.line
    assert item is not None
    what = {"added": "Late sale of", "changed": "Correction of", "removed": "Removed from"}[drift.kind]
    text = f"{what} {period}: {item.description}"
    if drift.kind == "changed" and isinstance(drift.line, LineItem) and isinstance(drift.row, LineItem):
        before, after = (format_amount(each.amount_minor, currency) for each in (drift.line, drift.row))
        amounts = f" ({after} instead of {before})"
        return f"{text[: _DESCRIPTION_MAX - len(amounts)]}{amounts}"
    return text[:_DESCRIPTION_MAX]
