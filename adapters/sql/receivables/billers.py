"""What banks ask and tell: ``billing.billers.ports.BillerBooks`` in SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    bindparam,
    case,
    null,
    select,
    true,
    update,
)

from adapters.sql.core.database import SqlDatabase, ahead
from adapters.sql.core.statements import insert_counted
from adapters.sql.customers.account_numbers import locked_owner_of
from adapters.sql.orders.credit import promised
from adapters.sql.receivables.accounts import as_balance, balances_of
from adapters.sql.receivables.incoming import book, payment_record
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.billers import biller_answers, personal_numbers, service_accounts
from adapters.sql.schema.journal import journal_entries
from adapters.sql.schema.months import customers
from adapters.sql.schema.orders import buyers
from billing.billers.biller import (
    AccountDue,
    Answer,
    Answered,
    BillerCode,
    BillerPayment,
    Outcome,
    Render,
    due_minor,
)
from billing.customers.account_numbers import AccountKey
from billing.receivables.incoming import IncomingPayment, PaymentRecord
from billing.receivables.journal import AccountKind, PaymentName
from billing.reviewers.biller_alerts import of_changed_repeat, of_misdated, of_told_otherwise

_B, _E = biller_answers.c, journal_entries.c
_KEY: BindParameter[Any] = bindparam("key")
_ANSWER = select(biller_answers).where(_B.rail == bindparam("rail"), _B.txn_id == bindparam("txn_id"))
_KEEP = update(biller_answers).where(_B.number == bindparam("of"))
_NOTHING_YET = {"code": "", "answer": b"", "content_type": "", "payment": None}


def _due(account: FromClause, key: ColumnElement[Any], closed_at: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Whose account it is, beside each of its sums: one query."""
    whose = select(account.c.customer_id).where(key == _KEY).scalar_subquery()
    is_bill = _E.kind == AccountKind.RECEIVABLE
    sums = balances_of(whose, case((is_bill, _E.subject_kind)), case((is_bill, _E.subject))).subquery()
    heads = account.outerjoin(customers, customers.c.customer_id == account.c.customer_id)
    heads = heads.outerjoin(buyers, buyers.c.customer_id == account.c.customer_id)
    names = customers.c.name.label("name"), buyers.c.name.label("buyer")
    closings = closed_at.label("number_closed_at"), customers.c.closed_at.label("closed_at")
    going_back = promised(whose, bindparam("currency")).scalar_subquery().label("promised_minor")
    query = select(account.c.customer_id, *names, *closings, going_back, *sums.c)
    return query.select_from(heads.outerjoin(sums, true())).where(key == _KEY)


_BY_NUMBER = _due(service_accounts, service_accounts.c.number, service_accounts.c.closed_at)
_BY_PERSON = _due(personal_numbers, personal_numbers.c.digest, null())


class SqlBillers(SqlDatabase):
    """The part of ``SqlLedger`` about what banks ask and tell; in threads of its own, for a bank waits 15 seconds."""

    @ahead
    def account_due(self, key: AccountKey, currency: str) -> AccountDue | None:
        query = _BY_NUMBER if key.number is not None else _BY_PERSON
        with self._reading("add an account up") as connection:
            given = {"key": key.number or key.personal, "currency": currency}
            rows = connection.execute(query, given).mappings().all()
        if not rows:
            return None
        head, known = rows[0], as_balance(row for row in rows if row["kind"] is not None)
        is_closed = head["number_closed_at"] is not None or head["closed_at"] is not None
        name = head["name"] or head["buyer"] or ""
        due = due_minor(known, currency, int(head["promised_minor"] or 0))
        return AccountDue(head["customer_id"], name, is_closed, due)

    @ahead
    def answered(self, rail: str, txn_id: str, asked: str, at: datetime) -> Answered | None:
        with self._reading("look an answer up") as connection:
            known = _known(connection, rail, txn_id, asked)
        if known is not None and known.differs:
            with self._writing("tell of a repeat that differs") as connection:
                _tell(connection, rail, txn_id, asked, at)
        return known

    @ahead
    def pay_account(self, payment: BillerPayment, render: Render, at: datetime) -> Answered:
        rail, txn_id, asked = payment.rail, payment.txn_id, payment.asked
        values = {"rail": rail, "txn_id": txn_id, "asked": asked, "at": at}
        with self._writing(f"book payment {txn_id} of {rail}") as connection:
            number = insert_counted(connection, biller_answers, values | _NOTHING_YET)
            if number is None:
                known = _known(connection, rail, txn_id, asked)
                assert known is not None, "an answer was there a moment ago"
                if known.differs:
                    _tell(connection, rail, txn_id, asked, at)
                return known
            name = _booked(connection, payment, at)
            if payment.misdated:
                put_alerts(connection, [of_misdated(rail, txn_id, payment.misdated, at)])
            code = BillerCode.OK if name else BillerCode.NOT_FOUND
            answer = render(Outcome(code, txn_id, payment.amount_minor, number if name else None))
            kept = {"code": answer.code, "answer": answer.content, "content_type": answer.content_type}
            connection.execute(_KEEP, {"of": number, **kept, "payment": name and name.digest})
            return Answered(number, answer, True)


def _booked(connection: Connection, payment: BillerPayment, at: datetime) -> PaymentName | None:
    """The name of the incoming payment; None: nobody's account, and no register has told of the payment before."""
    customer_id = locked_owner_of(connection, payment.key)
    incoming = IncomingPayment(
        rail=payment.rail,
        reference=payment.txn_id,
        customer_id=customer_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        paid_at=payment.paid_at,
    )
    if customer_id is not None and book(connection, incoming, at, uses_credit=True, is_locked=True):
        return incoming.name
    record = payment_record(connection, incoming.name)
    if record is None:
        return None
    if not _is_same(record, incoming):
        put_alerts(connection, [of_told_otherwise(record.payment, incoming, at)])
    return incoming.name


def _is_same(record: PaymentRecord, incoming: IncomingPayment) -> bool:
    """Whether what was booked before under this reference, as by a register, is this payment.

    Whose it is now counts; of an account that nobody has, it may be anybody's.
    """
    if any(getattr(record.payment, name) != getattr(incoming, name) for name in ("amount_minor", "currency")):
        return False
    return incoming.customer_id is None or record.parts.keys() <= {incoming.customer_id}


def _known(connection: Connection, rail: str, txn_id: str, asked: str) -> Answered | None:
    row = connection.execute(_ANSWER, {"rail": rail, "txn_id": txn_id}).one_or_none()
    if row is None:
        return None
    answer = Answer(BillerCode(row.code), row.answer, row.content_type)
    return Answered(row.number, answer, False, row.asked != asked)


def _tell(connection: Connection, rail: str, txn_id: str, asked: str, at: datetime) -> None:
    """Once for each account and sum with which the bank repeats the payment."""
    record = payment_record(connection, PaymentName.of(rail, txn_id))
    put_alerts(connection, [of_changed_repeat(rail, txn_id, record.payment if record else None, asked, at)])
