"""Accounts of customers and buyers: locked for whoever moves their money, and added up."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
)

from adapters.sql.schema.journal import journal_entries
from adapters.sql.schema.months import customers, invoices
from adapters.sql.schema.orders import buyers
from billing.invoices.stages import Stage
from billing.model import MANY_MAX
from billing.receivables.journal import AccountKind, Balance, Outstanding, Subject, SubjectKind

_E = journal_entries.c
_LOCKED = select(customers.c.customer_id).where(customers.c.customer_id == bindparam("customer_id")).with_for_update()
_BUYER = select(buyers.c.customer_id).where(buyers.c.customer_id == bindparam("customer_id")).with_for_update()
_OWED_OR_NOT = AccountKind.RECEIVABLE, AccountKind.CREDIT, AccountKind.WRITTEN_OFF


def balances_of(
    whose: ColumnElement[Any],
    subject_kind: ColumnElement[Any],
    subject: ColumnElement[Any],
    kinds: Collection[AccountKind] = _OWED_OR_NOT,
) -> Select[*tuple[Any, ...]]:
    """The sums of a customer's accounts, by what these columns say that they are about."""
    of = (_E.kind, subject_kind.label("subject_kind"), subject.label("subject"), _E.currency, _E.due_at)
    own = select(*of, _E.amount_minor).where(_E.customer_id == whose, _E.kind.in_(kinds)).subquery().c
    names = [column.name for column in of]
    dated = [own[name] for name in names]
    by_date = select(*dated, func.sum(own.amount_minor).label("amount_minor")).group_by(*dated).subquery().c
    item, total = [by_date[name] for name in names[:-1]], func.sum(by_date.amount_minor)
    due_at = func.max(case((by_date.amount_minor > 0, by_date.due_at)))  # a void bill cancels out, with its date
    sums = select(*item, total.label("amount_minor"), due_at.label("due_at"))
    return sums.group_by(*item).having(total != 0)


_IS_NAMED = or_(_E.kind == AccountKind.RECEIVABLE, _E.subject.in_(bindparam("about", expanding=True)))
_CUSTOMER: BindParameter[Any] = bindparam("customer_id")


def _with_bills_named(sums: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Also whether a sum is about a month that was billed, and not about one that is going to be charged."""
    own, i = sums.subquery().c, invoices.c
    is_bill = exists().where(i.customer_id == _CUSTOMER, i.period == own.subject, i.outcome == Stage.BILLED)
    by_bill = case((own.subject_kind == SubjectKind.MONTH, is_bill), else_=false())
    return select(*own, by_bill.label("by_bill"))


_BALANCE = _with_bills_named(balances_of(_CUSTOMER, _E.subject_kind, _E.subject))
_ABOUT = case((_IS_NAMED, _E.subject_kind)), case((_IS_NAMED, _E.subject))
_BALANCE_ABOUT = _with_bills_named(balances_of(_CUSTOMER, *_ABOUT))
_BALANCE_WITH_BILLS = _with_bills_named(balances_of(_CUSTOMER, *_ABOUT, (*_OWED_OR_NOT, AccountKind.BILLED)))


def lock_account(connection: Connection, customer_id: str) -> bool:
    """Lets one transaction at a time move money of this customer or buyer; False if the ledger does not know them."""
    name = {"customer_id": customer_id}
    if connection.scalar(_LOCKED, name) is not None:
        return True
    if connection.scalar(_BUYER, name) is None:
        return False
    connection.scalar(_LOCKED, name)  # whoever made a customer of the buyer meanwhile has had the lock until now
    return True


def lock_customer(connection: Connection, customer_id: str) -> bool:
    """As ``lock_account``; False also of a buyer who is not billed monthly, but locks them, too."""
    name = {"customer_id": customer_id}
    if connection.scalar(_LOCKED, name) is not None:
        return True
    return lock_account(connection, customer_id) and connection.scalar(_LOCKED, name) is not None


def is_buyer(connection: Connection, customer_id: str | None) -> bool:
    """Whether they have ordered something; they may be billed monthly, too."""
    return connection.scalar(select(buyers.c.customer_id).where(buyers.c.customer_id == customer_id)) is not None


def lock_buyers(connection: Connection, customer_ids: Iterable[str]) -> None:
    """Waits for whoever moves money of these buyers, who are going to be customers: those are locked elsewhere."""
    own = select(buyers.c.customer_id).where(buyers.c.customer_id.in_(list(customer_ids)))
    connection.execute(own.order_by(buyers.c.customer_id).with_for_update())


def balance(
    connection: Connection, customer_id: str, about: Iterable[Subject | None] | None = None, has_bills: bool = False
) -> Balance:
    """As ``SqlJournal.balance``, within a transaction; ``about``: of credit and write-offs, what is about these only.

    Whoever posts reads no more: a buyer may have had any number of orders. ``has_bills``: with the bills of these.
    """
    query, key = _BALANCE, dict[str, Any](customer_id=customer_id)
    if about is not None:
        query = _BALANCE_WITH_BILLS if has_bills else _BALANCE_ABOUT
        key["about"] = [subject.name for subject in about if subject]
    return as_balance(connection.execute(query, key).mappings())


def as_balance(rows: Iterable[Mapping[Any, Any]]) -> Balance:
    """The balance by rows of ``balances_of``."""
    items = defaultdict[AccountKind, list[Outstanding]](list)
    credits: Counter[str] = Counter()
    for row in rows:
        amount_minor, currency = int(row["amount_minor"]), row["currency"]
        if row["kind"] == AccountKind.CREDIT:
            credits[currency] += amount_minor
        if row["subject"]:
            subject = Subject(kind=row["subject_kind"], name=row["subject"])
            item = Outstanding(subject=subject, currency=currency, amount_minor=amount_minor, due_at=row["due_at"])
            items[AccountKind(row["kind"])].append(item.evolve(by_bill=True) if row.get("by_bill") else item)
    return Balance(
        owed=tuple(items[AccountKind.RECEIVABLE]),
        credits={currency: minor for currency, minor in credits.items() if minor},
        origins=tuple(items[AccountKind.CREDIT][:MANY_MAX]),
        written_off=tuple(items[AccountKind.WRITTEN_OFF][:MANY_MAX]),
        bills=tuple(items[AccountKind.BILLED]),
    )
