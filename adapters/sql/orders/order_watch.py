"""Whether any order has changed, for open pages; and what is left of the money of orders that have ended."""

from typing import Final

from sqlalchemy import and_, case, func, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.orders.credit import promised
from adapters.sql.schema.journal import journal_entries, transactions
from adapters.sql.schema.orders import order_log, orders
from billing.receivables.journal import AccountKind, SubjectKind
from orders.order import EndKind, OrderStage
from orders.ports import EndedCredit

_E, _O = journal_entries.c, orders.c
_OF_ORDERS: Final = (_E.kind == AccountKind.CREDIT, _E.subject_kind == SubjectKind.ORDER)
_CAME: Final = (  # for each order that has ended, and is credit of its customer
    select(_E.customer_id, _E.currency, _O.number, _O.stage, (-func.sum(_E.amount_minor)).label("came_minor"))
    .join(orders, and_(_O.number == _E.subject, _O.customer_id == _E.customer_id))
    .where(*_OF_ORDERS, _O.stage.in_((OrderStage.CANCELLED, OrderStage.EXPIRED)))
    .group_by(_E.customer_id, _E.currency, _O.number, _O.stage)
    .having(func.sum(_E.amount_minor) < 0)
    .subquery()
)
_ALL: Final = (  # the credit of these customers
    select(_E.customer_id, _E.currency, (-func.sum(_E.amount_minor)).label("credit_minor"))
    .where(_E.kind == AccountKind.CREDIT, _E.customer_id.in_(select(_CAME.c.customer_id)))
    .group_by(_E.customer_id, _E.currency)
    .subquery()
)
_PROMISED: Final = promised(_ALL.c.customer_id, _ALL.c.currency).scalar_subquery()
_LEFT: Final = (  # of it, without what somebody gives back already
    select(_ALL.c.customer_id, _ALL.c.currency, (_ALL.c.credit_minor - func.coalesce(_PROMISED, 0)).label("left_minor"))
).subquery()
_CREDIT: Final = case((_CAME.c.came_minor < _LEFT.c.left_minor, _CAME.c.came_minor), else_=_LEFT.c.left_minor)
_ENDED_CREDITS: Final = (
    select(
        *(_CAME.c[name] for name in ("number", "customer_id", "currency")),
        _CREDIT.label("credit_minor"),
        case((_CAME.c.stage == OrderStage.EXPIRED, EndKind.EXPIRED.value), else_=EndKind.CANCELLED.value).label("end"),
    )
    .join(_LEFT, and_(_LEFT.c.customer_id == _CAME.c.customer_id, _LEFT.c.currency == _CAME.c.currency))
    .where(_LEFT.c.left_minor > 0)
    .order_by(_CAME.c.number)
    .limit(1000)
)
_NEWEST: Final = select(
    select(func.max(order_log.c.entry)).scalar_subquery(),
    select(func.max(transactions.c.number)).scalar_subquery(),
)


class SqlOrderWatch(SqlDatabase):
    """The part of ``SqlLedger`` that watches orders."""

    @in_thread
    def orders_pulse(self) -> str:
        """Two look-ups of the newest row: every change of an order is logged, every movement of money is posted."""
        with self._reading("see whether orders have changed") as connection:
            return "-".join(str(newest or 0) for newest in connection.execute(_NEWEST).one())

    @in_thread
    def ended_credits(self) -> list[EndedCredit]:
        with self._reading("look for money of orders that have ended") as connection:
            return as_models(EndedCredit, connection.execute(_ENDED_CREDITS).mappings())
