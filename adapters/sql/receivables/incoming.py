"""Incoming payments: taken into the books, found, and rewritten by an erasure."""

import hashlib
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.journal_schema import incoming_payments, instructions, journal_entries, transactions
from adapters.sql.core.rows import alert_values
from adapters.sql.core.schema import alerts, customers, invoices
from adapters.sql.core.statements import insert_new
from adapters.sql.receivables.journal import ENTRIES, as_transactions, balance, lock_account, post, subject_values
from billing.customers.erasure import Scrubber
from billing.errors import InvalidInput, NotFound
from billing.receivables.doubts import AccountState, Doubt, doubts, leaves_doubts
from billing.receivables.incoming import IncomingPayment, PaymentRecord, booked, reversed_
from billing.receivables.journal import (
    NOTHING_OWED,
    AccountKind,
    PaymentName,
    Subject,
    SubjectKind,
    Transaction,
)
from billing.receivables.ports import Recorded
from billing.reviewers.alerts import of_doubt

_I = incoming_payments.c
_REASONS = (
    transactions.c.reason,
    *(instructions.c.reason, instructions.c.decided_why, instructions.c.result),
)
"""What people write about money that is nobody's."""


class SqlIncoming(SqlDatabase):
    """The part of ``SqlLedger`` about money that has arrived."""

    @in_thread
    def book(self, payment: IncomingPayment, at: datetime) -> bool:
        """Books money that has arrived, or gone back; False if it was booked before."""
        with self._writing(f"book payment {payment.name}") as connection:
            return book(connection, payment, at)

    @in_thread
    def record_payment(self, payment: IncomingPayment, at: datetime) -> Recorded:
        customer_id = payment.customer_id
        with self._writing(f"record payment {payment.name}") as connection:
            if customer_id is not None and not lock_account(connection, customer_id):
                raise NotFound(
                    f"the ledger does not know {customer_id}; without a customer, the money is kept as unmatched"
                )
            is_new = book(connection, payment, at)
            record = known_payment(connection, payment.name)
            if not is_new and not record.payment.is_same(payment):
                of = record.payment.customer_id or "nobody yet"
                raise InvalidInput(
                    f"{payment.name} is another payment already, {record.payment.amount} of {of}; "
                    "give this one a reference of its own"
                )
            return Recorded(
                record=record,
                is_new=is_new,
                doubts=tuple(_doubts(connection, record.payment, record.transactions[0], record.booked_at)),
            )

    @in_thread
    def incoming_payment(self, name: PaymentName) -> PaymentRecord | None:
        with self._looking(f"read payment {name}") as connection:
            return payment_record(connection, name)


def book(connection: Connection, payment: IncomingPayment, at: datetime) -> bool:
    """As ``SqlIncoming.book``, within a transaction."""
    if payment.customer_id is not None:
        lock_account(connection, payment.customer_id)
    values = payment.model_dump(exclude={"subject"}) | subject_values(payment.subject)
    if not insert_new(connection, incoming_payments, [values | {"booked_at": at, "unmatched_minor": 0}]):
        return False
    account = balance(connection, payment.customer_id) if payment.customer_id else NOTHING_OWED
    if payment.original is not None:
        original = payment_record(connection, PaymentName(payment.rail, payment.original))
        whose = original.payment.name if original else payment.name
        post_payment(connection, whose, reversed_(payment, original, account, at))
        return True
    posted = booked(payment, account, at, awaits_bill=_awaits_bill(connection, payment))
    post_payment(connection, payment.name, posted)
    tell_doubts(connection, payment, posted, at)
    return True


def post_payment(connection: Connection, name: PaymentName, posted: Transaction) -> None:
    """Posts a transaction about money of the payment ``name``, and keeps what of that is unmatched."""
    post(connection, [posted])
    kind, entries = AccountKind.UNMATCHED, posted.entries
    if minor := sum(entry.amount_minor for entry in entries if entry.account.kind is kind):
        changed = {"unmatched_minor": _I.unmatched_minor - minor}
        connection.execute(update(incoming_payments).where(*named(name)).values(changed))


def tell_doubts(connection: Connection, payment: IncomingPayment, posted: Transaction, at: datetime) -> list[Doubt]:
    """Puts what people should know about the payment, as it was ``posted``, into the alerts' outbox."""
    found = _doubts(connection, payment, posted, at)
    told = [alert_values(of_doubt(doubt, payment, posted.key, at)) for doubt in found]
    insert_new(connection, alerts, told)
    return found


def _doubts(connection: Connection, payment: IncomingPayment, posted: Transaction, at: datetime) -> list[Doubt]:
    if not leaves_doubts(payment, posted):
        return []
    row = connection.execute(
        select(customers.c.currency, customers.c.closed_at).where(customers.c.customer_id == payment.customer_id)
    ).one_or_none()
    account = AccountState(row.currency, row.closed_at is not None) if row else None
    return list(doubts(payment, posted, account, _equal(connection, payment, at)))


