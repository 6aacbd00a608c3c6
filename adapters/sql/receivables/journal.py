"""The journal and incoming payments. Whoever moves money in the ledger posts it here, in the same transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    true,
)

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.events.outbox import put_events
from adapters.sql.orders.releases import release_what_is_paid
from adapters.sql.receivables.accounts import balance
from adapters.sql.receivables.relief import relieve
from adapters.sql.schema.journal import incoming_payments, journal_entries, transactions
from adapters.sql.schema.months import debts, invoices
from billing.events.event import Destination
from billing.invoices.stages import COLLECTED_OUTCOMES
from billing.payments.rails import CARDS
from billing.receivables.events import PaymentHead, Receivable, Standing, concerns_collection, events_of, receivables
from billing.receivables.journal import (
    Account,
    AccountKind,
    Balance,
    Cause,
    Entry,
    PaymentName,
    Subject,
    SubjectKind,
    Transaction,
)
from billing.receivables.listing import AccountTotal, JournalRow
from billing.receivables.ports import THE_BEGINNING, THE_END

_PAGE = 500
_E = journal_entries.c
_SUM = func.sum(_E.amount_minor)


_T = transactions.c
_STANDING = (
    select(
        _SUM.label("owed"),
        func.max(case((_T.cause == Cause.NOTICE, _T.number))).label("issued"),
        func.max(case((_T.cause == Cause.VOID, _T.number))).label("voided"),
    )
    .join(transactions, _T.number == _E.number)
    .where(_E.customer_id == bindparam("customer_id"), _E.kind == AccountKind.RECEIVABLE)
    .where(_E.subject_kind == bindparam("subject_kind"), _E.subject == bindparam("subject"))
    .where(_E.currency == bindparam("currency"))
)
_OF_TRANSACTION = [_T[name] for name in ("number", "key", "cause", "at", "digest", "by", "reason")]
ENTRIES = (
    select(
        *_OF_TRANSACTION, _T.customer_id.label("whose"), _T.rail.label("via"), *(c for c in _E if c.name != "number")
    )
    .join(journal_entries, _E.number == transactions.c.number)
    .order_by(transactions.c.number, _E.position)
)
_HEAD = select(incoming_payments.c.reference, incoming_payments.c.kind).where(
    incoming_payments.c.rail == bindparam("rail"), incoming_payments.c.digest == bindparam("digest")
)
_WHOSE: BindParameter[Any] = bindparam("customer_id")
_COLLECTED = (
    select(invoices.c.period)
    .where(invoices.c.customer_id == _WHOSE, invoices.c.period == bindparam("period"))
    .where(or_(*(invoices.c.outcome == outcome for outcome in sorted(COLLECTED_OUTCOMES))))
    .union_all(select(debts.c.period).where(debts.c.customer_id == _WHOSE, debts.c.outcome.is_(None)))
    .limit(1)
)
_TOLD = {Destination.RECEIVER, Destination.COLLECTION}
_INSERT_TRANSACTION = insert(transactions).returning(transactions.c.number)
_INSERT_ENTRIES = insert(journal_entries)


class SqlJournal(SqlDatabase):
    """The part of ``SqlLedger`` about what is owed and what was paid."""

    @in_thread
    def balance(self, customer_id: str) -> Balance:
        """What the customer owes, and their credit; one indexed query."""
        with self._reading(f"add up the account of {customer_id}") as connection:
            return balance(connection, customer_id)

    @in_thread
    def transactions(self, customer_id: str) -> list[Transaction]:
        """Every movement of the customer's money, oldest first."""
        own = select(_E.number).where(_E.customer_id == customer_id)
        query = ENTRIES.where(transactions.c.number.in_(own))
        with self._looking(f"read the journal of {customer_id}") as connection:
            return as_transactions(connection.execute(query).mappings())

    @in_thread
    def transactions_of(self, customer_id: str, subject: Subject) -> list[Transaction]:
        about = _E.subject_kind == subject.kind, _E.subject == subject.name, _E.kind == AccountKind.RECEIVABLE
        own = select(_E.number).where(_E.customer_id == customer_id, *about)
        with self._looking(f"read the journal of the {subject}") as connection:
            return as_transactions(connection.execute(ENTRIES.where(transactions.c.number.in_(own))).mappings())

    async def journal(self, since: datetime, until: datetime) -> AsyncIterator[list[JournalRow]]:
        """All entries written in that time, in their order, in pages."""
        after = 0
        while rows := await self.run(partial(self._journal_page, since, until, after)):
            yield rows
            after = rows[-1].number

    def _journal_page(self, since: datetime, until: datetime, after: int) -> list[JournalRow]:
        t = transactions.c
        numbers = select(t.number).where(t.number > after, t.at >= since, t.at < until).order_by(t.number).limit(_PAGE)
        name = incoming_payments.c.rail == t.rail, incoming_payments.c.digest == t.digest
        named = ENTRIES.add_columns(incoming_payments.c.reference).outerjoin(incoming_payments, and_(*name))
        query = named.where(t.number.in_(numbers.scalar_subquery()))
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


