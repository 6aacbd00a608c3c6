"""What is overdue, added up anew from the journal's entries until one of its positions."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from billing.receivables.journal import AccountKind, Cause
from billing.receivables.listing import JournalRow

_ORDERED = ("order ", "fee ")


class OverdueMoney:
    """One customer's account. An order, or a fee of one, is never overdue; credit counts against what is."""

    def __init__(self) -> None:
        self._owed = Counter[tuple[str, str]]()  # by currency and subject
        self._credit = Counter[str]()
        self._due: dict[tuple[str, str], datetime] = {}

    def read(self, row: JournalRow) -> None:
        if row.kind is AccountKind.CREDIT:
            self._credit[row.currency] += row.amount_minor
            return
        name = (row.currency, row.subject or "")
        self._owed[name] += row.amount_minor
        if row.cause is Cause.NOTICE and row.due_at is not None:
            self._due[name] = row.due_at
        elif row.cause is Cause.VOID:
            self._due.pop(name, None)

    def at(self, instant: datetime) -> dict[str, int]:
        """By currency, above 0."""
        sums = Counter[str]()
        for (currency, subject), minor in self._owed.items():
            if subject.startswith(_ORDERED):
                counts = minor < 0
            else:
                due_at = self._due.get((currency, subject))
                counts = minor < 0 or (due_at is not None and due_at <= instant)
            sums[currency] += minor if counts else 0
        for currency, minor in self._credit.items():
            sums[currency] += min(0, minor)
        return {currency: minor for currency, minor in sums.items() if minor > 0}


def overdue_after(money: Iterable[JournalRow], position: int, instant: datetime) -> dict[str, int]:
    """What was overdue at ``instant``, by the entries until ``position``."""
    account = OverdueMoney()
    for row in money:
        if row.number <= position:
            account.read(row)
    return account.at(instant)


def relieving(money: Iterable[JournalRow]) -> list[tuple[int, int, datetime]]:
    """Where less is owed, or credit is more: first and last position of what was written at one instant, and that."""
    found = []
    for at, group in groupby(money, key=attrgetter("at")):
        rows = list(group)
        if any(row.amount_minor < 0 for row in rows):
            found.append((rows[0].number, rows[-1].number, at))
    return found
