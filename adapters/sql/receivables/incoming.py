"""Incoming payments: found, listed, and assigned to customers by people."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.journal_schema import incoming_payments, journal_entries, transactions
from adapters.sql.core.statements import insert_new, where_given
from adapters.sql.receivables.journal import ENTRIES, as_transactions, balance, lock_account, post, subject_values
from billing.customers.erasure import ERASED, Scrubber
from billing.errors import NotFound
from billing.receivables.allocation import assigned, booked, reversed_
from billing.receivables.incoming import IncomingPayment, PaymentRecord, PaymentRow
from billing.receivables.journal import NOTHING_OWED, AccountKind, PaymentName, Subject

_I = incoming_payments.c
_OF = func.coalesce(_I.original, _I.digest)  # money that went back counts with the payment that it reverses
_UNMATCHED = (
    select(_I.rail, _OF, -func.sum(journal_entries.c.amount_minor))
    .join(transactions, and_(transactions.c.rail == _I.rail, transactions.c.digest == _I.digest))
    .join(journal_entries, journal_entries.c.number == transactions.c.number)
    .where(journal_entries.c.kind == AccountKind.UNMATCHED)
    .group_by(_I.rail, _OF)
    .having(func.sum(journal_entries.c.amount_minor) != 0)
)


class SqlIncoming(SqlDatabase):
    """The part of ``SqlLedger`` about money that has arrived."""

    @in_thread
    def book(self, payment: IncomingPayment, at: datetime) -> bool:
        """Books money that has arrived, or gone back; False if it was booked before.

        Raises ``NotFound`` for money that went back of a payment that is not booked: book that first.
        """
        with self._writing(f"book payment {payment.title}") as connection:
            return book(connection, payment, at)

    @in_thread
    def incoming_payment(self, name: PaymentName) -> PaymentRecord | None:
        with self._looking("read an incoming payment") as connection:
            return _record(connection, name)

    @in_thread
    def incoming_payments(
        self, unmatched_only: bool = False, customer_id: str | None = None, rail: str | None = None, text: str = ""
    ) -> list[PaymentRow]:
        """The payments that match everything given, unmatched ones first, then the newest.

        ``text`` is part of a reference, of the payer's name or of a customer's id, in any case.
        """
        where = where_given(incoming_payments, rail=rail)
        where += [or_(_I.customer_id == customer_id, _is_moved_by(customer_id))] if customer_id else []
        where += [_contains(text)] if text else []
        with self._looking("list the incoming payments") as connection:
            unmatched = {(row[0], row[1]): int(row[2]) for row in connection.execute(_UNMATCHED)}
            rows = [
                PaymentRow(**_values(row), digest=row["digest"], booked_at=row["booked_at"], unmatched_minor=left)
                for row in connection.execute(select(incoming_payments).where(*where)).mappings()
                if (left := unmatched.get((row["rail"], row["digest"]), 0)) or not unmatched_only
            ]
        return sorted(rows, key=lambda row: (not row.unmatched_minor, -row.booked_at.timestamp(), row.reference))

    @in_thread
    def assign(self, name: PaymentName, to: IncomingPayment, by: str, reason: str, at: datetime) -> PaymentRecord:
        """Makes unmatched money of a payment that of a customer; ``to`` says whose, for what and how much.

        Raises ``NotFound`` for an unknown payment or customer, ``InvalidInput`` if not so much is unmatched.
        """
        with self._writing("assign a payment") as connection:
            assert to.customer_id is not None
            is_known = lock_account(connection, to.customer_id)
            connection.execute(select(_I.rail).where(*_named(name)).with_for_update())
            record = _record(connection, name)
            if record is None:
                raise NotFound(f"there is no such payment on {name.rail}; see: python starter.py payments list")
            if not is_known:
                raise NotFound(f"the ledger does not know {to.customer_id}")
            post(connection, [assigned(record, to, balance(connection, to.customer_id), by, reason, at)])
            found = _record(connection, name)
            assert found is not None
            return found


def book(connection: Connection, payment: IncomingPayment, at: datetime) -> bool:
    """As ``SqlIncoming.book``, within a transaction."""
    original = _record(connection, payment.original) if payment.original else None
    if payment.original and original is None:
        raise NotFound(f"the payment that {payment.title} reverses is not booked; book it first, then this one")
    of_original = [account.customer_id for account in original.shares] if original else []
    customer_ids = sorted({customer_id for customer_id in (payment.customer_id, *of_original) if customer_id})
    for customer_id in customer_ids:
        lock_account(connection, customer_id)
    values = payment.model_dump(exclude={"subject", "original"}) | subject_values(payment.subject)
    values |= {"digest": payment.name.digest, "original": payment.original and payment.original.digest, "booked_at": at}
    if not insert_new(connection, incoming_payments, [values]):
        return False
    balances = {customer_id: balance(connection, customer_id) for customer_id in customer_ids}
    if payment.original:
        original = _record(connection, payment.original)  # as it is now that its customers are locked
        assert original is not None
        post(connection, [reversed_(payment, original, balances, at)])
    else:
        post(connection, [booked(payment, balances.get(payment.customer_id or "", NOTHING_OWED), at)])
    return True


def scrub_payments(connection: Connection, customer_id: str, scrubber: Scrubber) -> int:
    """Rewrites what names the person in payments that were assigned to them; returns how many."""
    count = 0
    assigned_later = _I.customer_id.is_(None), _is_moved_by(customer_id)
    for row in connection.execute(select(incoming_payments).where(*assigned_later)).mappings():
        texts = {name: row[name] for name in ("reference", "payer", "reason")}
        whole = {name: ERASED for name in ("payer", "reason") if texts[name]}
        fresh = scrubber.field("", texts) | whole
        if fresh != texts:
            name = PaymentName(row["rail"], row["digest"])
            connection.execute(update(incoming_payments).where(*_named(name)).values(fresh))
            of_payment = transactions.c.rail == name.rail, transactions.c.digest == name.digest
            connection.execute(update(transactions).where(*of_payment).values(reason=fresh["reason"]))
            count += 1
    return count


def _is_moved_by(customer_id: str) -> ColumnElement[bool]:
    """Whether any of the payment is or was the customer's."""
    t = transactions.c
    return exists().where(t.rail == _I.rail, t.digest == _I.digest, t.customer_id == customer_id)


