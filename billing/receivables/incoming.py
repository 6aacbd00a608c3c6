"""Money that arrives or goes back, and what it pays: the receivable it names, else the oldest; the rest is credit."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter

from billing.errors import InvalidInput
from billing.model import Author, Code, Id, Instant, Line, Many, Minor, Model, Words
from billing.money import format_amount
from billing.receivables.journal import (
    Account,
    AccountKind,
    Balance,
    Cause,
    Entry,
    Outstanding,
    PaymentName,
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

    @property
    def name(self) -> PaymentName:
        return PaymentName(self.rail, self.reference)

    @property
    def amount(self) -> str:
        return format_amount(self.amount_minor, self.currency)


class PaymentRow(IncomingPayment):
    """An incoming payment in a listing. ``unmatched_minor`` of it are nobody's yet."""

    booked_at: Instant
    unmatched_minor: Minor


class PaymentRecord(Model):
    """An incoming payment with everything that became of it, oldest first. ``returned_minor`` went back since."""

    payment: IncomingPayment
    booked_at: Instant
    transactions: Many[Transaction]
    returned_minor: Minor

    @property
    def shares(self) -> dict[Account, int]:
        """What it has paid, and what of it is credit or unmatched, in minor units."""
        sums: Counter[Account] = Counter()
        for transaction in self.transactions:
            for entry in transaction.entries:
                if entry.account.kind is not AccountKind.CLEARING:
                    sums[entry.account] -= entry.amount_minor
        return {account: share for account, share in sums.items() if share}

    @property
    def unmatched_minor(self) -> int:
        return self.shares.get(unmatched(self.payment.rail), 0)


def booked(payment: IncomingPayment, balance: Balance, at: datetime) -> Transaction:
    """The transaction of ``payment``, given the balance of its customer.

    Money that goes back is taken from the customer's credit first; for the rest, the debt that it had paid is open
    again.
    """
    cause = Cause.PAYMENT if payment.original is None else Cause.REVERSAL
    key = f"{payment.rail} {payment.reference}"
    return _moved(payment, clearing(payment.rail), balance, at).evolve(
        key=key, cause=cause, by=payment.by, reason=payment.reason
    )


def assigned(
    record: PaymentRecord, to: IncomingPayment, balance: Balance, by: str, reason: str, at: datetime
) -> Transaction:
    """The transaction by which unmatched money of ``record`` becomes a customer's: ``to`` says whose, and how much.

    Raises ``InvalidInput``, which says what to do instead.
    """
    payment = record.payment
    if not record.unmatched_minor:
        raise InvalidInput(f"payment {payment.name} is assigned already: {_in_words(record)}")
    if not 0 < to.amount_minor <= record.unmatched_minor:
        left = format_amount(record.unmatched_minor, payment.currency)
        raise InvalidInput(f"{to.amount} cannot be assigned: {left} of payment {payment.name} are unmatched")
    key = f"{payment.rail} {payment.reference} {Cause.ALLOCATION} {len(record.transactions)}"
    return _moved(to, unmatched(payment.rail), balance, at).evolve(
        key=key, cause=Cause.ALLOCATION, by=by, reason=reason
    )


def _in_words(record: PaymentRecord) -> str:
    currency = record.payment.currency
    return ", ".join(f"{format_amount(minor, currency)} {account}" for account, minor in record.shares.items())


def _moved(payment: IncomingPayment, source: Account, balance: Balance, at: datetime) -> Transaction:
    """From ``source`` to what the payment pays; its cause and key are the caller's to set."""
    shares = [(source, payment.amount_minor), *((account, -minor) for account, minor in _shares(payment, balance, at))]
    return Transaction(
        key="",
        cause=Cause.PAYMENT,
        at=at,
        customer_id=payment.customer_id,
        payment=payment.name,
        entries=tuple(
            Entry(account=account, amount_minor=minor, currency=payment.currency) for account, minor in shares
        ),
    )


def _shares(payment: IncomingPayment, balance: Balance, at: datetime) -> Iterator[tuple[Account, int]]:
    """The accounts that the payment changes, and by how much of it."""
    rest, customer_id = payment.amount_minor, payment.customer_id
    if customer_id is None:
        yield unmatched(payment.rail), rest
        return
    if rest > 0:
        for item in _payable(payment, balance.owed):
            is_early = item.due_at is not None and item.due_at > at
            share = min(rest, item.amount_minor)
            if share and (share == item.amount_minor or not is_early):
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
    """What the payment may pay: what it names, then what fell due first; nothing else that is not announced.

    What is not due yet is paid whole or not at all, for its notice has announced the whole charge.
    """
    open_items = [item for item in owed if item.amount_minor > 0 and item.currency == payment.currency]
    named = [item for item in open_items if item.subject == payment.subject]
    due = [(item.due_at, item) for item in open_items if item.due_at and item not in named]
    return named + [item for _, item in sorted(due, key=itemgetter(0))]
