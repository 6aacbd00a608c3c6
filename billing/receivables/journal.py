"""The journal: every movement of money is one transaction of balanced entries. Its amounts are never changed.

A correction is another transaction. What is owed, credited or unmatched is a balance of entries, never a field that
somebody has to keep right. docs/journal.md shows the entries of each case.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from billing.model import Author, Code, Id, Instant, Line, Many, Minor, Model, Words
from billing.period import Period


class AccountKind(StrEnum):
    """What entries add up to. A positive amount is a debit, a negative one a credit."""

    RECEIVABLE = "receivable"  # what the customer owes for a subject
    CREDIT = "credit"  # what the next draft takes over: the customer's money (negative), or a debt too small to charge
    CLEARING = "clearing"  # what the rail says it has taken
    UNMATCHED = "unmatched"  # what has arrived on the rail, and nobody knows from whom
    BILLED = "billed"  # the contra account of bills
    WRITTEN_OFF = "written_off"
    FEE = "fee"  # what a rail keeps for itself of what it has taken


class SubjectKind(StrEnum):
    MONTH = "month"
    ORDER = "order"
    FEE = "fee"  # of a service order, such as for a connection

    @property
    def is_pressed(self) -> bool:
        """Whether people are pressed for it: an order, or its fee, may as well be given up."""
        return self is SubjectKind.MONTH


class Subject(Model):
    """What a receivable is for, such as the month 2026-11, the order 1042, or the fee of the service order 1043."""

    kind: SubjectKind
    name: Code

    @classmethod
    def month(cls, period: Period) -> Self:
        return cls(kind=SubjectKind.MONTH, name=period)

    @classmethod
    def order(cls, number: str) -> Self:
        return cls(kind=SubjectKind.ORDER, name=number)

    @classmethod
    def fee(cls, number: str) -> Self:
        """``number`` is the service order's: of its fees, one at a time is open."""
        return cls(kind=SubjectKind.FEE, name=number)

    @property
    def title(self) -> str:
        """As people call it: ``2026-11``, ``order 1042``, ``fee 1043``."""
        return self.name if self.kind is SubjectKind.MONTH else str(self)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Account(Model):
    """Whose balance an entry changes. Which fields are set is a matter of the kind: see the functions below."""

    kind: AccountKind
    customer_id: Id | None = None
    subject: Subject | None = None
    rail: Code | None = None

    def __str__(self) -> str:
        parts = (self.kind.replace("_", " "), self.customer_id, self.subject, self.rail)
        return " ".join(str(part) for part in parts if part)


def receivable(customer_id: str, subject: Subject) -> Account:
    return Account(kind=AccountKind.RECEIVABLE, customer_id=customer_id, subject=subject)


def credit(customer_id: str, origin: Subject | None = None) -> Account:
    """``origin``: what the money had come for; of all credit alike, the next draft takes over the sum."""
    return Account(kind=AccountKind.CREDIT, customer_id=customer_id, subject=origin)


def billed(customer_id: str, subject: Subject | None = None) -> Account:
    return Account(kind=AccountKind.BILLED, customer_id=customer_id, subject=subject)


def written_off(customer_id: str, subject: Subject | None = None) -> Account:
    return Account(kind=AccountKind.WRITTEN_OFF, customer_id=customer_id, subject=subject)


def clearing(rail: str) -> Account:
    return Account(kind=AccountKind.CLEARING, rail=rail)


def unmatched(rail: str) -> Account:
    return Account(kind=AccountKind.UNMATCHED, rail=rail)


def fee(rail: str) -> Account:
    return Account(kind=AccountKind.FEE, rail=rail)


class Entry(Model):
    """A debit (positive) or credit (negative) of an account. ``due_at``: when what is owed falls due."""

    account: Account
    amount_minor: Minor
    currency: Code
    due_at: Instant | None = None


class Cause(StrEnum):
    """Why a transaction was written."""

    OPENING = "opening"  # a balance that was there before the journal began
    DRAFT = "draft"  # the draft takes over the customer's balance
    SKIP = "skip"  # the month is skipped, and gives it back
    NOTICE = "notice"  # the bill was announced
    VOID = "void"  # the notice before no longer holds
    ALLOCATION = "allocation"  # a person says whose a payment is, or what it is for
    FREED = "freed"  # what was paid for a bill that is void is the customer's credit
    CARRY = "carry"  # the month closed with credit, or with too little to be charged: the next draft takes it over
    PAYMENT = "payment"  # money has arrived
    REFUND = "refund"  # we gave money back, or that came to nothing
    CHARGEBACK = "chargeback"  # money was taken back, or came back after that
    WRITE_OFF = "write_off"
    SETTLEMENT = "settlement"  # a person says how a balance was settled
    PAYOUT = "payout"  # a rail has handed over what it had taken, less its commission


