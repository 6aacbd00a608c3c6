"""The chain of an account's statements: each begins with the balance at which the one before has ended."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import NamedTuple

from billing.model import MinorSum
from billing.statements.outcomes import FileHead


class Gap(NamedTuple):
    """Between two statements lines are missing: the second does not begin with the balance of the first."""

    after: date
    before: date
    closing_minor: MinorSum
    opening_minor: MinorSum


def gaps(files: Iterable[FileHead]) -> list[Gap]:
    """The gaps, oldest first; within a day, too. Files without balances, or that begin within the days of another, are
    not looked at.
    """
    found: list[Gap] = []
    reached: FileHead | None = None
    dated = sorted((file for file in files if _is_dated(file)), key=_in_turn)
    for since, group in groupby(dated, key=lambda file: _in_turn(file)[0]):
        day = list(group)
        start = _start(day)
        if reached is not None and since > _in_turn(reached)[1]:
            if all(file.opening_minor != reached.closing_minor for file in day):
                found.append(Gap(_in_turn(reached)[1], since, reached.closing_minor or 0, start))
            else:
                start = reached.closing_minor or 0
        lost = [file for file in day if file.opening_minor != start and not _follows(file, day)]
        found += [Gap(since, since, start, file.opening_minor or 0) for file in lost]
        last = max(day, key=lambda file: (file.until, not _is_followed(file, day), file.lines))
        if reached is None or _in_turn(last)[1] >= _in_turn(reached)[1]:
            reached = last
    return found


def _start(day: list[FileHead]) -> MinorSum:
    """The balance with which the day begins, in whatever parts its files are."""
    first = [file for file in day if not _follows(file, day)]
    return (first or day)[0].opening_minor or 0


def _follows(file: FileHead, day: list[FileHead]) -> bool:
    """Whether it goes on where another file of the day has ended."""
    others = [other for other in day if other is not file and other.until == other.since]
    return any(other.closing_minor == file.opening_minor for other in others)


def _is_followed(file: FileHead, day: list[FileHead]) -> bool:
    return any(other.opening_minor == file.closing_minor for other in day if other is not file)


def _is_dated(file: FileHead) -> bool:
    balances = file.opening_minor, file.closing_minor
    return None not in balances and file.since is not None and file.until is not None and file.done_at is not None


def _in_turn(file: FileHead) -> tuple[date, date, int]:
    return file.since or date.min, file.until or date.min, file.lines
