"""Lists of orders, page by page, and everything that is known of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.orders.rows import LOG, ORDER, RELEASE, read_order, releases_of, standing_of
from adapters.sql.schema.journal import transactions
from adapters.sql.schema.months import customers
from adapters.sql.schema.orders import buyers, order_log, order_versions, orders
from orders.order import Buyer, OrderStage, OrderStanding
from orders.ports import PAGE_ROWS, OrderFilter, OrderLogEntry, OrderPage, OrderRow, OrderVersion

_B, _C, _T = buyers.c, customers.c, transactions.c
_NAME = func.coalesce(_C.name, _B.name, "")
_NAMED = orders.outerjoin(customers, _C.customer_id == ORDER.customer_id).outerjoin(
    buyers, _B.customer_id == ORDER.customer_id
)
_LOGGED = [LOG[name] for name in OrderLogEntry.model_fields]
_OF_ROW = OrderRow.model_fields.keys() - {"buyer", "since", "released_at", "answered_at"}
_SHOWN = (*(ORDER[name] for name in _OF_ROW), ORDER.changed_at.label("since"), _NAME.label("buyer"))
_ROW = select(*_SHOWN).select_from(_NAMED).order_by(ORDER.opened_at.desc(), ORDER.number.desc())


class SqlOrderListing(SqlDatabase):
    """The part of ``SqlLedger`` that lists orders."""

    @in_thread
    def order(self, number: str) -> OrderStanding | None:
        with self._looking(f"read order {number}") as connection:
            order = read_order(connection, number)
            return standing_of(connection, order) if order else None

    @in_thread
    def buyer(self, customer_id: str) -> Buyer | None:
        customer = self._read_one(Buyer, customers, _C.customer_id == customer_id)
        return customer or self._read_one(Buyer, buyers, _B.customer_id == customer_id)

    @in_thread
    def order_log(self, number: str) -> list[OrderLogEntry]:
        query = select(*_LOGGED).where(LOG.number == number).order_by(order_log.c.entry)
        with self._reading(f"read the log of order {number}") as connection:
            return as_models(OrderLogEntry, connection.execute(query).mappings())

    @in_thread
    def order_versions(self, number: str) -> list[OrderVersion]:
        return self._read(OrderVersion, order_versions, order_versions.c.number == number, by=("version",))

    @in_thread
    def orders(self, wanted: OrderFilter, limit: int = PAGE_ROWS, offset: int = 0) -> OrderPage:
        where = _conditions(wanted)
        of_stage = [ORDER.stage == wanted.stage] if wanted.stage else []
        page = _ROW.where(*where, *of_stage).limit(limit).offset(offset)
        with self._looking("list its orders") as connection:
            counts = {OrderStage(stage): count for stage, count in connection.execute(_counted(wanted, where))}
            rows = connection.execute(page).mappings().all()
            found = _as_rows(connection, rows)
        count = counts.get(wanted.stage, 0) if wanted.stage else sum(counts.values())
        return OrderPage(rows=tuple(found), count=count, stages=counts)

    @in_thread
    def release_times(self, since: datetime, until: datetime) -> list[tuple[datetime, float]]:
        query = (
            select(RELEASE.at, _T.at.label("paid_at"), RELEASE.answered_at)
            .join(transactions, _T.number == RELEASE.position)
            .where(RELEASE.at >= since, RELEASE.at < until, RELEASE.accepted)
            .order_by(RELEASE.at)
        )
        with self._reading("read how long releases took") as connection:
            return [(at, (answered - paid).total_seconds()) for at, paid, answered in connection.execute(query)]


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.customer_id:
        where.append(ORDER.customer_id == wanted.customer_id)
    if wanted.open_only:
        where.append(ORDER.closed_at.is_(None))
    if wanted.search:
        texts = (ORDER.number, ORDER.customer_id, _NAME)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in texts)))
    return where


def _counted(wanted: OrderFilter, where: list[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    """How many stand where; by an index alone, unless names are searched."""
    source = _NAMED if wanted.search else orders
    return select(ORDER.stage, func.count()).select_from(source).where(*where).group_by(ORDER.stage)


def _as_rows(connection: Connection, rows: Sequence[RowMapping]) -> list[OrderRow]:
    released = releases_of(connection, [row["number"] for row in rows])
    found = []
    for row in rows:
        own = released.get(row["number"], ())
        answers = [each["answered_at"] for each in own if each["accepted"]]
        released_at = min((each["at"] for each in own), default=None)
        found.append(OrderRow(**row, released_at=released_at, answered_at=min(answers, default=None)))
    return found