def _named(name: PaymentName) -> tuple[ColumnElement[bool], ...]:
    return _I.rail == name.rail, _I.digest == name.digest


def _contains(text: str) -> ColumnElement[bool]:
    return or_(*(column.icontains(text, autoescape=True) for column in (_I.reference, _I.payer, _I.customer_id)))


def _record(connection: Connection, name: PaymentName) -> PaymentRecord | None:
    row = connection.execute(select(incoming_payments).where(*_named(name))).mappings().one_or_none()
    if row is None:
        return None
    is_reversal = _I.rail == name.rail, _I.original == name.digest
    reversals = select(_I.digest).where(*is_reversal)
    is_own = or_(transactions.c.digest == name.digest, transactions.c.digest.in_(reversals.scalar_subquery()))
    moves = ENTRIES.where(transactions.c.rail == name.rail, is_own)
    returned = select(func.coalesce(func.sum(_I.amount_minor), 0)).where(*is_reversal)
    return PaymentRecord(
        payment=IncomingPayment(**_values(row)),
        booked_at=row["booked_at"],
        transactions=tuple(as_transactions(connection.execute(moves).mappings())),
        returned_minor=-int(connection.scalar(returned) or 0),
    )


def _values(row: Any) -> dict[str, Any]:
    subject = Subject(kind=row["subject_kind"], name=row["subject"]) if row["subject"] else None
    names = IncomingPayment.model_fields.keys() - {"subject", "original"}
    original = PaymentName(row["rail"], row["original"]) if row["original"] else None
    return {**{name: row[name] for name in names}, "subject": subject, "original": original}
