"""The flags of a draft, and whether the customer's terms demand an approval before it is announced."""

from enum import StrEnum

from billing.customers.customer import ReviewMode
from billing.invoices.invoice import Invoice
from billing.invoices.month_fields import MonthFields


class Flag(StrEnum):
    """A remarkable trait of a draft. ``Terms.approve_when`` names those of ``billing.customers.customer.Trigger``."""

    FIRST = "first"  # nothing was ever billed to this customer before
    CHANGED = "changed"  # the month's own sales differ from the usual by more than a percentage
    LARGE = "large"  # the total is above an amount
    UNREADABLE = "unreadable"
    ADDRESS = "address"  # rows are under a former address of the customer; always demands an approval
    SHEET = "sheet"  # the sheet of this month or of the one before has changed since its import
    EDITED = "edited"
    HALTED = "halted"  # by a person, or by the emergency brake


def flags(month: MonthFields) -> tuple[Flag, ...]:
    """The month's flags, in the order of ``Flag``; a month without a draft can only be halted."""
    halted = not month.is_closed and bool(month.halt or month.brake)
    invoice, limit_minor = month.invoice, month.customer.terms.unusual_above_minor
    if invoice is None:
        return (Flag.HALTED,) if halted else ()
    has_late_lines = any(source.is_late(month.period) for source in invoice.sources)
    raised = {
        Flag.FIRST: month.first and bool(invoice.lines),
        Flag.CHANGED: _has_changed(month, invoice),
        Flag.LARGE: limit_minor is not None and invoice.total_minor > limit_minor,
        Flag.UNREADABLE: bool(invoice.problems),
        Flag.ADDRESS: bool(invoice.former_rows),
        Flag.SHEET: bool(month.drift or month.remark) or has_late_lines,
        Flag.EDITED: month.last_editor is not None,
        Flag.HALTED: halted,
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)


def needs_approval(month: MonthFields) -> bool:
    """Whether somebody has to approve the draft, as it stands, before it is announced."""
    terms = month.customer.terms
    demanding = {*terms.approve_when, Flag.ADDRESS}
    return terms.review_mode is not ReviewMode.MONITOR or not demanding.isdisjoint(flags(month))


def _has_changed(month: MonthFields, invoice: Invoice) -> bool:
    percent, usual = month.customer.terms.unusual_change_percent, month.usual_minor
    is_entered = month.customer.terms.review_mode is not ReviewMode.MANUAL or month.last_editor is not None
    if percent is None or not usual or not is_entered:
        return False
    return abs(invoice.sales_minor - usual) * 100 > percent * usual
