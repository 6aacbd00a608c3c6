"""What differs between two versions of an invoice, line by line; and what a corrected notice corrects."""

from collections.abc import Sequence
from typing import Protocol

from billing.invoice import Invoice, LineItem
from billing.model import Instant, Model


class LineChange(Model):
    """A line that is not the same in both; ``before`` is None for an added one, ``after`` for a removed one.

    A row that could not be read has no amount to compare: ``note`` says what became of it.
    """

    line_id: str
    before: LineItem | None = None
    after: LineItem | None = None
    note: str = ""


def difference(before: Invoice, after: Invoice) -> tuple[LineChange, ...]:
    """The lines that differ, in the order of ``after``, then those that are gone; not balance and total."""
    old, new = ({line.line_id: line for line in invoice.lines} for invoice in (before, after))
    unread, unreadable = ({each.line_id: each for each in invoice.problems} for invoice in (before, after))
    changes = [
        LineChange(
            line_id=name,
            before=old.get(name),
            after=new.get(name),
            note=f"was unreadable: {unread[name].raw}" if name in unread else "",
        )
        for name in [*new, *(name for name in old if name not in new)]
        if (told := old.get(name)) is None or name not in new or _shown(told) != _shown(new[name])
    ]
    removed = [name for name in unread if name not in new and name not in unreadable]
    return (
        *changes,
        *(LineChange(line_id=name, note=f"unreadable row removed: {unread[name].raw}") for name in removed),
    )


def _shown(line: LineItem) -> tuple[str, int]:
    return line.description, line.amount_minor


class Correction(Model):
    """What the customer was told before, by the last notice that reached the same address, and what has changed since.

    ``changes`` is None if the ledger does not have the version that was told; only the totals can be compared then.
    """

    told_at: Instant
    told_minor: int
    changes: tuple[LineChange, ...] | None = None


class _Version(Protocol):
    @property
    def at(self) -> Instant: ...

    @property
    def invoice(self) -> Invoice: ...


def correction(told_at: Instant, told_minor: int, versions: Sequence[_Version], now: Invoice) -> Correction:
    """Against the version that was current at ``told_at`` and came to ``told_minor``."""
    told = [each.invoice for each in versions if each.at <= told_at and each.invoice.total_minor == told_minor]
    changes = difference(told[-1], now) if told else None
    return Correction(told_at=told_at, told_minor=told_minor, changes=changes)