def _equal(connection: Connection, payment: IncomingPayment, at: datetime) -> PaymentName | None:
    """Another payment with the same amount, day and rail of the same customer (or unknown payer), booked before."""
    if payment.by is None:
        return None
    day = datetime.combine(payment.paid_at.date(), time(), UTC)
    whose = _I.customer_id == payment.customer_id
    if payment.customer_id is None:
        whose = (_I.customer_id.is_(None)) & (_I.payer == payment.payer)  # SQL: without a payer, never
    same = _I.rail == payment.rail, _I.amount_minor == payment.amount_minor, _I.currency == payment.currency
    before = _I.reference != payment.reference, _I.booked_at <= at, _I.original.is_(None)
    query = select(_I.rail, _I.reference).where(whose, *same, *before)
    query = query.where(_I.paid_at >= day, _I.paid_at < day + timedelta(days=1)).order_by(_I.booked_at)
    row = connection.execute(query.limit(1)).one_or_none()
    return PaymentName(*row) if row else None


def known_payment(connection: Connection, name: PaymentName, lock: bool = False) -> PaymentRecord:
    """The payment; with ``lock``, one transaction at a time moves its money. Raises ``NotFound``."""
    if lock:
        connection.execute(select(_I.rail).where(*named(name)).with_for_update())
    record = payment_record(connection, name)
    if record is None:
        raise NotFound(f"there is no payment {name}; see: python starter.py payments list")
    return record


def payment_record(connection: Connection, name: PaymentName) -> PaymentRecord | None:
    row = connection.execute(select(incoming_payments).where(*named(name))).mappings().one_or_none()
    if row is None:
        return None
    reversals = select(_I.reference).where(_I.rail == name.rail, _I.original == name.reference)
    is_own = or_(transactions.c.reference == name.reference, transactions.c.reference.in_(reversals.scalar_subquery()))
    moves = ENTRIES.where(transactions.c.rail == name.rail, is_own)
    returned = select(func.coalesce(func.sum(_I.amount_minor), 0)).where(
        _I.rail == name.rail, _I.original == name.reference
    )
    return PaymentRecord(
        payment=IncomingPayment(**payment_values(row)),
        booked_at=row["booked_at"],
        transactions=tuple(as_transactions(connection.execute(moves).mappings())),
        returned_minor=-int(connection.scalar(returned) or 0),
    )


def named(name: PaymentName) -> tuple[ColumnElement[bool], ...]:
    return _I.rail == name.rail, _I.reference == name.reference


def payment_values(row: Any) -> dict[str, Any]:
    subject = Subject(kind=row["subject_kind"], name=row["subject"]) if row["subject"] else None
    names = IncomingPayment.model_fields.keys() - {"subject"}
    return {**{name: row[name] for name in names}, "subject": subject}


def scrub_payments(connection: Connection, customer_id: str, scrubber: Scrubber) -> int:
    """Rewrites what names the person in references of their payments, and in payments that nobody has assigned.

    Returns how many. A rewritten reference stays unique, and every row that names it follows.
    """
    count = 0
    theirs = or_(_I.customer_id == customer_id, _I.customer_id.is_(None))
    for row in connection.execute(select(_I.rail, _I.reference, _I.payer, _I.reason).where(theirs)).all():
        reference, payer, reason = (scrubber.text(value or "") for value in row[1:])
        if reference != row.reference:
            reference = f"{reference} {hashlib.sha256(row.reference.encode()).hexdigest()[:12]}"
        if (reference, payer, reason) != (row.reference, row.payer or "", row.reason or ""):
            changes = {"reference": reference, "payer": payer or None, "reason": reason or None}
            connection.execute(update(incoming_payments).where(*named(PaymentName(*row[:2]))).values(changes))
            _rename(connection, row.rail, row.reference, reference)
            count += 1
    return count + sum(_scrub_reasons(connection, column, scrubber) for column in _REASONS)


def _scrub_reasons(connection: Connection, column: Column[str], scrubber: Scrubber) -> int:
    """Of movements and instructions about money that is nobody's."""
    count, c = 0, column.table.c
    nobodys = select(c.number, column).where(c.customer_id.is_(None), column.is_not(None))
    for number, text in connection.execute(nobodys).all():
        if (scrubbed := scrubber.text(text)) != text:
            connection.execute(update(column.table).where(c.number == number).values({column.name: scrubbed}))
            count += 1
    return count


def _rename(connection: Connection, rail: str, before: str, after: str) -> None:
    if after == before:
        return
    for column in (
        transactions.c.reference,
        instructions.c.reference,
        instructions.c.refund_reference,
        incoming_payments.c.original,
    ):
        is_named = column.table.c.rail == rail, column == before
        connection.execute(update(column.table).where(*is_named).values({column.name: after}))


def _awaits_bill(connection: Connection, payment: IncomingPayment) -> bool:
    """Whether the payment names a month that is open and was never billed."""
    subject, e = payment.subject, journal_entries.c
    if subject is None or payment.customer_id is None or subject.kind is not SubjectKind.MONTH:
        return False
    of_month = invoices.c.customer_id == payment.customer_id, invoices.c.period == subject.name
    billed = select(e.number).where(
        e.customer_id == payment.customer_id, e.kind == AccountKind.BILLED, e.subject == subject.name
    )
    is_open = select(invoices.c.period).where(*of_month, invoices.c.outcome.is_(None))
    return connection.scalar(is_open) is not None and connection.scalar(billed.limit(1)) is None
