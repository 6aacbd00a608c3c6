"""Money that arrives or goes back: it pays the receivable that it names, or what fell due first; the rest is credit."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from operator import itemgetter

from billing.errors import InvalidInput
from billing.model import Author, Code, Few, Id, Instant, Line, Many, Minor, Model, Words
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
    written_off,
)


class PaymentKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"  # we gave money back of our own accord: what it had paid is not owed again
    CHARGEBACK = "chargeback"  # it was taken back: what it had paid is owed again


class IncomingPayment(Model):
    """Money that arrived on a rail, or went back: then the amount is negative, and ``original`` is what it reverses.

    A refund or chargeback with a positive amount has come to nothing: the money is back.

    ``rail`` and ``reference`` name it once and for all. ``subject`` is what it is for, if it says so; ``customer_id``
    None: nobody knows whose it is. ``paid_at`` is the instant by the rail. ``by`` None: the rail has reported it.
    """

    rail: Code
    reference: Id
    kind: PaymentKind = PaymentKind.PAYMENT
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

    def is_same(self, other: "IncomingPayment") -> bool:
        """Whether ``other`` repeats it: the same money, of the same customer, for the same."""
        fields = {"amount_minor", "currency", "customer_id", "subject", "kind", "original"}
        return self.model_dump(include=fields) == other.model_dump(include=fields)


class PaymentRow(IncomingPayment):
    """An incoming payment in a listing. ``unmatched_minor`` are nobody's; the rest was assigned to ``assigned_to``."""

    booked_at: Instant
    unmatched_minor: Minor
    assigned_to: Few[Id] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """The customers whose it is, or a part of it."""
        return (self.customer_id,) if self.customer_id else self.assigned_to


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

    @property
    def parts(self) -> dict[str | None, int]:
        """What is left of it, by whose it is (None: nobody's yet), in minor units."""
        sums: Counter[str | None] = Counter()
        for account, share in self.shares.items():
            sums[account.customer_id] += share
        return {customer_id: minor for customer_id, minor in sums.items() if minor > 0}

    @property
    def in_words(self) -> str:
        """``10.00 EUR receivable acme month 2026-11, 2.00 EUR credit acme``."""
        currency = self.payment.currency
        return ", ".join(f"{format_amount(minor, currency)} {account}" for account, minor in self.shares.items())


def booked(payment: IncomingPayment, balance: Balance, at: datetime, awaits_bill: bool = False) -> Transaction:
    """The transaction of ``payment``, given the balance of its customer.

    ``awaits_bill``: the bill that it names is not posted yet, as after the restoration of a backup; then the money
    waits on its receivable.
    """
    shares = _shares(payment, balance, at, awaits_bill)
    return _moved(payment, clearing(payment.rail), shares, at).evolve(
        key=key_of(payment.name), cause=Cause.PAYMENT, by=payment.by, reason=payment.reason
    )


def reversed_(payment: IncomingPayment, original: PaymentRecord | None, balance: Balance, at: datetime) -> Transaction:
    """The transaction of money of ``original`` that went back, or came back after that; ``balance`` is the customer's.

    What went back undoes what the original has paid, credit first. Credit that a draft has used meanwhile is then a
    debt, which the next draft takes over; so is what a reversal takes beyond its original.
    """
    shares = dict(_taken(payment, original) if payment.amount_minor < 0 else _restored(payment, original))
    if rest := payment.amount_minor - sum(shares.values()):
        if rest > 0:
            more = dict(_shares(payment.evolve(amount_minor=rest), balance, at, awaits_bill=False))
        else:
            more = {credit(payment.customer_id) if payment.customer_id else unmatched(payment.rail): rest}
        shares = {account: shares.get(account, 0) + more.get(account, 0) for account in {**shares, **more}}
    return _moved(payment, clearing(payment.rail), shares.items(), at).evolve(
        key=key_of(payment.name), cause=Cause.REVERSAL, by=payment.by, reason=payment.reason
    )


