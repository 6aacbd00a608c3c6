"""Money that arrives on a rail, or goes back. ``allocation.py`` says what it pays."""

from collections import Counter
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from billing.model import Author, Code, Few, Id, Instant, Line, Many, Minor, MinorSum, Model, Words
from billing.money import format_amount
from billing.receivables.journal import Account, AccountKind, PaymentName, Subject, Transaction, clearing, unmatched

Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


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
    reference: Reference
    kind: PaymentKind = PaymentKind.PAYMENT
    customer_id: Id | None
    subject: Subject | None = None
    amount_minor: Minor
    currency: Code
    paid_at: Instant
    original: PaymentName | None = None
    payer: Line | None = None
    by: Author | None = None
    reason: Words | None = None

    @property
    def name(self) -> PaymentName:
        return PaymentName.of(self.rail, self.reference)

    @property
    def title(self) -> str:
        return f"{self.reference} ({self.rail})"

    @property
    def amount(self) -> str:
        return format_amount(self.amount_minor, self.currency)


class PaymentRow(IncomingPayment):
    """An incoming payment in a listing. ``unmatched_minor`` are nobody's; the rest was assigned to ``assigned_to``."""

    digest: Code
    booked_at: Instant
    unmatched_minor: Minor
    assigned_to: Few[Id] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """The customers whose it is, or a part of it."""
        return (self.customer_id,) if self.customer_id else self.assigned_to


class ClearedPayment(Model):
    """What the clearing account of its rail has of one payment in one currency, net of what went back since."""

    rail: Code
    digest: Code
    reference: Reference
    customer_id: Id | None
    by: Author | None
    currency: Code
    amount_minor: MinorSum

    @property
    def name(self) -> PaymentName:
        return PaymentName(self.rail, self.digest)


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
    def cleared_minor(self) -> dict[str, int]:
        """What its rail's clearing account has of it, by currency, net of what went back; {}: it has no entries."""
        sums: Counter[str] = Counter()
        for transaction in self.transactions:
            for entry in transaction.entries:
                if entry.account == clearing(self.payment.rail):
                    sums[entry.currency] += entry.amount_minor
        return dict(sums)

    @property
    def parts(self) -> dict[str | None, int]:
        """What is left of it, by whose it is (None: nobody's yet), in minor units."""
        sums: Counter[str | None] = Counter()
        for account, share in self.shares.items():
            sums[account.customer_id] += share
        return {customer_id: minor for customer_id, minor in sums.items() if minor > 0}

    @property
    def subjects(self) -> set[Subject | None]:
        """Everything that its money was ever for."""
        return {entry.account.subject for transaction in self.transactions for entry in transaction.entries}

    @property
    def in_words(self) -> str:
        """``10.00 EUR receivable acme month 2026-11, 2.00 EUR credit acme``."""
        currency = self.payment.currency
        return ", ".join(f"{format_amount(minor, currency)} {account}" for account, minor in self.shares.items())


def key_of(payment: IncomingPayment, more: object = "") -> str:
    """The key of a transaction about a payment; without the reference, which a person may have typed."""
    return f"{payment.rail} {payment.name.digest} {more}".rstrip()
