"""A customer's account in one currency, as the judge keeps it: what money pays, and what is undone when it goes back.

Written from docs/journal.md, and not by the product's functions. What is owed for has a name: a month is ``2026-11``,
an order ``order 1042``; "" is none.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from billing.receivables.journal import AccountKind, Cause, Subject, SubjectKind, Transaction


class Place(NamedTuple):
    """Where an entry is: ``name`` is the month, the order, or the rail."""

    kind: AccountKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


Entries = Counter[Place]
"""Amounts in minor units, debit positive."""


@dataclass
class Paid:
    """A payment that is booked: what it brought, and what of it went back, each by month ("": for no month)."""

    month: str
    brought: Counter[str] = field(default_factory=Counter)
    returned: dict[Cause, Counter[str]] = field(default_factory=dict)

    def gone(self, month: str, cause: Cause) -> int:
        return self.returned[cause][month] if cause in self.returned else 0

    def note_back(self, cause: Cause, shares: Entries) -> None:
        """``shares`` as they are entered: what went back is debited."""
        returned = self.returned.setdefault(cause, Counter())
        for place, minor in shares.items():
            returned[place.name] += minor


class Account:
    """The sums of all entries, and the instants at which bills that are in force fall due.

    ``bills``: months that closed with a bill, for which no card is charged; they are paid in parts, also early.
    """

    def __init__(self) -> None:
        self.bills: set[str] = set()
        self.sums = Entries()
        self.due: dict[str, datetime] = {}

    def enter(self, entries: Entries) -> None:
        for place, minor in entries.items():
            self.sums[place] += minor

    def owed(self, month: str) -> int:
        return self.sums[Place(AccountKind.RECEIVABLE, month)]

    def given_up(self, month: str) -> int:
        return self.sums[Place(AccountKind.WRITTEN_OFF, month)]

    def credit_for(self, month: str) -> int:
        """The customer's money that had come for the month."""
        return -self.sums[Place(AccountKind.CREDIT, month)]

    def most_again(self, name: str) -> int:
        """How much can be owed again: of an order what is paid of its price, by whatever money."""
        unpaid = self.owed(name) + self.given_up(name)
        return max(0, -self.sums[Place(AccountKind.BILLED, name)] - unpaid)

    @property
    def carried(self) -> int:
        """What a draft takes over: below 0, the customer's money."""
        return sum(minor for place, minor in self.sums.items() if place.kind is AccountKind.CREDIT)

    # -- money that arrives

    def pay(self, amount_minor: int, month: str, at: datetime) -> Entries:
        """The entries by which money pays what it names, and nothing else; or months, then orders, as they fell due."""
        if month:
            return self.pay_for(month, amount_minor, at)
        shares, rest = Entries(), amount_minor
        for _, _, name in sorted((is_order(name), due_at, name) for name, due_at in self.due.items()):
            part = self.payable(name, rest, at)
            shares[Place(AccountKind.RECEIVABLE, name)] -= part
            rest -= part
        shares[Place(AccountKind.CREDIT)] -= rest
        return shares

    def use(self, credit_minor: int, at: datetime) -> Entries:
        """The entries by which so much credit pays what has fallen due."""
        shares = self.pay(max(0, credit_minor), "", at)
        del shares[Place(AccountKind.CREDIT)]
        shares[Place(AccountKind.CREDIT)] = -sum(shares.values())
        return without_nothing(shares)

    def pay_for(self, month: str, amount_minor: int, at: datetime | None = None, makes_good: bool = True) -> Entries:
        """First what is owed for the month, then what was given up of it; the rest is credit that remembers it.

        ``at`` None: whether or not it is due.
        """
        paid = self.payable(month, amount_minor, at)
        good = min(amount_minor - paid, max(0, self.given_up(month))) if makes_good else 0
        return Entries(
            {
                Place(AccountKind.RECEIVABLE, month): -paid,
                Place(AccountKind.WRITTEN_OFF, month): -good,
                Place(AccountKind.CREDIT, month): -(amount_minor - paid - good),
            }
        )

    def payable(self, month: str, amount_minor: int, at: datetime | None) -> int:
        """What a card will be charged for is paid whole or not at all before it is due."""
        owed = max(0, self.owed(month))
        is_charged = not is_order(month) and month not in self.bills
        is_early = is_charged and at is not None and month in self.due and self.due[month] > at
        return 0 if is_early and amount_minor < owed else min(amount_minor, owed)

    # -- money that goes back

    def take_back(self, paid: Paid, amount_minor: int, cause: Cause) -> Entries:
        """First what was credit of no month, then the latest month: its credit, whichever payment brought that; and
        then a refund gives up what was paid, and a chargeback makes it owed again. An order is owed again in any case,
        but never more of it than its price: the rest is a debt for it.
        """
        shares, rest = Entries(), amount_minor
        free = paid.brought[""] - sum(returned[""] for returned in paid.returned.values())
        part = min(rest, max(0, free))
        shares[Place(AccountKind.CREDIT)] += part
        rest -= part
        for month in sorted(filter(None, paid.brought), reverse=True):
            part = min(rest, max(0, paid.brought[month] - paid.gone(month, cause)))
            rest -= part
            from_credit = min(part, max(0, self.credit_for(month)))
            again = part - from_credit
            excess = max(0, again - self.most_again(month)) if is_order(month) else 0
            shares[Place(AccountKind.CREDIT, month)] += from_credit + excess
            is_given_up = cause is Cause.REFUND and not is_order(month)
            undone = AccountKind.WRITTEN_OFF if is_given_up else AccountKind.RECEIVABLE
            shares[Place(undone, month)] += again - excess
        shares[Place(AccountKind.CREDIT)] += rest
        return shares

    def come_back(self, paid: Paid, amount_minor: int, cause: Cause, at: datetime) -> Entries:
        """What had gone pays a debt for the same, then is paid again where it had been; the rest as any payment."""
        part = min(amount_minor, max(0, paid.gone("", cause)))
        shares, rest = Entries({Place(AccountKind.CREDIT): -part}), amount_minor - part
        for month in sorted(filter(None, paid.brought)):
            part = min(rest, max(0, paid.gone(month, cause)))
            rest -= part
            debt = min(part, max(0, -self.credit_for(month)))
            shares[Place(AccountKind.CREDIT, month)] -= debt
            part -= debt
            was_given_up = cause is Cause.REFUND and not is_order(month)
            good = min(part, max(0, self.given_up(month))) if was_given_up else 0
            shares[Place(AccountKind.WRITTEN_OFF, month)] -= good
            shares.update(self.pay_for(month, part - good, makes_good=not was_given_up))
        shares.update(self.pay(rest, paid.month, at))
        return shares


def name_of(subject: Subject | None) -> str:
    """How what is owed for is named here."""
    if subject is None:
        return ""
    return subject.name if subject.kind is SubjectKind.MONTH else str(subject)


def entries_of(transaction: Transaction, currency: str) -> Entries:
    """What the transaction enters in that currency."""
    sums = Entries()
    for entry in transaction.entries:
        if entry.currency == currency:
            name = name_of(entry.account.subject) or entry.account.rail or ""
            sums[Place(entry.account.kind, name)] += entry.amount_minor
    return without_nothing(sums)


def is_order(name: str) -> bool:
    """Or the fee of a service order, which is treated alike."""
    return name.startswith((f"{SubjectKind.ORDER} ", f"{SubjectKind.FEE} "))


def without_nothing(entries: Entries) -> Entries:
    return Entries({place: minor for place, minor in entries.items() if minor})


def in_words(entries: Entries) -> str:
    return ", ".join(f"{minor} {place}" for place, minor in sorted(entries.items())) or "nothing"


def with_source(shares: Entries, source: Place, amount_minor: int) -> Entries:
    """The shares of money, with the entry of the account that it comes from."""
    entries = Entries(shares)
    entries[source] += amount_minor
    return entries
