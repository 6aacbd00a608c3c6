"""Which row of a sheet is which by now: one rule for whoever compares, by what rows say before where they stand."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from billing.invoices.invoice import LineItem, Problem, SheetRow

Item = TypeVar("Item")
Known = TypeVar("Known")
Found = TypeVar("Found")


class PairedRow(NamedTuple, Generic[Item]):
    """A row as the sheet has or had it, and what stands for it."""

    row: SheetRow
    item: Item


def same(known: list[PairedRow[Known]], found: list[PairedRow[Found]]) -> list[tuple[Known, Found]]:
    """Takes the rows out of both that say the same, wherever they stand, one by one in order, and answers them."""
    return _take(known, found, _content)


def changed(known: list[PairedRow[Known]], found: list[PairedRow[Found]]) -> list[tuple[Known, Found]]:
    """Takes those out that may be one row, changed: by words and place, else by words, else by place.

    Call ``same`` first.
    """
    return [pair for alike in (_words_and_place, _words, _place) for pair in _take(known, found, alike)]


def sheet_row(line: LineItem | Problem) -> SheetRow:
    """``line``, as it was read from the sheet."""
    number = line.source.row if line.source else 0
    if isinstance(line, Problem):
        return SheetRow(row=number, description=line.description, raw=line.raw)
    return SheetRow(row=number, description=line.description, amount_minor=line.amount_minor)


def _take(
    known: list[PairedRow[Known]], found: list[PairedRow[Found]], alike: Callable[[SheetRow], Hashable]
) -> list[tuple[Known, Found]]:
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index in range(len(found) - 1, -1, -1):
        places[alike(found[index].row)].append(index)
    pairs, left, taken = [], [], set()
    for entry in known:
        if indexes := places[alike(entry.row)]:
            index = indexes.pop()
            taken.add(index)
            pairs.append((entry.item, found[index].item))
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
