"""What each month enters into the journal: its draft, its notices, its end, and what follows from them by itself."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from billing.receivables.journal import AccountKind, Cause, SubjectKind, Transaction
from sandbox.judge.account import Account, Entries, Place, without_nothing

_MONTHLY = frozenset({Cause.DRAFT, Cause.SKIP, Cause.NOTICE, Cause.VOID, Cause.CARRY})


class Follower(NamedTuple):
    """A transaction that may have to follow another one by itself: money that is freed, or pays a bill."""

    cause: Cause
    month: str
    at: datetime


@dataclass
class Bill:
    """What of a month is in the journal. ``billed_minor`` None: no notice is in force."""

    planned_minor: int = 0  # what the draft should take over
    is_drafted: bool = False
    taken_minor: int = 0
    billed_minor: int | None = None
    left_minor: int = 0

    @property
    def charged_minor(self) -> int:
        return self.taken_minor + (self.billed_minor or 0) - self.left_minor


class Bills:
    """The months of one account. Every method answers the entries, which are not entered yet."""

    def __init__(self, account: Account) -> None:
        self.months = defaultdict[str, Bill](Bill)
        self._account = account

    def draft(self, month: str) -> Entries:
        """It takes over the customer's balance."""
        bill = self.months[month]
        amount_minor = bill.planned_minor - bill.taken_minor
        bill.is_drafted, bill.taken_minor = True, bill.planned_minor
        return _moved(amount_minor, Place(AccountKind.RECEIVABLE, month), Place(AccountKind.CREDIT))

    def skip(self, month: str) -> Entries:
        """The draft gives it back."""
        bill = self.months[month]
        amount_minor, bill.taken_minor = bill.taken_minor, 0
        return _moved(amount_minor, Place(AccountKind.CREDIT), Place(AccountKind.RECEIVABLE, month))

    def notice(self, month: str, total_minor: int) -> Entries:
        bill = self.months[month]
        billed_minor = total_minor - bill.taken_minor
        bill.billed_minor = (bill.billed_minor or 0) + billed_minor
        return _moved(billed_minor, Place(AccountKind.RECEIVABLE, month), Place(AccountKind.BILLED, month))

    def void(self, month: str) -> Entries:
        bill = self.months[month]
        billed_minor, bill.billed_minor = bill.billed_minor or 0, None
        return _moved(billed_minor, Place(AccountKind.BILLED, month), Place(AccountKind.RECEIVABLE, month))

    def carry(self, month: str) -> Entries:
        """Its total goes to the next draft; or comes back, if the close is taken back."""
        bill = self.months[month]
        amount_minor = -bill.left_minor or bill.charged_minor
        bill.left_minor += amount_minor
        return _moved(amount_minor, Place(AccountKind.CREDIT), Place(AccountKind.RECEIVABLE, month))

    def freed(self, month: str) -> Entries:
        """What was paid for the month, and is more than what it now comes to."""
        bill = self.months[month]
        least_minor = bill.charged_minor if bill.billed_minor is None else min(0, bill.charged_minor)
        excess_minor = max(0, least_minor - self._account.owed(month))
        good_minor = min(excess_minor, max(0, self._account.given_up(month)))
        return Entries(
            {
                Place(AccountKind.RECEIVABLE, month): excess_minor,
                Place(AccountKind.WRITTEN_OFF, month): -good_minor,
                Place(AccountKind.CREDIT, month): -(excess_minor - good_minor),
            }
        )

    def prepaid(self, month: str, at: datetime) -> Entries:
        """The bill, out of money that had come for it and is still there; whole, or once it is due, a part."""
        is_there = min(self._account.credit_for(month), -self._account.carried)
        paid_minor = self._account.payable(month, is_there, at) if is_there > 0 else 0
        return _moved(paid_minor, Place(AccountKind.CREDIT, month), Place(AccountKind.RECEIVABLE, month))

    def following(self, due: Follower) -> Entries:
        """The transaction that has to follow by itself; empty: none."""
        is_freed = due.cause is Cause.FREED
        return without_nothing(self.freed(due.month) if is_freed else self.prepaid(due.month, due.at))


def _moved(amount_minor: int, debited: Place, credited: Place) -> Entries:
    return Entries({debited: amount_minor, credited: -amount_minor})


def month_of(transaction: Transaction) -> str:
    """The month that a draft, a notice, or the end of one is about; "" for an order's, and any other transaction."""
    if transaction.cause not in _MONTHLY:
        return ""
    accounts = (entry.account for entry in transaction.entries if entry.account.kind is AccountKind.RECEIVABLE)
    subject = next(account.subject for account in accounts if account.subject)
    return subject.name if subject.kind is SubjectKind.MONTH else ""
