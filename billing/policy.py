"""What is unusual about a month, and whether somebody has to approve it before it is announced: the customer's terms.

``Month`` asks here, so this module knows it by name only.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from billing.customer import ReviewMode
from billing.late import is_late

if TYPE_CHECKING:
    from billing.month import Month


class Flag(StrEnum):
    """What reviewers look at first; ``Terms.approve_when`` may name those of ``billing.customer.Trigger``."""

    FIRST = "first"  # nothing was ever billed to this customer before
    CHANGED = "changed"  # the month's own sales differ from the usual by more than a percentage
    LARGE = "large"  # the total is above an amount
    UNREADABLE = "unreadable"
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
        Flag.SHEET: bool(month.drift or month.remark) or _has_late_lines(month),
        Flag.EDITED: bool(month.last_editor),
        Flag.HALTED: halted,
    }
    return tuple(flag for flag, is_so in holds.items() if is_so)


def needs_approval(month: "Month") -> bool:
    """Whether the draft as it stands may be announced only once somebody has approved it."""
    terms = month.customer.terms
    return terms.review_mode is not ReviewMode.MONITOR or not set(terms.approve_when).isdisjoint(flags(month))


def _has_late_lines(month: "Month") -> bool:
    assert month.invoice is not None
    lines, problems = month.invoice.lines, month.invoice.problems
    sources = [*(line.source for line in lines), *(problem.source for problem in problems)]
    return any(source is not None and is_late(source, month.period) for source in sources)


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
