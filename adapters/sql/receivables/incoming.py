"""Incoming payments: found, listed, and assigned to customers by people."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.journal_schema import incoming_payments, journal_entries, transactions
from adapters.sql.core.schema import invoices
from adapters.sql.core.statements import insert_new, where_given
from adapters.sql.receivables.journal import ENTRIES, as_transactions, balance, lock_account, post, subject_values
from billing.customers.erasure import Scrubber
from billing.errors import NotFound
from billing.receivables.incoming import IncomingPayment, PaymentRecord, PaymentRow, assigned, booked, reversed_
from billing.receivables.journal import NOTHING_OWED, AccountKind, PaymentName, Subject, SubjectKind

_I = incoming_payments.c
_UNMATCHED = (
    select(transactions.c.rail, transactions.c.reference, -func.sum(journal_entries.c.amount_minor))
    .join(journal_entries, journal_entries.c.number == transactions.c.number)
    .where(journal_entries.c.kind == AccountKind.UNMATCHED)
    .group_by(transactions.c.rail, transactions.c.reference)
    .having(func.sum(journal_entries.c.amount_minor) != 0)
)


class SqlIncoming(SqlDatabase):
    """The part of ``SqlLedger`` about money that has arrived."""

    @in_thread
    def book(self, payment: IncomingPayment, at: datetime) -> bool:
        """Books money that has arrived, or gone back; False if it was booked before."""
        with self._writing(f"book payment {payment.name}") as connection:
            return book(connection, payment, at)

    @in_thread
    def incoming_payment(self, name: PaymentName) -> PaymentRecord | None:
        with self._looking(f"read payment {name}") as connection:
            return _record(connection, name)

    @in_thread
    def incoming_payments(
        self, unmatched_only: bool = False, customer_id: str | None = None, rail: str | None = None, text: str = ""
    ) -> list[PaymentRow]:
        """The payments that match everything given, unmatched ones first, then the newest.

        ``text`` is part of a reference, of the payer's name or of a customer's id, in any case.
        """
        where = where_given(incoming_payments, customer_id=customer_id, rail=rail)
        where += [_contains(text)] if text else []
        with self._looking("list the incoming payments") as connection:
            unmatched = {(row[0], row[1]): int(row[2]) for row in connection.execute(_UNMATCHED)}
            rows = [
                PaymentRow(**_values(row), booked_at=row["booked_at"], unmatched_minor=left)
                for row in connection.execute(select(incoming_payments).where(*where)).mappings()
                if (left := unmatched.get((row["rail"], row["reference"]), 0)) or not unmatched_only
            ]
        return sorted(rows, key=lambda row: (not row.unmatched_minor, -row.booked_at.timestamp(), row.reference))

    @in_thread
    def assign(self, name: PaymentName, to: IncomingPayment, by: str, reason: str, at: datetime) -> PaymentRecord:
        """Makes unmatched money of a payment that of a customer; ``to`` says whose, for what and how much.

        Raises ``NotFound`` for an unknown payment or customer, ``InvalidInput`` if not so much is unmatched.
        """
        with self._writing(f"assign payment {name}") as connection:
            assert to.customer_id is not None
            connection.execute(select(_I.rail).where(*_named(name)).with_for_update())
            record = _record(connection, name)
            if record is None:
                raise NotFound(f"there is no payment {name}; see: python starter.py payments list")
            if not lock_account(connection, to.customer_id):
                raise NotFound(f"the ledger does not know {to.customer_id}")
            post(connection, [assigned(record, to, balance(connection, to.customer_id), by, reason, at)])
            found = _record(connection, name)
            assert found is not None
            return found


def book(connection: Connection, payment: IncomingPayment, at: datetime) -> bool:
    """As ``SqlIncoming.book``, within a transaction."""
    if payment.customer_id is not None:
        lock_account(connection, payment.customer_id)
    values = payment.model_dump(exclude={"subject"}) | subject_values(payment.subject) | {"booked_at": at}
    if not insert_new(connection, incoming_payments, [values]):
        return False
    account = balance(connection, payment.customer_id) if payment.customer_id else NOTHING_OWED
    if payment.original is not None:
        original = _record(connection, PaymentName(payment.rail, payment.original))
        post(connection, [reversed_(payment, original, account, at)])
    else:
        post(connection, [booked(payment, account, at, awaits_bill=_awaits_bill(connection, payment))])
    return True


def scrub_payments(connection: Connection, customer_id: str, scrubber: Scrubber) -> int:
    """Rewrites what names the person in references of their payments, and in payments that nobody has assigned.

    Returns how many. A rewritten reference stays unique.
    """
    count = 0
    theirs = or_(_I.customer_id == customer_id, _I.customer_id.is_(None))
    for row in connection.execute(select(_I.rail, _I.reference, _I.payer, _I.reason).where(theirs)).all():
        reference, payer, reason = (scrubber.text(value or "") for value in row[1:])
        if reference != row.reference:
            reference = f"{reference} {hashlib.sha256(row.reference.encode()).hexdigest()[:12]}"
        if (reference, payer, reason) != (row.reference, row.payer or "", row.reason or ""):
            changes = {"reference": reference, "payer": payer or None, "reason": reason or None}
            connection.execute(update(incoming_payments).where(*_named(PaymentName(*row[:2]))).values(changes))
            _rename(connection, row.rail, row.reference, reference)
            count += 1
    return count


def _rename(connection: Connection, rail: str, before: str, after: str) -> None:
    if after != before:
        is_named = transactions.c.rail == rail, transactions.c.reference == before
        connection.execute(update(transactions).where(*is_named).values(reference=after))
        is_reversed = _I.rail == rail, _I.original == before
        connection.execute(update(incoming_payments).where(*is_reversed).values(original=after))


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


def _named(name: PaymentName) -> tuple[ColumnElement[bool], ...]:
    return _I.rail == name.rail, _I.reference == name.reference


def _contains(text: str) -> ColumnElement[bool]:
    return or_(*(column.icontains(text, autoescape=True) for column in (_I.reference, _I.payer, _I.customer_id)))


def _record(connection: Connection, name: PaymentName) -> PaymentRecord | None:
    row = connection.execute(select(incoming_payments).where(*_named(name))).mappings().one_or_none()
    if row is None:
        return None
    reversals = select(_I.reference).where(_I.rail == name.rail, _I.original == name.reference)
    is_own = or_(transactions.c.reference == name.reference, transactions.c.reference.in_(reversals.scalar_subquery()))
    moves = ENTRIES.where(transactions.c.rail == name.rail, is_own)
    returned = select(func.coalesce(func.sum(_I.amount_minor), 0)).where(
        _I.rail == name.rail, _I.original == name.reference
    )
    return PaymentRecord(
        payment=IncomingPayment(**_values(row)),
        booked_at=row["booked_at"],
        transactions=tuple(as_transactions(connection.execute(moves).mappings())),
        returned_minor=-int(connection.scalar(returned) or 0),
    )


def _values(row: Any) -> dict[str, Any]:
    subject = Subject(kind=row["subject_kind"], name=row["subject"]) if row["subject"] else None
    names = IncomingPayment.model_fields.keys() - {"subject"}
    return {**{name: row[name] for name in names}, "subject": subject}
