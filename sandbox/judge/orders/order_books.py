"""What each order enters into the journal: its bill, another one after an amendment, none after its end; and what
follows from them: money that is freed, and credit that pays.

Written from docs/journal.md, and not by the product's functions.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from billing.receivables.journal import AccountKind, Cause, Transaction
from billing.receivables.ports import THE_BEGINNING
from sandbox.judge.account import Account, Entries, Place, is_order, name_of, without_nothing
from sandbox.judge.orders.asked_refunds import AskedRefund, reserved_minor

_BY_ITSELF = frozenset({Cause.NOTICE, Cause.VOID, Cause.FREED, Cause.ALLOCATION})


@dataclass(frozen=True)
class OrderFacts:
    """An order by its seller: the prices that were agreed, one after the other, whether it was given up at last, and
    what may be missing of a price.
    """

    currency: str
    prices: tuple[int, ...]
    is_ended: bool
    opened_at: datetime
    tolerance_minor: int


class _Due(NamedTuple):
    cause: Cause
    price_minor: int = 0


class OrderBooks:
    """The orders of one account, by name: ``order 1042``; ``refunds`` are the account's, too."""

    def __init__(
        self, account: Account, facts: Mapping[str, OrderFacts], refunds: Collection[AskedRefund] = ()
    ) -> None:
        self.wrong: list[str] = []
        self._account, self._facts, self._refunds = account, facts, refunds
        self._coming = {name: _groups(order) for name, order in facts.items()}
        self._begun: list[_Due] = []  # of the order that is being written
        self._name, self._at = "", THE_BEGINNING  # whose it is, and since when it is written
        self._by_credit = dict[str, int]()  # what credit has paid, the order that it paid last at the end
        self._taken = Counter[str]()  # what was owed again in all, for the credit that had paid it was missing
        # What has to be owed again now; below 0, what credit has to pay again. Any of these lists will do.
        self._again: list[list[tuple[str, int]]] = []

    def expected(self, name: str, transaction: Transaction) -> Entries:
        """The entries of this transaction of the order, which are not entered yet; what had to come before is."""
        if self._again and (again := self._owe_again(name, _owed_by(transaction, name))):
            return again
        if name not in self._facts:
            self.wrong.append(f"{transaction.cause} of {name}, which nobody has placed")
            return Entries()
        if name != self._name:
            self.complete()
        while True:
            if not self._begun:
                if not self._coming[name]:
                    self.wrong.append(f"nothing calls for {transaction.cause} of {name}")
                    return Entries()
                self._name, self._at, self._begun = name, transaction.at, self._coming[name].pop(0)
            due = self._begun.pop(0)
            entries = self._entries(due, -_owed_by(transaction, name) if due.cause is transaction.cause else 0)
            if due.cause is transaction.cause and entries:
                self._note_date(due, transaction)
                return entries
            self._miss(due, entries)

    def may_forgive(self, name: str, minor: int) -> bool:
        """Whether so much of the order may be written off by itself: what its tolerance lets pass."""
        return name in self._facts and 0 < minor <= self._facts[name].tolerance_minor

    def complete(self) -> None:
        """What had to follow at once, and did not, is entered all the same."""
        while self._begun:
            due = self._begun.pop(0)
            self._miss(due, self._entries(due))
        for name, share in self._again[0] if self._again and [] not in self._again else ():
            self.wrong.append(f"credit has changed, and so should what is owed for {name}, by {share}")
        self._again = []

    def note_credit(self, entries: Entries) -> None:
        """Credit has paid for orders; or less than it had."""
        for place, change in entries.items():
            if place.kind is AccountKind.RECEIVABLE and is_order(place.name):
                self._by_credit[place.name] = self._by_credit.pop(place.name, 0) - change
                self._taken[place.name] += max(0, change)

    def note_reversal(self, entries: Entries, carried_before: int, at: datetime) -> None:
        """Money has gone back, or has come back after that."""
        if sum(minor for place, minor in entries.items() if place.kind is AccountKind.CLEARING) < 0:
            self._again = [list(self._after_money_back(carried_before))]
        else:
            self._again = [list(self._after_money_again(usable)) for usable in self.usable(at)]

    def _after_money_back(self, carried_before: int) -> Iterator[tuple[str, int]]:
        """If credit is missing now, what it had paid is owed again: the order that it paid last comes first."""
        debt = max(0, self._account.carried) - max(0, carried_before)
        for name, by_credit in reversed(self._by_credit.items()):
            if (share := min(debt, by_credit, self._account.most_again(name))) > 0:
                yield name, share
                debt -= share

    def _after_money_again(self, left: int) -> Iterator[tuple[str, int]]:
        """Money is back that had gone: its credit pays what was owed again for the lack of it."""
        for name in reversed(self._by_credit):
            if (share := min(left, self._taken[name], self._account.owed(name))) > 0:
                yield name, -share
                left -= share

    def usable(self, at: datetime) -> list[int]:
        """The credit without what is reserved for refunds; all that it may have been."""
        return [-self._account.carried - reserved for reserved in sorted(reserved_minor(self._refunds, at))]

    def _owe_again(self, name: str, minor: int) -> Entries:
        """What is entered now; nothing if nothing has to be."""
        fitting = [plan for plan in self._again if plan[:1] == [(name, minor)]]
        if not fitting and [] in self._again:
            self._again = []
            return Entries()
        plans = fitting or self._again[:1]
        expected, share = plans[0][0]
        self._again = [plan[1:] for plan in plans]
        if expected != name:
            self.wrong.append(f"what is owed for {name} has changed, should have for {expected}")
        return Entries({Place(AccountKind.RECEIVABLE, expected): share, Place(AccountKind.CREDIT): -share})

    def end(self) -> None:
        """Whatever never came."""
        self.complete()
        for name, groups in self._coming.items():
            for group in groups:
                self._name, self._begun = name, group
                self.complete()

    def _miss(self, due: _Due, entries: Entries) -> None:
        if entries:
            self.wrong.append(f"{due.cause} of {self._name} is missing")
            self._account.enter(entries)

    def _entries(self, due: _Due, by_credit: int = 0) -> Entries:
        """``by_credit`` is what credit has paid; it counts if it may have been so."""
        name, account = self._name, self._account
        receivable, billed = Place(AccountKind.RECEIVABLE, name), Place(AccountKind.BILLED, name)
        match due.cause:
            case Cause.NOTICE:
                return Entries({receivable: due.price_minor, billed: -due.price_minor})
            case Cause.VOID:
                lost = max(0, account.given_up(name))
                entries = {receivable: lost - due.price_minor, billed: due.price_minor}
                return without_nothing(Entries({**entries, Place(AccountKind.WRITTEN_OFF, name): -lost}))
            case Cause.FREED:
                excess = max(0, -account.owed(name))
                return without_nothing(Entries({receivable: excess, Place(AccountKind.CREDIT, name): -excess}))
        shares = [max(0, min(account.owed(name), usable)) for usable in self.usable(self._at)]
        share = by_credit if by_credit in shares else shares[0]
        own = min(share, max(0, account.credit_for(name)))
        credit = {Place(AccountKind.CREDIT, name): own, Place(AccountKind.CREDIT): share - own}
        return without_nothing(Entries({**credit, receivable: -share}))

    def _note_date(self, due: _Due, transaction: Transaction) -> None:
        opened_at = self._facts[self._name].opened_at
        dates = {entry.due_at for entry in transaction.entries if entry.due_at}
        if due.cause is Cause.NOTICE:
            self._account.due[self._name] = opened_at
        if due.cause is Cause.VOID:
            self._account.due.pop(self._name, None)
        if due.cause in (Cause.NOTICE, Cause.VOID) and dates != {opened_at}:
            self.wrong.append(f"{due.cause} of {self._name} is due at {dates}, should be at {opened_at}")


