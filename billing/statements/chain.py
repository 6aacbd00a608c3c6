"""The chain of an account's statements: each begins with the balance at which the one before has ended."""

from collections.abc import Iterable
from datetime import date, timedelta
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
        lost = [file for file in day if file.opening_minor != start and not _goes_on(file, day)]
        found += [Gap(since, since, start, file.opening_minor or 0) for file in lost]
        last = max(day, key=lambda file: (file.until, not _is_followed(file, day), file.lines))
        if reached is None or _in_turn(last)[1] >= _in_turn(reached)[1]:
            reached = last
    return found


def parts_beside(head: FileHead, files: Iterable[FileHead]) -> set[str]:
    """The digests of files that are other parts of the day: each begins with the balance at which another ends.

    None of their lines is one of this file's. A file that begins or ends as this one does may have the same lines.
    """
    others = [file for file in files if _is_of_a_day(file) and _is_other_part(head, file)]
    found: set[str] = set()
    reached = [head] if _is_of_a_day(head) else []
    while reached:
        part = reached.pop()
        fresh = [file for file in others if file.digest not in found and (_follows(part, file) or _follows(file, part))]
        found |= {file.digest for file in fresh}
        reached += fresh
    return found


def parts_within(head: FileHead, files: Iterable[FileHead]) -> set[str]:
    """The digests of files whose lines this one has, too: they begin as it does, end no later, and have no more."""
    if head.opening_minor is None or head.until is None:
        return set()
    found = [file for file in files if (file.opening_minor, file.since) == (head.opening_minor, head.since)]
    ended = [file for file in found if file.until is not None and file.until <= head.until]
    return {file.digest for file in ended if file.digest != head.digest and file.lines <= head.lines}


def same_as(head: FileHead, files: Iterable[FileHead]) -> FileHead | None:
    """A file that is in and has the same balances and last day, and no fewer lines: it had all lines of this one."""
    if head.opening_minor is None or head.closing_minor is None:
        return None
    ends = head.opening_minor, head.closing_minor, head.until
    alike = [file for file in files if (file.opening_minor, file.closing_minor, file.until) == ends]
    is_in = (file for file in alike if file.done_at and file.digest != head.digest and file.lines >= head.lines)
    return next(is_in, None)


def _is_of_a_day(file: FileHead) -> bool:
    has_balances = file.opening_minor is not None and file.closing_minor is not None
    is_dated = file.since is not None and file.until is not None
    return has_balances and is_dated and _in_turn(file)[1] - _in_turn(file)[0] <= timedelta(days=1)


def _is_other_part(head: FileHead, file: FileHead) -> bool:
    return (
        file.digest != head.digest
        and head.opening_minor != file.opening_minor
        and (head.closing_minor != file.closing_minor)
    )


def _follows(first: FileHead, second: FileHead) -> bool:
    return first.closing_minor == second.opening_minor and first.until == second.since


def _start(day: list[FileHead]) -> MinorSum:
    """The balance with which the day begins, in whatever parts its files are."""
    first = [file for file in day if not _goes_on(file, day)]
    return (first or day)[0].opening_minor or 0


def _goes_on(file: FileHead, day: list[FileHead]) -> bool:
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
