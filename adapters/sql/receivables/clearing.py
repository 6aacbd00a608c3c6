"""Clearing accounts, payment by payment: what rails have brought for a month."""

from datetime import UTC, datetime, time

from sqlalchemy import ColumnElement, and_, func, or_, select, union_all

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.schema.journal import incoming_payments, journal_entries, transactions
from billing.apart import Failed
from billing.period import Period
from billing.receivables.incoming import ClearedPayment
from billing.receivables.journal import AccountKind, SubjectKind

_P, _T, _E = incoming_payments.c, transactions.c, journal_entries.c
_BACK = incoming_payments.alias("back").c
_WHOSE = (_P.rail, _P.digest, _P.reference, _P.customer_id, _P.by)


class SqlClearing(SqlDatabase):
    """The part of ``SqlLedger`` about clearing accounts."""

    @in_thread
    def cleared(self, period: Period, failed: list[Failed] | None = None) -> list[ClearedPayment]:
        return self._cleared(_is_of(period), failed)

    @in_thread
    def cleared_on(
        self, rail: str, since: datetime, until: datetime, failed: list[Failed] | None = None
    ) -> list[ClearedPayment]:
        return self._cleared(and_(_P.rail == rail, _P.paid_at >= since, _P.paid_at < until), failed)

    def _cleared(self, is_wanted: ColumnElement[bool], failed: list[Failed] | None) -> list[ClearedPayment]:
        is_original = _P.original.is_(None), is_wanted
        own = select(*_WHOSE, _P.digest.label("moved")).where(*is_original)
        back = select(*_WHOSE, _BACK.digest).where(*is_original, _BACK.rail == _P.rail, _BACK.original == _P.digest)
        payments = union_all(own, back).cte("payments").prefix_with("MATERIALIZED")
        p = payments.c  # found first: else SQLite would go through all transactions of a rail for each
        whose = [*(p[column.name] for column in _WHOSE), _E.currency]
        query = select(*whose, func.sum(_E.amount_minor).label("amount_minor")).group_by(*whose)
        query = query.select_from(payments).join(transactions, and_(_T.rail == p.rail, _T.digest == p.moved))
        query = query.join(
            journal_entries, and_(_E.number == _T.number, _E.kind == AccountKind.CLEARING, _E.rail == p.rail)
        )
        with self._reading("add its clearing accounts up") as connection:
            return as_models(ClearedPayment, connection.execute(query).mappings(), failed)


def _is_of(period: Period) -> ColumnElement[bool]:
    """Whether the payment names the month; or names none, is by people's word, and was paid in it."""
    since, until = (datetime.combine(month.first_day, time(), UTC) for month in (period, period.next()))
    is_named = and_(_P.subject_kind == SubjectKind.MONTH, _P.subject == period)
    is_in_month = and_(_P.paid_at >= since, _P.paid_at < until)
    return or_(is_named, and_(_P.subject_kind.is_(None), _P.subject.is_(None), _P.by.is_not(None), is_in_month))
