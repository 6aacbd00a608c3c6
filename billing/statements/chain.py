"""The chain of an account's statements: each begins with the balance at which the one before has ended."""

from collections.abc import Iterable
from datetime import date, timedelta
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
    """The gaps, oldest first. Files without balances, or within days that others cover, are not looked at."""
    found: list[Gap] = []
    reached: FileHead | None = None
    for file in sorted((file for file in files if _is_dated(file)), key=_in_turn):
        since, until = _in_turn(file)[:2]
        if reached is not None and since > _in_turn(reached)[1] and file.opening_minor != reached.closing_minor:
            found.append(Gap(_in_turn(reached)[1], since, reached.closing_minor or 0, file.opening_minor or 0))
        if reached is None or until >= _in_turn(reached)[1]:
            reached = file
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


def _is_dated(file: FileHead) -> bool:
    balances = file.opening_minor, file.closing_minor
    return None not in balances and file.since is not None and file.until is not None and file.done_at is not None


def _in_turn(file: FileHead) -> tuple[date, date, int]:
    return file.since or date.min, file.until or date.min, file.lines