def order_of(transaction: Transaction) -> str:
    """The order that a transaction by itself is about, such as ``order 1042``, or ``fee 77``; "" for any other one."""
    if transaction.cause not in _BY_ITSELF or transaction.payment is not None:
        return ""
    of_debt = (entry.account for entry in transaction.entries if entry.account.kind is AccountKind.RECEIVABLE)
    return next((str(of.subject) for of in of_debt if of.subject and is_order(str(of.subject))), "")


def _owed_by(transaction: Transaction, name: str) -> int:
    """How much more is owed for the order by it."""
    return sum(
        entry.amount_minor
        for entry in transaction.entries
        if entry.account.kind is AccountKind.RECEIVABLE and name_of(entry.account.subject) == name
    )


def _groups(order: OrderFacts) -> list[list[_Due]]:
    """What is written together, in its order."""
    return list(_each_group(order))


def _each_group(order: OrderFacts) -> Iterator[list[_Due]]:
    first, *others = order.prices
    yield [_Due(Cause.NOTICE, first), _Due(Cause.ALLOCATION)]
    before = first
    for price in others:
        yield [_Due(Cause.VOID, before), _Due(Cause.NOTICE, price), _Due(Cause.FREED), _Due(Cause.ALLOCATION)]
        before = price
    if order.is_ended:
        yield [_Due(Cause.VOID, before), _Due(Cause.FREED)]
