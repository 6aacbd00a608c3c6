"""Matches rows of two states of a sheet: by content first, then by place. One rule for every comparison."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from billing.invoices.invoice import SheetRow

Item = TypeVar("Item")
Known = TypeVar("Known")
Found = TypeVar("Found")


class PairedRow(NamedTuple, Generic[Item]):
    """A row of the sheet, and the item that stands for it."""

    row: SheetRow
    item: Item


def take_same(billed: list[PairedRow[Known]], read: list[PairedRow[Found]]) -> list[tuple[Known, Found]]:
    """Takes rows with equal content out of both lists, wherever they stand, and returns them as pairs."""
    return _take(billed, read, _content)


def take_changed(billed: list[PairedRow[Known]], read: list[PairedRow[Found]]) -> list[tuple[Known, Found]]:
    """Takes out pairs that are one changed row: by description and place, else by description, else by place.

    Call ``take_same`` first.
    """
    keys: tuple[Callable[[SheetRow], Hashable], ...] = (
        lambda row: (_description(row), row.row),
        _description,
        lambda row: row.row,
    )
    return [pair for key in keys for pair in _take(billed, read, key)]


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
    return row.amount_minor, row.raw, _description(row)


def _description(row: SheetRow) -> str:
    return row.description.strip()
