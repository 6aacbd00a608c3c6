"""What decides on a charge, read in one visit: ``billing.reviewers.ports.ChargeGuard`` in SQL."""

from sqlalchemy import bindparam, func, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.journal_schema import journal_entries
from adapters.sql.core.schema import invoices
from adapters.sql.core.statements import month_params
from adapters.sql.reviewers.brake import last_brake
from billing.period import Period
from billing.receivables.journal import AccountKind, SubjectKind
from billing.reviewers.ports import ChargeStanding

_E = journal_entries.c
_MONTH = select(invoices.c.revision, invoices.c.outcome).where(*month_params(invoices))
_OWED = (
    select(func.coalesce(func.sum(_E.amount_minor), 0))
    .where(_E.customer_id == bindparam("customer_id"), _E.kind == AccountKind.RECEIVABLE)
    .where(_E.subject_kind == SubjectKind.MONTH, _E.subject == bindparam("period"))
    .where(_E.currency == bindparam("currency"))
)


class SqlCharging(SqlDatabase):
    """The part of ``SqlLedger`` that is asked before a charge."""

    @in_thread
    def charge_standing(self, customer_id: str, period: Period, currency: str) -> ChargeStanding:
        key = {"customer_id": customer_id, "period": period}
        with self._reading(f"read how {customer_id}, {period} stands") as connection:
            month = connection.execute(_MONTH, key).one_or_none()
            owed_minor = connection.scalar(_OWED, key | {"currency": currency})
            return ChargeStanding(
                revision=month.revision if month else 0,
                outcome=month.outcome if month else None,
                owed_minor=int(owed_minor or 0),
                brake=last_brake(connection),
            )
