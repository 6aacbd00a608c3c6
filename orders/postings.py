"""The journal's transactions of an order: its bill, another one after an amendment, and none after its end.

The fee of a service order is billed, and voided, the same way.

Each list is posted together: what a part of it leaves owed for a moment releases nothing.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

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
    written_off,
)
from orders.order import Order


class Bill(Protocol):
    """What is billed: an order, or a fee. ``version`` tells its bills apart; each is due ``opened_at`` that instant."""

    @property
    def number(self) -> str: ...
    @property
    def customer_id(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def subject(self) -> Subject: ...
    @property
    def price_minor(self) -> int: ...


def opened(order: Bill, balance: Balance, usable_minor: int, at: datetime) -> list[Transaction]:
    """The bill, which is due at once, and what the customer's credit pays of it: ``usable_minor`` at most."""
    return [_bill(order, 1, at), *_from_credit(order, min(order.price_minor, usable_minor), balance, at)]


def amended(before: Order, order: Order, balance: Balance, usable_minor: int, at: datetime) -> list[Transaction]:
    """The bill of another price. What was paid above it is credit, and usable credit pays what is owed by now."""
    owed_minor = order.price_minor - _paid_minor(before, balance)
    return [
        _void(before, balance, at),
        _bill(order, 1, at),
        *_freed(before, -owed_minor, at),
        *_from_credit(order, min(owed_minor, usable_minor), balance, at),
    ]


def ended(order: Bill, balance: Balance, at: datetime) -> list[Transaction]:
    """Nothing is owed any more; what was paid is credit, which keeps the order as its origin."""
    return [_void(order, balance, at), *_freed(order, _paid_minor(order, balance), at)]


def forgiven(order: Order, asked_minor: int, at: datetime) -> Transaction:
    """What the tolerance lets pass at the last release is written off: nobody is asked for it any more."""
    owed, lost = receivable(order.customer_id, order.subject), written_off(order.customer_id, order.subject)
    entries = moved(asked_minor, order.currency, lost, owed)
    written = _transaction(order, Cause.WRITE_OFF, entries, at)
    return written.evolve(reason=f"within the tolerance of order {order.number}")


def _paid_minor(order: Bill, balance: Balance) -> int:
    """What was paid of the price: neither owed nor given up."""
    of_order = order.subject, order.currency
    return order.price_minor - balance.owed_for(*of_order) - balance.given_up(*of_order)


def _bill(order: Bill, sign: int, at: datetime) -> Transaction:
    """The bill, or with -1 its reversal: both have one date, so that the two cancel out, and with them the date."""
    owed, contra = receivable(order.customer_id, order.subject), billed(order.customer_id, order.subject)
    amount_minor, currency = sign * order.price_minor, order.currency
    entries = (
        Entry(account=owed, amount_minor=amount_minor, currency=currency, due_at=order.opened_at),
        Entry(account=contra, amount_minor=-amount_minor, currency=currency),
    )
    return _transaction(order, Cause.NOTICE if sign > 0 else Cause.VOID, entries, at)


def _void(order: Bill, balance: Balance, at: datetime) -> Transaction:
    """The reversal of the bill; what was given up of it is so no more, and was not paid."""
    bill, given_up_minor = _bill(order, -1, at), balance.given_up(order.subject, order.currency)
    owed, lost = receivable(order.customer_id, order.subject), written_off(order.customer_id, order.subject)
    return bill.evolve(entries=(*bill.entries, *moved(given_up_minor, order.currency, owed, lost)))


def _freed(order: Bill, amount_minor: int, at: datetime) -> Iterator[Transaction]:
    if amount_minor > 0:
        owed, to = receivable(order.customer_id, order.subject), credit(order.customer_id, order.subject)
        yield _transaction(order, Cause.FREED, moved(amount_minor, order.currency, owed, to), at)


def _from_credit(order: Bill, share_minor: int, balance: Balance, at: datetime) -> Iterator[Transaction]:
    """What had come for the order itself pays first: if it goes back, the order is owed again."""
    if share_minor <= 0:
        return
    own_minor = min(share_minor, max(0, balance.credit_from(order.subject, order.currency)))
    owed, whose = receivable(order.customer_id, order.subject), order.customer_id
    entries = (
        *moved(own_minor, order.currency, credit(whose, order.subject), owed),
        *moved(share_minor - own_minor, order.currency, credit(whose), owed),
    )
    yield _transaction(order, Cause.ALLOCATION, entries, at)


def _transaction(order: Bill, cause: Cause, entries: tuple[Entry, ...], at: datetime) -> Transaction:
    """Once for each version of what was agreed; no other key has a slash in its first word."""
    key = f"order/{order.number} {order.version} {cause}"
    return Transaction(key=key, cause=cause, at=at, customer_id=order.customer_id, entries=entries)
