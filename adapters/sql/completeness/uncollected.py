"""What is owed and nobody asks for: for closed months without a collection, and debts that no draft takes over.

Both are of money that has gone back since, and for good. And bills that nobody was told of.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, exists, func, or_, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.schema.journal import journal_entries
from adapters.sql.schema.months import customers, debts, invoices, messages, reversals
from adapters.sql.schema.texts import customer_texts
from billing.completeness.bill_check import UntoldBill
from billing.completeness.snapshots import UncarriedDebt, UncollectedDebt
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind, MessageStatus
from billing.payments.payment import ReversalKind, ReversalStatus
from billing.receivables.journal import AccountKind, SubjectKind
from billing.texts.text import TextKind, TextStatus

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
_STILL_OWED: Final = select(
    _OWED.c.customer_id, _OWED.c.subject.label("period"), _OWED.c.currency, _LEFT.label("owed_minor")
).where(_LEFT > 0)
_OF_MONTH: Final = and_(invoices.c.customer_id == _OWED.c.customer_id, invoices.c.period == _OWED.c.subject)
_UNCOLLECTED: Final = (
    _STILL_OWED.outerjoin(invoices, _OF_MONTH)
    .outerjoin(debts, and_(debts.c.customer_id == _OWED.c.customer_id, debts.c.period == _OWED.c.subject))
    .where(or_(invoices.c.period.is_(None), invoices.c.closed_at < bindparam("before")))
    .where(or_(debts.c.period.is_(None), debts.c.outcome.is_not(None)))
    .order_by(_OWED.c.customer_id, _OWED.c.subject)
    .limit(1000)
)
_M, _T = messages.c, customer_texts.c
_DUNNING: Final = (TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED)  # of everything that is owed
_IS_MAILED: Final = exists().where(
    _M.customer_id == _OWED.c.customer_id,
    _M.status == MessageStatus.SENT,
    or_(
        and_(_M.kind == CustomerMailKind.NOTICE, _M.period == _OWED.c.subject),
        and_(_M.kind.in_(_DUNNING), _M.at >= invoices.c.closed_at),
    ),
)
_IS_TEXTED: Final = exists().where(
    _T.customer_id == _OWED.c.customer_id,
    _T.status.in_((TextStatus.SENDING, TextStatus.SENT, TextStatus.DELIVERED)),
    or_(
        and_(_T.kind == TextKind.BILL, _T.period == _OWED.c.subject),
        and_(_T.kind.in_(_DUNNING), _T.began_at >= invoices.c.closed_at),
    ),
)
_UNTOLD: Final = (
    _STILL_OWED.join(invoices, _OF_MONTH)
    .where(invoices.c.outcome == Stage.BILLED, ~_IS_MAILED, ~_IS_TEXTED)
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

    @in_thread
    def untold_bills(self) -> list[UntoldBill]:
        with self._reading("look for bills that nobody was told of") as connection:
            return as_models(UntoldBill, connection.execute(_UNTOLD).mappings())
