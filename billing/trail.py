"""What was said to a value in a workflow, entry by entry: whole until the ledger has it, and never more than fits.

A workflow takes whatever arrives, thousands of signals before the ledger answers once. The effect of each always
counts; of its entry less is kept when there is much that is not on record yet.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, Self, TypeVar

TRAIL_MAX_BYTES = 400_000
"""Up to this, entries are whole; an edit whose entry would not fit is refused."""
KEPT_MAX_BYTES = 100_000
"""Of entries that the ledger has."""
_IN_SHORT_MAX_BYTES = 150_000
"""Of entries in short beyond ``TRAIL_MAX_BYTES``; after that, the next one takes the place of the last one."""


class TrailEntry(Protocol):
    @property
    def size_bytes(self) -> int: ...

    @property
    def number(self) -> int: ...

    def in_short(self) -> Self:
        """Who, what and its answer, with little of the words."""


E = TypeVar("E", bound=TrailEntry)


def size_of(trail: Sequence[TrailEntry]) -> int:
    """What the entries take in a payload, in bytes."""
    return sum(entry.size_bytes for entry in trail)


def appended(trail: tuple[E, ...], entry: E) -> tuple[E, ...]:
    """The trail with one more entry."""
    room = TRAIL_MAX_BYTES - size_of(trail)
    if entry.size_bytes <= room:
        return (*trail, entry)
    short = entry.in_short()
    if short.size_bytes <= room + _IN_SHORT_MAX_BYTES:
        return (*trail, short)
    return (*trail[:-1], short)


def carried_over(trail: Sequence[E], recorded: int, most: int) -> Iterator[E]:
    """What is carried on once the ledger has the first ``recorded`` entries: of those the newest, ``most`` of them."""
    room, kept = KEPT_MAX_BYTES, []
    for entry in reversed(trail):
        if entry.number <= recorded:
            room -= entry.size_bytes
            if room < 0 or entry.number <= recorded - most:
                break
        kept.append(entry)
    return reversed(kept)