class PaymentName(NamedTuple):
    """Names an incoming payment, once and for all; an erasure may rewrite the reference, and keeps its digest."""

    rail: Code
    digest: Code

    @classmethod
    def of(cls, rail: str, reference: str) -> "PaymentName":
        return cls(rail, hashlib.sha256(reference.encode()).hexdigest()[:32])


class Transaction(Model):
    """Balanced entries. ``key`` names the movement, which is written once. ``by`` None: the application.

    ``customer_id`` None: nobody knows whose money it is. ``payment``: the incoming payment that it moves.
    """

    key: Line
    cause: Cause
    at: Instant
    customer_id: Id | None
    payment: PaymentName | None = None
    entries: Many[Entry]
    by: Author | None = None
    reason: Words | None = None

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        sums: Counter[str] = Counter()
        for entry in self.entries:
            sums[entry.currency] += entry.amount_minor
            if not entry.amount_minor:
                raise ValueError(f"{self.key} has an entry of nothing")
        if not self.entries or any(sums.values()):
            raise ValueError(f"the entries of {self.key} do not add up to zero: {dict(sums)}")
        return self


class Outstanding(Model):
    """What is owed for one subject; negative while a draft has taken over credit and is not announced.

    ``due_at`` None: not announced yet. ``by_bill``: a month that was billed, and not one that is going to be charged.
    """

    subject: Subject
    currency: Code
    amount_minor: Minor
    due_at: Instant | None = None
    by_bill: bool = False


class Balance(Model):
    """What one customer owes, and their credit by currency (below 0: money; above: a debt too small to be charged)."""

    owed: Many[Outstanding]
    credits: dict[Code, Minor] = Field(max_length=200)
    origins: Many[Outstanding] = ()  # credit by what it had come for (below 0), used or not
    written_off: Many[Outstanding] = ()
    bills: Many[Outstanding] = ()  # below 0; read only while money of orders goes back

    def owed_for(self, subject: Subject, currency: str) -> int:
        return _of(self.owed, subject, currency)

    def credit_from(self, subject: Subject, currency: str) -> int:
        """How much more than was owed has come for the subject; below 0, how much more than that went back."""
        return -_of(self.origins, subject, currency)

    def given_up(self, subject: Subject, currency: str) -> int:
        """How much of the subject was refunded or written off."""
        return _of(self.written_off, subject, currency)

    def paid_of(self, subject: Subject, currency: str) -> int:
        """How much of the subject's bill is neither owed nor given up, if ``bills`` has it."""
        billed_minor = -_of(self.bills, subject, currency)
        return billed_minor - self.owed_for(subject, currency) - self.given_up(subject, currency)

    @property
    def is_even(self) -> bool:
        """Whether nothing is owed on either side."""
        return not self.owed and not self.credits

    def carried_minor(self, currency: str) -> int:
        """What the next draft takes over: debt positive, credit negative."""
        return self.credits.get(currency, 0)


def _of(items: Iterable[Outstanding], subject: Subject, currency: str) -> int:
    return sum(item.amount_minor for item in items if (item.subject, item.currency) == (subject, currency))


NOTHING_OWED = Balance(owed=(), credits={})


def moved(amount_minor: int, currency: str, to: Account, source: Account) -> tuple[Entry, ...]:
    """The entries that debit ``to`` and credit ``source``; none for 0, and the other way round below it."""
    if not amount_minor:
        return ()
    return (
        Entry(account=to, amount_minor=amount_minor, currency=currency),
        Entry(account=source, amount_minor=-amount_minor, currency=currency),
    )


def opening(customer_id: str, amount_minor: int, currency: str, at: datetime, name: str = "") -> Transaction:
    """The transaction that enters a balance from before the journal: debt positive, credit negative.

    Once for each currency, or each ``name``.
    """
    return Transaction(
        key=f"{name or customer_id} {Cause.OPENING} {currency}",
        cause=Cause.OPENING,
        at=at,
        customer_id=customer_id,
        entries=moved(amount_minor, currency, credit(customer_id), billed(customer_id)),
    )


def settlement(customer_id: str, balance: Balance, by: str, reason: str, at: datetime) -> Transaction | None:
    """The transaction after which nothing of ``balance`` is owed any more, by a person's word; None if nothing is."""
    owed = ((receivable(customer_id, item.subject), item.amount_minor, item.currency) for item in balance.owed)
    credits = ((credit(customer_id), amount_minor, currency) for currency, amount_minor in balance.credits.items())
    entries = [
        entry
        for account, amount_minor, currency in (*owed, *credits)
        for entry in moved(amount_minor, currency, written_off(customer_id, account.subject), account)
    ]
    if not entries:
        return None
    return Transaction(
        key=f"{customer_id} {Cause.SETTLEMENT} {at.isoformat()}",
        cause=Cause.SETTLEMENT,
        at=at,
        customer_id=customer_id,
        entries=tuple(entries),
        by=by,
        reason=reason,
    )
