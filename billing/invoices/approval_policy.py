"""What is unusual about a month, and whether it needs an approval before it is announced: the customer's terms."""

from enum import StrEnum
from typing import Protocol

from billing.customers.customer import Customer, ReviewMode
from billing.invoices.invoice import Invoice
from billing.period import Period


class Draft(Protocol):
    """What the policy looks at: a month, which asks here."""

    @property
    def customer(self) -> Customer: ...
    @property
    def period(self) -> Period: ...
    @property
    def invoice(self) -> Invoice | None: ...
    @property
    def first(self) -> bool: ...
    @property
    def usual_minor(self) -> int | None: ...
    @property
    def last_editor(self) -> str | None: ...
    @property
    def drift(self) -> str | None: ...
    @property
    def remark(self) -> str | None: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def halt(self) -> object | None: ...
    @property
    def brake(self) -> object | None: ...


class Flag(StrEnum):
    """What reviewers look at first; ``Terms.approve_when`` may name those of ``billing.customers.customer.Trigger``."""

    FIRST = "first"  # nothing was ever billed to this customer before
    CHANGED = "changed"  # the month's own sales differ from the usual by more than a percentage
    LARGE = "large"  # the total is above an amount
    UNREADABLE = "unreadable"
    ADDRESS = "address"  # rows are under an address that the customer had before; always demands an approval
    SHEET = "sheet"  # it was changed after a collection: of this month, or of the month before
    EDITED = "edited"
    HALTED = "halted"  # by a person, or by the emergency brake


def flags(month: Draft) -> tuple[Flag, ...]:
    """All that holds of the month, in the order of ``Flag``; a month without a draft can only be halted."""
    halted = not month.is_closed and bool(month.halt or month.brake)
    invoice = month.invoice
    if invoice is None:
        return (Flag.HALTED,) if halted else ()
    holds = {
        Flag.FIRST: month.first and bool(invoice.lines),
        Flag.CHANGED: _has_changed(month),
        Flag.LARGE: _is_large(month),
        Flag.UNREADABLE: bool(invoice.problems),
        Flag.ADDRESS: bool(invoice.former_rows),
        Flag.SHEET: bool(month.drift or month.remark) or _has_late_lines(month),
        Flag.EDITED: month.last_editor is not None,
        Flag.HALTED: halted,
    }
    return tuple(flag for flag, is_so in holds.items() if is_so)


def needs_approval(month: Draft) -> bool:
    """Whether the draft as it stands may be announced only once somebody has approved it."""
    terms = month.customer.terms
    demanding = {*terms.approve_when, Flag.ADDRESS}
    return terms.review_mode is not ReviewMode.MONITOR or not demanding.isdisjoint(flags(month))


def _has_late_lines(month: Draft) -> bool:
    assert month.invoice is not None
    return any(source.is_late(month.period) for source in month.invoice.sources)


def _has_changed(month: Draft) -> bool:
    assert month.invoice is not None
    percent, usual = month.customer.terms.unusual_change_percent, month.usual_minor
    is_entered = month.customer.terms.review_mode is not ReviewMode.MANUAL or month.last_editor is not None
    if percent is None or not usual or not is_entered:
        return False
    return abs(month.invoice.sales_minor - usual) * 100 > percent * usual


def _is_large(month: Draft) -> bool:
    assert month.invoice is not None
    above = month.customer.terms.unusual_above_minor
    return above is not None and month.invoice.total_minor > above