def _taken(payment: IncomingPayment, original: PaymentRecord | None) -> Iterator[tuple[Account, int]]:
    """The accounts that lose what went back, as far as the original has paid it: credit first, then the newest month.

    Of a payment that was split, the part of the customer who gets the money loses it; what is unmatched goes first if
    nobody is named. A refund gives up what the payment had paid; a chargeback makes it owed again.
    """
    shares, rest, whose = original.shares if original else {}, -payment.amount_minor, payment.customer_id
    newest_first = sorted(shares, key=lambda account: str(account.subject), reverse=True)
    newest_first.sort(key=lambda account: list(AccountKind).index(account.kind), reverse=True)  # receivables last
    for account in newest_first:
        if whose is not None and account.customer_id != whose and original and whose in original.parts:
            continue
        given_up = _given_up(account)
        share = min(rest, shares[account] + (shares.get(given_up, 0) if given_up else 0))
        if share > 0:
            yield given_up if given_up and payment.kind is PaymentKind.REFUND else account, -share
            rest -= share


def _restored(payment: IncomingPayment, original: PaymentRecord | None) -> Iterator[tuple[Account, int]]:
    """What a refund had given up, as far as it came to nothing."""
    shares, rest = original.shares if original else {}, payment.amount_minor
    for account, minor in shares.items():
        share = min(rest, -minor)
        if share > 0 and account.kind is AccountKind.WRITTEN_OFF and payment.kind is PaymentKind.REFUND:
            yield account, share
            rest -= share


def _given_up(account: Account) -> Account | None:
    """Where a refund enters what the payment had paid for a receivable."""
    if account.kind is not AccountKind.RECEIVABLE or account.customer_id is None:
        return None
    return written_off(account.customer_id, account.subject)


def key_of(name: PaymentName, more: object = "") -> str:
    """The key of a transaction about a payment; without the reference, which a person may have typed."""
    digest = hashlib.sha256(name.reference.encode()).hexdigest()[:32]
    return f"{name.rail} {digest} {more}".rstrip()


def assigned(record: PaymentRecord, to: IncomingPayment, balance: Balance, at: datetime) -> Transaction:
    """The transaction by which unmatched money of ``record`` becomes a customer's: ``to`` says whose, how much, why.

    Raises ``InvalidInput``, which says what to do instead.
    """
    payment = record.payment
    if not record.unmatched_minor:
        raise InvalidInput(f"payment {payment.name} is assigned already: {record.in_words}")
    if not 0 < to.amount_minor <= record.unmatched_minor:
        left = format_amount(record.unmatched_minor, payment.currency)
        raise InvalidInput(f"{to.amount} cannot be assigned: {left} of payment {payment.name} are unmatched")
    key = key_of(payment.name, f"{Cause.ALLOCATION} {len(record.transactions)}")
    shares = _shares(to, balance, at, awaits_bill=False)
    moved = _moved(to, unmatched(payment.rail), shares, at)
    return moved.evolve(key=key, cause=Cause.ALLOCATION, by=to.by, reason=to.reason)


def _moved(
    payment: IncomingPayment, source: Account, shares: Iterable[tuple[Account, int]], at: datetime
) -> Transaction:
    """From ``source`` to ``shares``; its cause and key are the caller's to set."""
    moves = [(source, payment.amount_minor), *((account, -minor) for account, minor in shares)]
    return Transaction(
        key="",
        cause=Cause.PAYMENT,
        at=at,
        customer_id=payment.customer_id,
        payment=payment.name,
        entries=tuple(
            Entry(account=account, amount_minor=minor, currency=payment.currency) for account, minor in moves
        ),
    )


def _shares(
    payment: IncomingPayment, balance: Balance, at: datetime, awaits_bill: bool
) -> Iterator[tuple[Account, int]]:
    """The accounts that the payment changes, and by how much of it."""
    rest, customer_id = payment.amount_minor, payment.customer_id
    if customer_id is None:
        yield unmatched(payment.rail), rest
        return
    if awaits_bill and payment.subject is not None:
        yield receivable(customer_id, payment.subject), rest
        return
    for item in _payable(payment, balance.owed):
        is_early = item.due_at is not None and item.due_at > at
        share = min(rest, item.amount_minor)
        if share and (share == item.amount_minor or not is_early):
            yield receivable(customer_id, item.subject), share
            rest -= share
    if rest:
        yield credit(customer_id), rest


def _payable(payment: IncomingPayment, owed: Sequence[Outstanding]) -> list[Outstanding]:
    """What the payment may pay: what it names and nothing else, or what fell due first.

    What is not due yet is paid whole or not at all, for its notice has announced the whole charge.
    """
    open_items = [item for item in owed if item.amount_minor > 0 and item.currency == payment.currency]
    if payment.subject is not None:
        return [item for item in open_items if item.subject == payment.subject]
    due = [(item.due_at, item) for item in open_items if item.due_at]
    return [item for _, item in sorted(due, key=itemgetter(0))]
