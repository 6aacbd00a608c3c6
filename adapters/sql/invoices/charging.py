"""What decides on a charge, read in one visit: ``billing.reviewers.ports.ChargeGuard`` in SQL."""

from sqlalchemy import and_, bindparam, func, literal, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import month_params
from adapters.sql.schema.journal import journal_entries
from adapters.sql.schema.months import invoices
from adapters.sql.schema.reviewers import brakes
from billing.period import Period
from billing.receivables.journal import AccountKind, SubjectKind
from billing.reviewers.brake import Brake
from billing.reviewers.ports import ChargeStanding

_E = journal_entries.c
_OWED = (
    select(func.coalesce(func.sum(_E.amount_minor), 0))
    .where(_E.customer_id == bindparam("customer_id"), _E.kind == AccountKind.RECEIVABLE)
    .where(_E.subject_kind == SubjectKind.MONTH, _E.subject == bindparam("period"))
    .where(_E.currency == bindparam("currency"))
    .scalar_subquery()
)
_NOTHING = select(literal(1)).subquery()  # the month and the brake are joined to it: either may be missing
_STANDING = (
    select(invoices.c.revision, invoices.c.outcome, _OWED.label("owed_minor"), *brakes.c)
    .select_from(_NOTHING)
    .outerjoin(invoices, and_(*month_params(invoices)))
    .outerjoin(brakes, brakes.c.number == select(func.max(brakes.c.number)).correlate(None).scalar_subquery())
)


class SqlCharging(SqlDatabase):
    """The part of ``SqlLedger`` that is asked before a charge."""

    @in_thread
    def charge_standing(self, customer_id: str, period: Period, currency: str) -> ChargeStanding:
        key = {"customer_id": customer_id, "period": period, "currency": currency}
        with self._reading(f"read how {customer_id}, {period} stands") as connection:
            row = connection.execute(_STANDING, key).mappings().one()
        return ChargeStanding(
            revision=row["revision"] or 0,
            outcome=row["outcome"],
            owed_minor=int(row["owed_minor"]),
            brake=Brake.model_validate({name: row[name] for name in Brake.model_fields}) if row["number"] else None,
        )