def post(connection: Connection, posted: Iterable[Transaction]) -> None:
    """Writes the transactions; with them, the events that other systems are to get, if there are any such systems.

    What they pay for an order is released with them, whoever owes nothing overdue any more is restored, and service
    orders that have waited for it go on: no money gets past this.
    """
    posted = list(posted)
    told = _TOLD.intersection(connection.get_execution_options().get("destinations", ()))
    if Destination.COLLECTION in told and not _is_collected(connection, posted):
        told.discard(Destination.COLLECTION)
    if told:
        before, payments = _standings(connection, receivables(posted)), _heads(connection, posted)
        events = list(events_of(posted, before, payments))
        concerned = {Destination.RECEIVER: events, Destination.COLLECTION: list(filter(concerns_collection, events))}
        for destination in told:
            put_events(connection, destination, concerned[destination])
    for transaction in posted:
        values = transaction.model_dump(exclude={"entries", "payment"}) | _payment(transaction.payment)
        number = connection.scalar(_INSERT_TRANSACTION, values)
        connection.execute(
            _INSERT_ENTRIES, [_values(number, place, entry) for place, entry in enumerate(transaction.entries, start=1)]
        )
    release_what_is_paid(connection, posted)
    relieve(connection, posted)


def _is_collected(connection: Connection, posted: Iterable[Transaction]) -> bool:
    """Whether they move money for months that somebody collects, and that was not charged by a collection itself.

    A month that closes unpaid later is recorded under the lock of its customer, as money is; then its collection
    begins, and counts.
    """
    moves = (each for each in posted if each.payment is not None and each.payment.rail != CARDS)
    about = [each for each in receivables(moves) if each.subject.kind is SubjectKind.MONTH]
    keys = ({"customer_id": each.customer_id, "period": each.subject.name} for each in about)
    return any(connection.scalar(_COLLECTED, key) is not None for key in keys)


def _standings(connection: Connection, changed: Iterable[Receivable]) -> dict[Receivable, Standing]:
    """How receivables stand before they are changed. A bill is in force if it was not voided since."""
    standings = {}
    for receivable in changed:
        key = {
            "customer_id": receivable.customer_id,
            "subject_kind": receivable.subject.kind,
            "subject": receivable.subject.name,
        }
        row = connection.execute(_STANDING, key | {"currency": receivable.currency}).one()
        standings[receivable] = Standing(int(row.owed or 0), (row.issued or 0) > (row.voided or 0))
    return standings


def _heads(connection: Connection, posted: Iterable[Transaction]) -> dict[PaymentName, PaymentHead]:
    """What the payments that are moved are called."""
    heads = {}
    for name in {transaction.payment for transaction in posted if transaction.payment}:
        heads[name] = PaymentHead(*connection.execute(_HEAD, name._asdict()).one())
    return heads


def _payment(name: PaymentName | None) -> dict[str, str | None]:
    return {"rail": name.rail if name else None, "digest": name.digest if name else None}


def as_transactions(rows: Iterable[Mapping[Any, Any]]) -> list[Transaction]:
    found = []
    for _, own in groupby(rows, key=itemgetter("number")):
        first, *others = own
        values = {name: first[name] for name in ("key", "cause", "at", "by", "reason")}
        entries = tuple(map(_entry, (first, *others)))
        payment = PaymentName(first["via"], first["digest"]) if first["via"] else None
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
