"""The differences between two versions of an invoice, line by line."""

from billing.invoices.invoice import Invoice, LineItem
from billing.model import Code, Instant, Minor, Model, Rows, Words


class LineChange(Model):
    """A line that differs; ``before`` is None for an added one, ``after`` for a removed one.

    ``note`` is about a row that could not be read, and so has no amount to compare.
    """

    line_id: Code
    before: LineItem | None = None
    after: LineItem | None = None
    note: Words = ""


def difference(before: Invoice, after: Invoice) -> tuple[LineChange, ...]:
    """The lines that differ, in the order of ``after``, then the removed ones; not balance and total."""
    old, new = ({line.line_id: line for line in invoice.lines} for invoice in (before, after))
    unread, unreadable = ({row.line_id: row for row in invoice.problems} for invoice in (before, after))
    changes = [
        LineChange(
            line_id=name,
            before=old.get(name),
            after=new.get(name),
            note=f"was unreadable: {unread[name].raw}" if name in unread else "",
        )
        for name in [*new, *(name for name in old if name not in new)]
        if name not in old or name not in new or _shown(old[name]) != _shown(new[name])
    ]
    removed = [name for name in unread if name not in new and name not in unreadable]
    return (
        *changes,
        *(LineChange(line_id=name, note=f"unreadable row removed: {unread[name].raw}") for name in removed),
    )


def _shown(line: LineItem) -> tuple[str, int]:
    return line.description, line.amount_minor


class Correction(Model):
    """When the last delivered notice was sent, its total in minor units, and the changes since.

    ``changes`` is None if the ledger lacks the version that was announced; then only the totals can be compared.
    """

    told_at: Instant
    told_minor: Minor
    changes: Rows[LineChange] | None = None
