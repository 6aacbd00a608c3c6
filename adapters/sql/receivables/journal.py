"""The journal and incoming payments. Whoever moves money in the ledger posts it here, in the same transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, insert, select, true

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.journal_schema import journal_entries, transactions
from adapters.sql.core.schema import customers, debts, invoices
from billing.errors import NotFound
from billing.receivables.journal import (
    Account,
    AccountKind,
    AccountTotal,
    Balance,
    Cause,
    Entry,
    JournalRow,
    Outstanding,
    PaymentName,
    Subject,
    Transaction,
    settlement,
)
from billing.receivables.ports import THE_BEGINNING, THE_END

_PAGE = 500
_E = journal_entries.c
_LOCKED = select(customers.c.customer_id).where(customers.c.customer_id == bindparam("customer_id")).with_for_update()
_SUM = func.sum(_E.amount_minor)
_OF_CUSTOMER = _E.customer_id == bindparam("customer_id")
_OWED = (
    select(_E.subject_kind, _E.subject, _E.currency, _SUM.label("amount_minor"), func.max(_E.due_at).label("due_at"))
    .where(_OF_CUSTOMER, _E.kind == AccountKind.RECEIVABLE)
    .group_by(_E.subject_kind, _E.subject, _E.currency)
    .having(_SUM != 0)
)
_CREDIT = (
    select(_E.currency, _SUM).where(_OF_CUSTOMER, _E.kind == AccountKind.CREDIT).group_by(_E.currency).having(_SUM != 0)
)
_T = transactions.c
_OF_TRANSACTION = [_T[name] for name in ("number", "key", "cause", "at", "reference", "by", "reason")]
ENTRIES = (
    select(
        *_OF_TRANSACTION, _T.customer_id.label("whose"), _T.rail.label("via"), *(c for c in _E if c.name != "number")
    )
    .join(journal_entries, _E.number == transactions.c.number)
    .order_by(transactions.c.number, _E.position)
)
_INSERT_TRANSACTION = insert(transactions).returning(transactions.c.number)
_INSERT_ENTRIES = insert(journal_entries)


class SqlJournal(SqlDatabase):
    """The part of ``SqlLedger`` about what is owed and what was paid."""

    @in_thread
    def balance(self, customer_id: str) -> Balance:
        """What the customer owes, and their credit; an indexed query each."""
        with self._looking(f"add up the account of {customer_id}") as connection:
            return balance(connection, customer_id)

    @in_thread
    def transactions(self, customer_id: str) -> list[Transaction]:
        """Every movement of the customer's money, oldest first."""
        query = ENTRIES.where(transactions.c.customer_id == customer_id)
        with self._looking(f"read the journal of {customer_id}") as connection:
            return as_transactions(connection.execute(query).mappings())

    @in_thread
    def settle(self, customer_id: str, by: str, reason: str, at: datetime) -> Balance:
        with self._writing(f"settle the balance of {customer_id}") as connection:
            if not lock_account(connection, customer_id):
                raise NotFound(f"the ledger does not know {customer_id}")
            whole, open_periods = balance(connection, customer_id), set[str]()
            for kept in (invoices, debts):
                query = select(kept.c.period).where(kept.c.customer_id == customer_id, kept.c.outcome.is_(None))
                open_periods.update(connection.scalars(query))
            settled = whole.evolve(owed=tuple(item for item in whole.owed if item.subject.name not in open_periods))
            posted = settlement(customer_id, settled, by, reason, at)
            post(connection, [posted] if posted else [])
            return settled

    async def journal(self, since: datetime, until: datetime) -> AsyncIterator[list[JournalRow]]:
        """All entries written in that time, in their order, in pages."""
        after = 0
        while rows := await self.run(partial(self._journal_page, since, until, after)):
            yield rows
            after = rows[-1].number

    def _journal_page(self, since: datetime, until: datetime, after: int) -> list[JournalRow]:
        t = transactions.c
        numbers = select(t.number).where(t.number > after, t.at >= since, t.at < until).order_by(t.number).limit(_PAGE)
        query = ENTRIES.where(t.number.in_(numbers.scalar_subquery()))
        with self._looking("read its journal") as connection:
            return [
                JournalRow(**{**row, "customer_id": row["whose"], "subject": _title(row)})
                for row in connection.execute(query).mappings()
            ]

    @in_thread
    def trial_balance(self, since: datetime = THE_BEGINNING, until: datetime = THE_END) -> list[AccountTotal]:
        """What was on each kind of account at ``since``, and what was debited and credited until ``until``."""
        t, is_whole = transactions.c, since <= THE_BEGINNING and until >= THE_END
        is_within = true() if is_whole else t.at >= since
        opening = func.sum(case((is_within, 0), else_=_E.amount_minor))
        debited = func.sum(case((and_(is_within, _E.amount_minor > 0), _E.amount_minor), else_=0))
        credited = func.sum(case((and_(is_within, _E.amount_minor < 0), -_E.amount_minor), else_=0))
        kinds = (_E.kind, _E.rail, _E.currency)
        query = select(*kinds, opening, debited, credited).group_by(*kinds)
        if not is_whole:
            query = query.join(transactions, t.number == _E.number).where(t.at < until)
        with self._reading("add its journal up") as connection:
            rows = connection.execute(query).all()
        totals = [AccountTotal(**dict(zip(AccountTotal.model_fields, row, strict=True))) for row in rows]
        return sorted(totals, key=lambda total: (total.currency, list(AccountKind).index(total.kind), total.rail or ""))


