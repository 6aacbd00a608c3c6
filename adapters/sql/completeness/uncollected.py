"""What is owed and nobody asks for: for closed months without a collection, and debts that no draft takes over.

Both are of money that has gone back since, and for good.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.schema.journal import journal_entries
from adapters.sql.schema.months import customers, debts, invoices, reversals
from billing.completeness.snapshots import UncarriedDebt, UncollectedDebt
from billing.payments.payment import ReversalKind, ReversalStatus
from billing.receivables.journal import AccountKind, SubjectKind

_E: Final = journal_entries.c
_OWED: Final = (
    select(
        *(_E[name] for name in ("customer_id", "subject", "currency")), func.sum(_E.amount_minor).label("owed_minor")
    )
    .where(_E.kind == AccountKind.RECEIVABLE, _E.subject_kind == SubjectKind.MONTH)
    .group_by(_E.customer_id, _E.subject, _E.currency)
    .having(func.sum(_E.amount_minor) > 0)
    .subquery()
)
_R: Final = reversals.c
_WITHHELD: Final = (  # while a bank decides on a dispute, the money may come back
    select(func.coalesce(func.sum(_R.amount_minor), 0))
    .where(_R.period == _OWED.c.subject, _R.customer_id == _OWED.c.customer_id, _R.currency == _OWED.c.currency)
    .where(_R.kind == ReversalKind.DISPUTE, _R.status == ReversalStatus.PENDING)
    .scalar_subquery()
)
_LEFT: Final = _OWED.c.owed_minor - _WITHHELD
_UNCOLLECTED: Final = (
    select(_OWED.c.customer_id, _OWED.c.subject.label("period"), _OWED.c.currency, _LEFT.label("owed_minor"))
    .where(_LEFT > 0)
    .outerjoin(invoices, and_(invoices.c.customer_id == _OWED.c.customer_id, invoices.c.period == _OWED.c.subject))
    .outerjoin(debts, and_(debts.c.customer_id == _OWED.c.customer_id, debts.c.period == _OWED.c.subject))
    .where(or_(invoices.c.period.is_(None), invoices.c.closed_at < bindparam("before")))
    .where(or_(debts.c.period.is_(None), debts.c.outcome.is_not(None)))
    .order_by(_OWED.c.customer_id, _OWED.c.subject)
    .limit(1000)
)
_C: Final = customers.c
_UNCARRIED: Final = (
    select(_E.customer_id, _E.currency, func.sum(_E.amount_minor).label("owed_minor"))
    .outerjoin(
        customers,
        and_(_C.customer_id == _E.customer_id, _C.currency == _E.currency, _C.closed_at.is_(None)),
    )
    .where(_E.kind == AccountKind.CREDIT, _C.customer_id.is_(None))
    .group_by(_E.customer_id, _E.currency)
    .having(func.sum(_E.amount_minor) > 0)
    .order_by(_E.customer_id, _E.currency)
    .limit(1000)
)


class SqlUncollected(SqlDatabase):
    """The part of ``SqlLedger`` about debts that nobody collects."""

    @in_thread
    def uncollected(self, before: datetime) -> list[UncollectedDebt]:
        with self._reading("look for what nobody collects") as connection:
            return as_models(UncollectedDebt, connection.execute(_UNCOLLECTED, {"before": before}).mappings())

    @in_thread
    def uncarried(self) -> list[UncarriedDebt]:
        with self._reading("look for debts that no draft takes over") as connection:
            return as_models(UncarriedDebt, connection.execute(_UNCARRIED).mappings())
