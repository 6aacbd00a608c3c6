"""What the journal says about a month: the transactions that follow from a change of it.

The draft takes over the customer's balance. The notice posts the bill, and one that no longer holds is reversed. A
month that closes without a charge leaves its total to the next draft.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.receivables.allocation import applied, balanced, paid_for
from billing.receivables.journal import (
    Balance,
    Cause,
    Entry,
    Subject,
    Transaction,
    billed,
    credit,
    moved,
    receivable,
)


class _Bill(NamedTuple):
    """A bill that counts: the month's own sales, and the balance that falls due with them."""

    notice: int
    sales_minor: int
    carried_minor: int
    due_at: datetime | None

    @property
    def total_minor(self) -> int:
        return self.sales_minor + self.carried_minor


class _Position(NamedTuple):
    """What of a month is in the journal. ``left_minor`` is left to the next draft; below 0 it is the customer's."""

    currency: str = ""
    carried_minor: int = 0
    bill: _Bill | None = None
    left_minor: int = 0


_NOTHING = _Position()


UNDOING = frozenset({Cause.VOID, Cause.SKIP, Cause.CARRY})
"""After these, money that has been paid may pay for nothing any more."""


def month_transactions(before: Month | None, after: Month, at: datetime) -> list[Transaction]:
    """The transactions of the change from the recorded month ``before`` to ``after``; none for a repeat."""
    was, now = _position(before), _position(after)
    steps = [(was, now)] if was.currency == now.currency else [(was, _NOTHING), (_NOTHING, now)]
    revisions = f"{before.revision if before else 0}-{after.revision}"
    return [
        Transaction(
            key=f"{after.customer_id} {after.period} {revisions} {cause} {of.currency}",
            cause=cause,
            at=at,
            customer_id=after.customer_id,
            entries=entries,
        )
        for of, to in steps
        for cause, entries in _changes(of, to, after.customer_id, Subject.month(after.period))
        if entries
    ]


def unknown_minor(before: Month | None, after: Month, balance: Balance) -> int:
    """How much of what the draft takes over is not in the customer's balance, in minor units; 0 if all of it is."""
    was, taken_minor = _position(before), _position(after).carried_minor
    there_minor = balance.carried_minor(after.currency)
    there_minor += was.carried_minor if was.currency == after.currency else 0  # given back by the draft before
    return taken_minor - max(min(there_minor, 0), min(taken_minor, max(there_minor, 0)))


def freed(month: Month, balance: Balance, at: datetime) -> Transaction | None:
    """The transaction by which money that has paid for a void bill becomes credit; None if there is none."""
    position, subject, currency = _position(month), Subject.month(month.period), month.currency
    billed_minor = position.bill.sales_minor if position.bill else 0
    unpaid_minor = position.carried_minor + billed_minor - position.left_minor
    least_minor = min(0, unpaid_minor) if position.bill else unpaid_minor
    excess_minor = least_minor - balance.owed_for(subject, currency)
    if excess_minor <= 0:
        return None
    shares = paid_for(subject, excess_minor, currency, month.customer_id, balance.evolve(owed=()), at)
    entries = balanced(receivable(month.customer_id, subject), excess_minor, shares, currency)
    return _of_payments(month, Cause.FREED, entries, at)


def prepaid(month: Month, balance: Balance, at: datetime) -> Transaction | None:
    """The transaction by which credit that came for the month pays its bill; None if there is none, or not enough yet.

    When the bill is announced, and once more when it was not paid when it was due.
    """
    key = f"{month.customer_id} {month.period} {month.revision} {Cause.ALLOCATION}"
    return applied(month.customer_id, Subject.month(month.period), month.currency, balance, key, at)


def _of_payments(month: Month, cause: Cause, entries: tuple[Entry, ...], at: datetime) -> Transaction:
    key = f"{month.customer_id} {month.period} {month.revision} {cause}"
    return Transaction(key=key, cause=cause, at=at, customer_id=month.customer_id, entries=entries)


def _position(month: Month | None) -> _Position:
    if month is None or month.invoice is None or month.outcome is Stage.SKIPPED:
        return _NOTHING
    invoice, notice, bill = month.invoice, month.notice if month.announced else None, None
    if notice or month.closed:
        due_at = notice.charge_at if notice else None
        bill = _Bill(month.notices, invoice.sales_minor, invoice.carried_minor, due_at)
    left_minor = invoice.total_minor if month.outcome is Stage.CARRIED_FORWARD else 0
    return _Position(invoice.currency, invoice.carried_minor, bill, left_minor)


def _changes(
    was: _Position, now: _Position, customer_id: str, subject: Subject
) -> Iterator[tuple[Cause, tuple[Entry, ...]]]:
    owed, balance, currency = receivable(customer_id, subject), credit(customer_id), was.currency or now.currency

    def bill(bill: _Bill, sign: int) -> tuple[Entry, ...]:
        """The bill, or its reversal. What the draft took over falls due with it, so it is entered anew.

        A reversal has the bill's date, so that the two cancel out, and with them the date.
        """
        entries = (
            Entry(account=owed, amount_minor=-sign * bill.carried_minor, currency=currency),
            Entry(account=owed, amount_minor=sign * bill.total_minor, currency=currency, due_at=bill.due_at),
            Entry(account=billed(customer_id, subject), amount_minor=-sign * bill.sales_minor, currency=currency),
        )
        return tuple(entry for entry in entries if entry.amount_minor)

    taken_minor = now.carried_minor - was.carried_minor
    yield Cause.DRAFT if now.carried_minor else Cause.SKIP, moved(taken_minor, currency, owed, balance)
    if was.bill != now.bill:
        yield Cause.VOID, bill(was.bill, -1) if was.bill else ()
        yield Cause.NOTICE, bill(now.bill, 1) if now.bill else ()
    yield Cause.CARRY, moved(now.left_minor - was.left_minor, currency, balance, owed)
