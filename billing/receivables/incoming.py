"""Money that arrives or goes back, and what it pays: the receivable it names, else the oldest; the rest is credit."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter

from billing.model import Author, Code, Id, Instant, Line, Minor, Model, Words
from billing.receivables.journal import (
    Account,
    Balance,
    Cause,
    Entry,
    Outstanding,
    Subject,
    Transaction,
    clearing,
    credit,
    receivable,
    unmatched,
)


class IncomingPayment(Model):
    """Money that arrived on a rail, or went back: then the amount is negative, and ``original`` is what it reverses.

    ``rail`` and ``reference`` name it once and for all. ``subject`` is what it is for, if it says so; ``customer_id``
    None: nobody knows whose it is. ``paid_at`` is the instant by the rail. ``by`` None: the rail has reported it.
    """

    rail: Code
    reference: Id
    customer_id: Id | None
    subject: Subject | None = None
    amount_minor: Minor
    currency: Code
    paid_at: Instant
    original: Id | None = None
    payer: Line | None = None
    by: Author | None = None
    reason: Words | None = None


def booked(payment: IncomingPayment, balance: Balance, at: datetime) -> Transaction:
    """The transaction of ``payment``, given the balance of its customer.

    Money that goes back is taken from the customer's credit first; for the rest, the debt that it had paid is open
    again.
    """
    shares = _shares(payment, balance)
    entries = [(clearing(payment.rail), payment.amount_minor), *((account, -minor) for account, minor in shares)]
    return Transaction(
        key=f"{payment.rail} {payment.reference}",
        cause=Cause.PAYMENT if payment.original is None else Cause.REVERSAL,
        at=at,
        customer_id=payment.customer_id,
        entries=tuple(
            Entry(account=account, amount_minor=minor, currency=payment.currency) for account, minor in entries
        ),
        by=payment.by,
        reason=payment.reason,
    )


def _shares(payment: IncomingPayment, balance: Balance) -> Iterator[tuple[Account, int]]:
    """The accounts that the payment changes, and by how much of it."""
    rest, customer_id = payment.amount_minor, payment.customer_id
    if customer_id is None:
        yield unmatched(payment.rail), rest
        return
    if rest > 0:
        for item in _payable(payment, balance.owed):
            share = min(rest, item.amount_minor)
            if share:
                yield receivable(customer_id, item.subject), share
            rest -= share
    elif payment.subject is not None:
        reopened = min(0, rest + max(0, -balance.carried_minor(payment.currency)))
        if reopened:
            yield receivable(customer_id, payment.subject), reopened
        rest -= reopened
    if rest:
        yield credit(customer_id), rest


def _payable(payment: IncomingPayment, owed: Sequence[Outstanding]) -> list[Outstanding]:
    """What the payment may pay: what it names, then what fell due first; nothing else that is not announced."""
    open_items = [item for item in owed if item.amount_minor > 0 and item.currency == payment.currency]
    named = [item for item in open_items if item.subject == payment.subject]
    due = [(item.due_at, item) for item in open_items if item.due_at and item not in named]
    return named + [item for _, item in sorted(due, key=itemgetter(0))]
