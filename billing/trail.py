"""The audit trail in a workflow's value: entries are whole until the ledger has them, as far as there is room.

Thousands of signals may arrive before the ledger answers once. Each of them takes effect; only its entry is shortened
or replaced when too much is unrecorded.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, Self, TypeVar

TRAIL_MAX_BYTES = 400_000
"""Limit of whole entries; an edit with an entry that would not fit is refused."""
KEPT_MAX_BYTES = 100_000
"""Limit of entries that the ledger has."""
_IN_SHORT_MAX_BYTES = 150_000
"""Limit of shortened entries, beyond ``TRAIL_MAX_BYTES``; after that, each entry replaces the one before."""


class TrailEntry(Protocol):
    @property
    def size_bytes(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def command_id(self) -> str: ...
    @property
    def content(self) -> str: ...
    def in_short(self) -> Self:
        """The entry with its texts cut short."""


E = TypeVar("E", bound=TrailEntry)


def size_of(trail: Sequence[TrailEntry]) -> int:
    """Size of the entries in a payload, in bytes."""
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
    """The entries after the first ``recorded``, which the ledger has, and the newest of those: at most ``most``."""
    room, newest = KEPT_MAX_BYTES, []
    for entry in reversed(trail):
        if entry.number <= recorded:
            room -= entry.size_bytes
            if room < 0 or entry.number <= recorded - most:
                break
        newest.append(entry)
    return reversed(newest)
