"""What money pays that arrives, and what it undoes when it goes back.

Money for a subject pays what is owed for it, then makes good what was given up of it; the rest is the customer's
credit, which keeps the subject as its origin. What goes back is taken in the opposite order: first the credit that came
from the same subject, whichever payment it came with; then a refund gives up what it had paid for a month, and a
chargeback makes it owed again. What was paid for an order is owed again in any case, up to its price; what is more is a
debt, which is paid first by what comes back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from billing.errors import InvalidInput
from billing.money import format_amount
from billing.receivables.incoming import IncomingPayment, PaymentKind, PaymentRecord, key_of
from billing.receivables.journal import (
    NOTHING_OWED,
    Account,
    AccountKind,
    Balance,
    Cause,
    Entry,
    Outstanding,
    Subject,
    SubjectKind,
    Transaction,
    clearing,
    credit,
    moved,
    receivable,
    unmatched,
    written_off,
)

Shares = Counter[Account]
Balances = Mapping[str, Balance]
"""By customer; whoever is missing owes nothing."""


def booked(payment: IncomingPayment, balance: Balance, at: datetime) -> Transaction:
    """The transaction of a payment, given the balance of its customer."""
    return _transaction(payment, clearing(payment.rail), _paid(payment, balance, at), Cause.PAYMENT, at)


def reversed_(payment: IncomingPayment, original: PaymentRecord, balances: Balances, at: datetime) -> Transaction:
    """The transaction of money of ``original`` that went back, or came back after that."""
    if payment.currency != original.payment.currency:  # it has paid nothing in this one
        original = original.evolve(transactions=())
    shares = (_taken if payment.amount_minor < 0 else _restored)(payment, original, balances, at)
    return _transaction(payment, clearing(payment.rail), shares, Cause(payment.kind), at)


def assigned(record: PaymentRecord, to: IncomingPayment, balance: Balance, at: datetime) -> Transaction:
    """The transaction by which unmatched money of ``record`` becomes a customer's: ``to`` says whose, how much, why.

    Raises ``InvalidInput``, which says what to do instead.
    """
    payment = record.payment
    if record.unmatched_minor <= 0:
        raise InvalidInput(f"payment {payment.title} is assigned already: {record.in_words or 'nothing is left'}")
    if not 0 < to.amount_minor <= record.unmatched_minor:
        left = format_amount(record.unmatched_minor, payment.currency)
        raise InvalidInput(f"{to.amount} cannot be assigned: {left} of payment {payment.title} are unmatched")
    posted = _transaction(to, unmatched(payment.rail), _paid(to, balance, at), Cause.ALLOCATION, at)
    return posted.evolve(key=key_of(payment, len(record.transactions)))


# -- what money pays


def _paid(payment: IncomingPayment, balance: Balance, at: datetime) -> Shares:
    """What the payment pays: what it names and nothing else; or months, then orders, and of each what fell due first.

    An order is due when it is placed, and may be given up; a month is owed, and is collected.
    """
    rest, customer_id = payment.amount_minor, payment.customer_id
    if customer_id is None:
        return Shares({unmatched(payment.rail): rest})
    if payment.subject is not None:
        return paid_for(payment.subject, rest, payment.currency, customer_id, balance, at)
    shares = _in_due_turn(rest, payment.currency, customer_id, balance, at)
    shares[credit(customer_id)] += rest - shares.total()
    return shares


def _in_due_turn(amount_minor: int, currency: str, customer_id: str, balance: Balance, at: datetime) -> Shares:
    """What money without a subject pays of what is owed."""
    shares = Shares()
    due = [item for item in balance.owed if item.due_at and item.currency == currency]
    for item in sorted(due, key=_in_turn):
        shares[receivable(customer_id, item.subject)] += _payable(item, amount_minor - shares.total(), at)
    return shares


def _in_turn(item: Outstanding) -> tuple[bool, datetime | None, str]:
    return not item.subject.kind.is_pressed, item.due_at, item.subject.name


def paid_for(
    subject: Subject, amount_minor: int, currency: str, customer_id: str, balance: Balance, at: datetime | None
) -> Shares:
    """What money for the subject pays; a bill that is not due ``at`` that instant is paid whole or not at all."""
    shares, rest = Shares(), amount_minor
    for item in balance.owed:
        if (item.subject, item.currency) == (subject, currency):
            shares[receivable(customer_id, subject)] = _payable(item, rest, at)
    rest -= shares.total()
    shares[written_off(customer_id, subject)] = min(rest, max(0, balance.given_up(subject, currency)))
    shares[credit(customer_id, subject)] = amount_minor - shares.total()
    return shares


def _payable(item: Outstanding, amount_minor: int, at: datetime | None) -> int:
    """How much of the amount pays ``item``: a month that is not due yet is paid whole or not at all, for its notice has
    announced the whole charge. A bill takes any part.
    """
    share = max(0, min(amount_minor, item.amount_minor))
    is_month = item.subject.kind is SubjectKind.MONTH and not item.by_bill
    is_early = is_month and at is not None and item.due_at is not None and item.due_at > at
    return 0 if is_early and share < item.amount_minor else share


def applied(
    customer_id: str, subject: Subject, currency: str, balance: Balance, key: str, at: datetime
) -> Transaction | None:
    """The transaction by which credit that came for the subject pays what is owed for it; None if there is none.

    Such as two payments that are the whole together, or what had come for a bill that was corrected since.
    """
    credit_minor = min(balance.credit_from(subject, currency), -balance.carried_minor(currency))
    of_subject = (item for item in balance.owed if (item.subject, item.currency) == (subject, currency))
    share = sum(_payable(item, credit_minor, at) for item in of_subject)
    if share <= 0:
        return None
    entries = moved(share, currency, credit(customer_id, subject), receivable(customer_id, subject))
    return Transaction(key=key, cause=Cause.ALLOCATION, at=at, customer_id=customer_id, entries=entries)


def used(payment: IncomingPayment, credit_minor: int, balance: Balance, at: datetime) -> Transaction | None:
    """The transaction by which the customer's credit pays what is due beside ``payment``; None if it pays nothing.

    For a payer who was told what is due less the credit, and has paid that.
    """
    customer_id, currency = payment.customer_id, payment.currency
    if customer_id is None or credit_minor <= 0:
        return None
    shares = _in_due_turn(credit_minor, currency, customer_id, balance, at)
    entries = [entry for paid, minor in shares.items() for entry in moved(minor, currency, credit(customer_id), paid)]
    key = f"{key_of(payment)} {Cause.ALLOCATION}"
    if not entries:
        return None
    return Transaction(key=key, cause=Cause.ALLOCATION, at=at, customer_id=customer_id, entries=tuple(entries))


# -- what is undone


def _taken(payment: IncomingPayment, original: PaymentRecord, balances: Balances, at: datetime) -> Shares:
    """Who loses what went back; what it takes beyond its original is the customer's debt.

    A refund does not count what was charged back, nor a chargeback what was refunded: each has its own end.
    """
    other = Cause.CHARGEBACK if payment.kind is PaymentKind.REFUND else Cause.REFUND
    paid, shares, rest = _own(_shares_of(original, without=other), payment, original), Shares(), -payment.amount_minor
    for account, share in _own(original.shares, payment, original).items():
        if account.subject is None:  # credit of no origin, or unmatched
            shares[account] -= min(rest + shares.total(), max(0, share))
    rest += shares.total()
    for customer_id, subject, share in sorted(_by_subject(paid), key=_name_of, reverse=True):
        balance, part = balances.get(customer_id, NOTHING_OWED), min(rest, max(0, share))
        undone_minor = part - min(part, max(0, balance.credit_from(subject, payment.currency)))
        if not subject.kind.is_pressed:  # credit of other money may have paid it meanwhile
            undone_minor = min(undone_minor, max(0, balance.paid_of(subject, payment.currency)))
        undone = written_off if _gives_up(payment, subject) else receivable
        shares[credit(customer_id, subject)] -= part - undone_minor
        shares[undone(customer_id, subject)] -= undone_minor
        rest -= part
    shares[credit(payment.customer_id) if payment.customer_id else unmatched(payment.rail)] -= rest
    return shares


def _gives_up(payment: IncomingPayment, subject: Subject) -> bool:
    return payment.kind is PaymentKind.REFUND and subject.kind is SubjectKind.MONTH


def _own(shares: Mapping[Account, int], payment: IncomingPayment, original: PaymentRecord) -> Shares:
    """Of a payment that was split, the part of the customer who gets the money."""
    whose = payment.customer_id
    is_split = whose is not None and whose in original.parts
    return Shares({account: minor for account, minor in shares.items() if not is_split or account.customer_id == whose})


def _restored(payment: IncomingPayment, original: PaymentRecord, balances: Balances, at: datetime) -> Shares:
    """What is paid again by money that came back, as far as it had gone from there; the rest as a payment pays it."""
    gone, shares, rest = _shares_of(original, only=Cause(payment.kind)), Shares(), payment.amount_minor
    for account, share in gone.items():
        if account.subject is None:
            shares[account] += min(rest - shares.total(), max(0, -share))
    rest -= shares.total()
    for customer_id, subject, share in sorted(_by_subject(gone), key=_name_of):
        part = min(rest, max(0, -share))
        rest -= part
        balance = balances.get(customer_id, NOTHING_OWED)
        debt = min(part, max(0, -balance.credit_from(subject, payment.currency)))
        shares[credit(customer_id, subject)] += debt
        part -= debt
        if _gives_up(payment, subject):
            given_up = min(part, max(0, balance.given_up(subject, payment.currency)))
            shares[written_off(customer_id, subject)] += given_up
            part -= given_up
            balance = balance.evolve(written_off=())
        shares.update(paid_for(subject, part, payment.currency, customer_id, balance, None))
    whole = payment.evolve(amount_minor=rest)
    shares.update(_paid(whole, balances.get(payment.customer_id or "", NOTHING_OWED), at))
    return shares


def _by_subject(shares: Mapping[Account, int]) -> Iterator[tuple[str, Subject, int]]:
    sums: Counter[tuple[str, Subject]] = Counter()
    for account, minor in shares.items():
        if account.subject is not None and account.customer_id is not None:
            sums[account.customer_id, account.subject] += minor
    return ((*of, minor) for of, minor in sums.items())


def _name_of(share: tuple[str, Subject, int]) -> str:
    return str(share[1])


def _shares_of(record: PaymentRecord, only: Cause | None = None, without: Cause | None = None) -> Shares:
    shares = Shares()
    for transaction in record.transactions:
        if transaction.cause not in ({only} if only else set(Cause)) - {without}:
            continue
        for entry in transaction.entries:
            if entry.account.kind is not AccountKind.CLEARING:
                shares[entry.account] -= entry.amount_minor
    return shares


def _transaction(payment: IncomingPayment, source: Account, shares: Shares, cause: Cause, at: datetime) -> Transaction:
    return Transaction(
        key=key_of(payment),
        cause=cause,
        at=at,
        customer_id=payment.customer_id,
        payment=payment.name,
        entries=balanced(source, payment.amount_minor, shares, payment.currency),
        by=payment.by,
        reason=payment.reason,
    )


def balanced(source: Account, amount_minor: int, shares: Mapping[Account, int], currency: str) -> tuple[Entry, ...]:
    """The entries that debit ``source`` and credit whoever has a share of it."""
    changes: Iterable[tuple[Account, int]] = [(source, amount_minor), *((to, -minor) for to, minor in shares.items())]
    return tuple(Entry(account=account, amount_minor=minor, currency=currency) for account, minor in changes if minor)
