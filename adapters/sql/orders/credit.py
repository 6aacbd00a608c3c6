"""Money of orders that came as credit, or is credit: whose order it names, and what is owed again if it goes back."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, func, select, text

from adapters.sql.orders.rows import OF_ORDERS, ORDER
from adapters.sql.schema.journal import INSTRUCTION_IS_OPEN, instructions, journal_entries, transactions
from adapters.sql.schema.service_orders import service_orders
from billing.receivables.doubts import OrderState
from billing.receivables.incoming import IncomingPayment, key_of
from billing.receivables.instructions import InstructionKind
from billing.receivables.journal import (
    AccountKind,
    Balance,
    Cause,
    Entry,
    Subject,
    SubjectKind,
    Transaction,
    credit,
    moved,
    receivable,
)

_E, _T, _N, _S = journal_entries.c, transactions.c, instructions.c, service_orders.c


def promised(customer_id: ColumnElement[str], currency: ColumnElement[str]) -> Select[Any]:
    """What of the customer's money open refunds are to give back."""
    is_refund = text(INSTRUCTION_IS_OPEN), _N.kind == InstructionKind.REFUND
    return select(func.sum(_N.amount_minor)).where(*is_refund, _N.customer_id == customer_id, _N.currency == currency)


_PROMISED = promised(bindparam("customer_id"), bindparam("currency"))
_PAID = -func.sum(_E.amount_minor)
_TAKEN = func.sum(case((_E.amount_minor > 0, _E.amount_minor), else_=0))
_BY_CREDIT = (
    select(ORDER.number, ORDER.price_minor, ORDER.owed_minor, _PAID.label("by_credit"), _TAKEN.label("taken"))
    .join(journal_entries, (_E.customer_id == ORDER.customer_id) & OF_ORDERS & (_E.subject == ORDER.number))
    .join(transactions, _T.number == _E.number)
    .where(ORDER.customer_id == bindparam("customer_id"), ORDER.end.is_(None))
    .where(_E.kind == AccountKind.RECEIVABLE, _E.currency == bindparam("currency"))
    .where(_T.cause == Cause.ALLOCATION, _T.digest.is_(None))
    .group_by(ORDER.number, ORDER.price_minor, ORDER.owed_minor)
    .order_by(func.max(_E.number).desc())
)


def promised_minor(connection: Connection, customer_id: str, currency: str) -> int:
    """What of the customer's money is to go back, and is not booked as gone yet: it pays nothing else."""
    return int(connection.scalar(_PROMISED, {"customer_id": customer_id, "currency": currency}) or 0)


def usable_credit(connection: Connection, customer_id: str, currency: str, balance: Balance) -> int:
    """The customer's credit without what is promised back, in minor units."""
    credit_minor = max(0, -balance.carried_minor(currency))
    return credit_minor and max(0, credit_minor - promised_minor(connection, customer_id, currency))


def order_state(connection: Connection, payment: IncomingPayment) -> OrderState | None:
    """What became of the order that the payment, or its fee, names; None: it names none."""
    subject = payment.subject
    if subject is None or subject.kind is SubjectKind.MONTH:
        return None
    ends = (_S.end, _S.cancelled) if subject.kind is SubjectKind.FEE else (ORDER.end,)
    of = _S if subject.kind is SubjectKind.FEE else ORDER
    is_it = of.number == subject.name, of.customer_id == payment.customer_id
    row = connection.execute(select(*ends).where(*is_it)).one_or_none()
    if row is None:
        return OrderState.UNKNOWN
    return OrderState.ENDED if any(end is not None for end in row) else OrderState.BILLED


def moved_with(
    connection: Connection, payment: IncomingPayment, balances: tuple[Balance, Balance], customer_id: str, at: datetime
) -> list[Transaction]:
    """What follows for orders that credit has paid, once ``payment`` has gone back, or has come back after that.

    ``balances`` are the customer's, before and now. Credit that is missing now makes the newest orders owed again; what
    is there again pays what was made owed so.
    """
    currency, posted = payment.currency, list[Transaction]()
    before, now = (max(0, each.carried_minor(currency)) for each in balances)
    left = now - before
    if payment.amount_minor > 0:
        left = usable_credit(connection, customer_id, currency, balances[1])
    if left <= 0:
        return []
    for row in connection.execute(_BY_CREDIT, {"customer_id": customer_id, "currency": currency}):
        most = min(int(row.by_credit), row.price_minor - row.owed_minor)
        if payment.amount_minor > 0:
            most = min(int(row.taken), balances[1].owed_for(Subject.order(row.number), currency))
        share = min(left, max(0, most))
        left -= share
        order, whose = receivable(customer_id, Subject.order(row.number)), credit(customer_id)
        to, source = (order, whose) if payment.amount_minor < 0 else (whose, order)
        posted += [_moved(payment, row.number, moved(share, currency, to, source), customer_id, at)] if share else []
    return posted


def _moved(
    payment: IncomingPayment, number: str, entries: tuple[Entry, ...], customer_id: str, at: datetime
) -> Transaction:
    key = key_of(payment, f"order/{number}")
    return Transaction(key=key, cause=Cause.ALLOCATION, at=at, customer_id=customer_id, entries=entries)
