"""Clearing accounts, payment by payment: what rails have brought for a month."""

from collections import Counter
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.journal_schema import incoming_payments, journal_entries, transactions
from billing.apart import Failed
from billing.period import Period
from billing.receivables.incoming import ClearedPayment
from billing.receivables.journal import AccountKind, PaymentName, SubjectKind

_P, _T, _E = incoming_payments.c, transactions.c, journal_entries.c
_RETURNED = incoming_payments.alias("returned")
_OF_PAYMENT = (_P.rail, _P.digest, _P.reference, _P.customer_id, _P.by)
_IS_CLEARING = and_(_E.number == _T.number, _E.kind == AccountKind.CLEARING)
_CLEARED = select(*_OF_PAYMENT, _E.currency, func.sum(_E.amount_minor)).select_from(incoming_payments)
_OWN = _CLEARED.join(transactions, and_(_T.rail == _P.rail, _T.digest == _P.digest))
_GONE = _CLEARED.join(_RETURNED, and_(_RETURNED.c.rail == _P.rail, _RETURNED.c.original == _P.digest)).join(
    transactions, and_(_T.rail == _RETURNED.c.rail, _T.digest == _RETURNED.c.digest)
)


class SqlClearing(SqlDatabase):
    """The part of ``SqlLedger`` about clearing accounts."""

    @in_thread
    def cleared(self, period: Period, failed: list[Failed] | None = None) -> list[ClearedPayment]:
        sums: Counter[tuple[Any, ...]] = Counter()
        with self._looking("add its clearing accounts up") as connection:
            for query in (_OWN, _GONE):
                own = query.join(journal_entries, _IS_CLEARING).where(_P.original.is_(None), _is_of(period))
                for *of, minor in connection.execute(own.group_by(*_OF_PAYMENT, _E.currency)):
                    sums[tuple(of)] += int(minor)
        names = [column.name for column in (*_OF_PAYMENT, _E.currency)]
        rows = (dict(zip(names, of, strict=True)) | {"amount_minor": minor} for of, minor in sums.items())
        named = (row | {"name": PaymentName(row["rail"], row["digest"])} for row in rows)
        return as_models(ClearedPayment, named, failed)


def _is_of(period: Period) -> ColumnElement[bool]:
    """Whether the payment names the month; or names none, is by people's word, and was paid in it."""
    since, until = (datetime.combine(month.first_day, time(), UTC) for month in (period, period.next()))
    is_named = and_(_P.subject_kind == SubjectKind.MONTH, _P.subject == period)
    is_in_month = and_(_P.paid_at >= since, _P.paid_at < until)
    return or_(is_named, and_(_P.subject_kind.is_(None), _P.subject.is_(None), _P.by.is_not(None), is_in_month))
