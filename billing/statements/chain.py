"""The chain of an account's statements: each begins with the balance at which the one before has ended."""

from collections.abc import Iterable
from datetime import date
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


def _is_dated(file: FileHead) -> bool:
    balances = file.opening_minor, file.closing_minor
    return None not in balances and file.since is not None and file.until is not None and file.done_at is not None


def _in_turn(file: FileHead) -> tuple[date, date, int]:
    return file.since or date.min, file.until or date.min, file.lines
