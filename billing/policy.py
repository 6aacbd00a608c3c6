"""What is unusual about a month, and whether somebody has to approve it before it is announced: the customer's terms.

``Month`` asks here, so this module knows it by name only.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from billing.customer import ReviewMode
from billing.invoice import Invoice, LineItem, Problem, Source
from billing.late import is_late

if TYPE_CHECKING:
    from billing.month import Month


class Flag(StrEnum):
    """What reviewers look at first; ``Terms.approve_when`` may name those of ``billing.customer.Trigger``."""

    FIRST = "first"  # nothing was ever billed to this customer before
    CHANGED = "changed"  # the month's own sales differ from the usual by more than a percentage
    LARGE = "large"  # the total is above an amount
    UNREADABLE = "unreadable"
    ADDRESS = "address"  # rows are under an address that the customer had before; always demands an approval
    SHEET = "sheet"  # it was changed after a collection: of this month, or of the month before
    EDITED = "edited"
    HALTED = "halted"  # by a person, or by the emergency brake


def flags(month: "Month") -> tuple[Flag, ...]:
    """All that holds of the month, in the order of ``Flag``; a month without a draft can only be halted."""
    halted = month.outcome is None and bool(month.hold or month.brake)
    invoice = month.invoice
    if invoice is None:
        return (Flag.HALTED,) if halted else ()
    holds = {
        Flag.FIRST: month.first and bool(invoice.lines),
        Flag.CHANGED: _has_changed(month),
        Flag.LARGE: _is_large(month),
        Flag.UNREADABLE: bool(invoice.problems),
        Flag.ADDRESS: bool(former_rows(invoice)),
        Flag.SHEET: bool(month.drift or month.remark) or _has_late_lines(month),
        Flag.EDITED: bool(month.last_editor),
        Flag.HALTED: halted,
    }
    return tuple(flag for flag, is_so in holds.items() if is_so)


def needs_approval(month: "Month") -> bool:
    """Whether the draft as it stands may be announced only once somebody has approved it."""
    terms = month.customer.terms
    demanding = {*terms.approve_when, Flag.ADDRESS}
    return terms.review_mode is not ReviewMode.MONITOR or not demanding.isdisjoint(flags(month))


def former_rows(invoice: Invoice) -> tuple[int, ...]:
    """The rows of the invoice that are under an address which the customer had before."""
    return tuple(source.row for source in _sources(invoice) if source.former_address)


def _sources(invoice: Invoice) -> list[Source]:
    items: tuple[LineItem | Problem, ...] = (*invoice.lines, *invoice.problems)
    return [item.source for item in items if item.source is not None]


def _has_late_lines(month: "Month") -> bool:
    assert month.invoice is not None
    return any(is_late(source, month.period) for source in _sources(month.invoice))


def _has_changed(month: "Month") -> bool:
    assert month.invoice is not None
    percent, usual = month.customer.terms.unusual_change_percent, month.usual_minor
    is_entered = month.customer.terms.review_mode is not ReviewMode.MANUAL or bool(month.last_editor)
    if percent is None or not usual or not is_entered:
        return False
    return abs(month.invoice.sales_minor - usual) * 100 > percent * usual


def _is_large(month: "Month") -> bool:
    assert month.invoice is not None
    above = month.customer.terms.unusual_above_minor
    return above is not None and month.invoice.total_minor > above
