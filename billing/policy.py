"""Flags: what reviewers look at first."""

from enum import StrEnum

from billing.month import Month


class Flag(StrEnum):
    FIRST = "first"
    CHANGED = "changed"
    LARGE = "large"
    UNREADABLE = "unreadable"
    EDITED = "edited"
    HALTED = "halted"


def flags(month: Month) -> tuple[Flag, ...]:
    found = {
        Flag.UNREADABLE: month.invoice is not None and bool(month.invoice.problems),
        Flag.EDITED: bool(month.last_editor),
        Flag.HALTED: month.hold is not None,
    }
    return tuple(flag for flag, holds in found.items() if holds)
