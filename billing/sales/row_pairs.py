"""Matches rows of two states of a sheet: by what they say before where they stand. One rule for every comparison."""

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


def take_same(billed: list[PairedRow[Known]], read: list[PairedRow[Found]]) -> list[tuple[Known, Found]]:
    """Takes rows that say the same out of both lists, wherever they stand, and returns them as pairs."""
    return _take(billed, read, _content)


def take_changed(billed: list[PairedRow[Known]], read: list[PairedRow[Found]]) -> list[tuple[Known, Found]]:
    """Takes out pairs that may be one row, changed: by words and place, else by words, else by place.

    Call ``take_same`` first.
    """
    return [pair for key in (_words_and_place, _words, _place) for pair in _take(billed, read, key)]


def sheet_row(line: LineItem | Problem) -> SheetRow:
    """``line``, as it was read from the sheet."""
    number = line.source.row if line.source else 0
    if isinstance(line, Problem):
        return SheetRow(row=number, description=line.description, raw=line.raw)
    return SheetRow(row=number, description=line.description, amount_minor=line.amount_minor)


def _take(
    billed: list[PairedRow[Known]], read: list[PairedRow[Found]], key: Callable[[SheetRow], Hashable]
) -> list[tuple[Known, Found]]:
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index in range(len(read) - 1, -1, -1):
        places[key(read[index].row)].append(index)
    pairs, unpaired, paired = [], [], set()
    for entry in billed:
        if indexes := places[key(entry.row)]:
            index = indexes.pop()
            paired.add(index)
            pairs.append((entry.item, read[index].item))
        else:
            unpaired.append(entry)
    billed[:] = unpaired
    read[:] = [entry for index, entry in enumerate(read) if index not in paired]
    return pairs


def _content(row: SheetRow) -> Hashable:
    return row.amount_minor, row.raw, _words(row)


def _words(row: SheetRow) -> Hashable:
    return row.description.strip()


def _words_and_place(row: SheetRow) -> Hashable:
    return _words(row), row.row


def _place(row: SheetRow) -> Hashable:
    return row.row
