"""What differs between two versions of an invoice, line by line; and what a corrected notice corrects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.address import email_key
from billing.invoice import Invoice, LineItem
from billing.model import Code, Instant, Minor, Model, Rows, Words

if TYPE_CHECKING:
    from billing.ports import MessageRow, VersionRow


class LineChange(Model):
    """A line that is not the same in both; ``before`` is None for an added one, ``after`` for a removed one.

    A row that could not be read has no amount to compare: ``note`` says what became of it.
    """

    line_id: Code
    before: LineItem | None = None
    after: LineItem | None = None
    note: Words = ""


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
    """What a customer was told before, by the last notice that was delivered, and what has changed since.

    ``changes`` is None if the ledger does not have the version that was told; only the totals can be compared then.
    """

    told_at: Instant
    told_minor: Minor
    changes: Rows[LineChange] | None = None


def _is_to(message: "MessageRow", to: str) -> bool:
    return not to or email_key(message.recipient) == email_key(to)


def correction(
    invoice: Invoice, messages: "Sequence[MessageRow]", versions: "Sequence[VersionRow]", to: str = ""
) -> Correction | None:
    """What a mail about ``invoice`` corrects; None if no notice of the month was delivered (to the address ``to``).

    Who has another address since gets the next notice like a first one: what the old address was told is not theirs.
    """
    notices = [row for row in messages if row.kind == "notice" and row.status == "sent" and _is_to(row, to)]
    if not notices:
        return None
    last = max(notices, key=lambda row: row.at)
    told_minor = last.total_minor or 0
    told = [each.invoice for each in versions if each.at <= last.at and each.invoice.total_minor == told_minor]
    changes = difference(told[-1], invoice) if told else None
    return Correction(told_at=last.at, told_minor=told_minor, changes=changes)