def lock_account(connection: Connection, customer_id: str) -> bool:
    """Lets one transaction at a time move money of this customer; False if the ledger does not know them."""
    return connection.scalar(_LOCKED, {"customer_id": customer_id}) is not None


def balance(connection: Connection, customer_id: str) -> Balance:
    """As ``SqlJournal.balance``, within a transaction."""
    key = {"customer_id": customer_id}
    owed = (
        Outstanding(
            subject=Subject(kind=row["subject_kind"], name=row["subject"]),
            currency=row["currency"],
            amount_minor=int(row["amount_minor"]),
            due_at=row["due_at"],
        )
        for row in connection.execute(_OWED, key).mappings()
    )
    credits = {currency: int(total) for currency, total in connection.execute(_CREDIT, key)}
    return Balance(owed=tuple(owed), credits=credits)


def post(connection: Connection, posted: Iterable[Transaction]) -> None:
    for transaction in posted:
        values = transaction.model_dump(exclude={"entries", "payment"}) | _payment(transaction.payment)
        number = connection.scalar(_INSERT_TRANSACTION, values)
        connection.execute(
            _INSERT_ENTRIES, [_values(number, place, entry) for place, entry in enumerate(transaction.entries, start=1)]
        )


def _payment(name: PaymentName | None) -> dict[str, str | None]:
    return {"rail": name.rail if name else None, "reference": name.reference if name else None}


def takes_too_much(connection: Connection, customer_id: str, posted: Iterable[Transaction]) -> bool:
    """Whether a draft among them takes over more than the customer's balance."""
    taken = (entry for each in posted if each.cause is Cause.DRAFT for entry in each.entries)
    for entry in taken:
        if entry.account.kind is AccountKind.CREDIT:
            carried_minor = balance(connection, customer_id).carried_minor(entry.currency)
            if not min(carried_minor, 0) <= -entry.amount_minor <= max(carried_minor, 0):
                return True
    return False


def as_transactions(rows: Iterable[Mapping[Any, Any]]) -> list[Transaction]:
    found = []
    for _, own in groupby(rows, key=itemgetter("number")):
        first, *others = own
        values = {name: first[name] for name in ("key", "cause", "at", "by", "reason")}
        entries = tuple(map(_entry, (first, *others)))
        payment = PaymentName(first["via"], first["reference"]) if first["via"] else None
        found.append(Transaction(**values, customer_id=first["whose"], payment=payment, entries=entries))
    return found


def _entry(row: Mapping[Any, Any]) -> Entry:
    subject = Subject(kind=row["subject_kind"], name=row["subject"]) if row["subject"] else None
    account = Account(kind=row["kind"], customer_id=row["customer_id"], subject=subject, rail=row["rail"])
    return Entry(account=account, amount_minor=row["amount_minor"], currency=row["currency"], due_at=row["due_at"])


def _title(row: Mapping[Any, Any]) -> str | None:
    return f"{row['subject_kind']} {row['subject']}" if row["subject"] else None


def _values(number: int | None, position: int, entry: Entry) -> dict[str, Any]:
    account = entry.account
    return {
        "number": number,
        "position": position,
        "kind": account.kind,
        "customer_id": account.customer_id,
        **subject_values(account.subject),
        "rail": account.rail,
        "amount_minor": entry.amount_minor,
        "currency": entry.currency,
        "due_at": entry.due_at,
    }


def subject_values(subject: Subject | None) -> dict[str, str | None]:
    return {"subject_kind": subject.kind if subject else None, "subject": subject.name if subject else None}
