"""Lists of service orders, page by page, and everything that is known of one."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, func, or_, select, text

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.errors import unfit
from adapters.sql.schema.months import customers
from adapters.sql.schema.orders import buyers
from adapters.sql.schema.service_orders import SERVICE_ORDER_IS_OPEN, service_orders
from adapters.sql.service_orders.rows import H, L, S, as_service_order, read_service_order
from adapters.sql.service_orders.service_orders import standing_of
from billing.apart import Failed
from orders.ports import OrderLogEntry
from orders.service.ports import PAGE_ROWS, ServiceFilter, ServicePage, ServiceRow, ServiceShown
from orders.service.service_order import ServiceStage, ServiceStanding, StepRecord

_B, _C = buyers.c, customers.c
_NAME = func.coalesce(_C.name, _B.name, "")
_NAMED = service_orders.outerjoin(customers, _C.customer_id == S.customer_id).outerjoin(
    buyers, _B.customer_id == S.customer_id
)
_STEPS = [H[name] for name in StepRecord.model_fields]
_LOGGED = [L[name] for name in OrderLogEntry.model_fields]
_OPEN = text(SERVICE_ORDER_IS_OPEN)
_CLOSED = (ServiceStage.COMPLETED, ServiceStage.CANCELLED)
_OLDEST = select(S.opened_at, S.number).where(_OPEN).order_by(S.opened_at, S.number).limit(200)


class SqlServiceOrderListing(SqlDatabase):
    """The part of ``SqlLedger`` that lists service orders."""

    @in_thread
    def service_standing(self, number: str) -> ServiceStanding | None:
        with self._looking(f"read order {number}") as connection:
            order = read_service_order(connection, number)
            return standing_of(connection, order) if order else None

    @in_thread
    def service_order(self, number: str) -> ServiceShown | None:
        with self._looking(f"read order {number}") as connection:
            order = read_service_order(connection, number)
            if order is None:
                return None
            steps = connection.execute(select(*_STEPS).where(H.number == number).order_by(H.position)).mappings()
            entries = connection.execute(select(*_LOGGED).where(L.number == number).order_by(L.entry)).mappings()
            return ServiceShown(
                order=order,
                standing=standing_of(connection, order),
                steps=tuple(as_models(StepRecord, steps)),
                log=tuple(as_models(OrderLogEntry, entries)),
            )

    @in_thread
    def service_orders(self, wanted: ServiceFilter, limit: int = PAGE_ROWS, offset: int = 0) -> ServicePage:
        where = _conditions(wanted)
        is_all_open = wanted == ServiceFilter(open_only=True, stage=wanted.stage)
        counting = [S.stage.not_in(_CLOSED)] if is_all_open else where  # by an index alone
        counted = select(S.stage, func.count()).where(*counting).group_by(S.stage)
        of_stage = [S.stage == wanted.stage] if wanted.stage else []
        order = S.opened_at.desc(), S.number.desc()
        numbers = select(S.number).where(*where, *of_stage).order_by(*order).limit(limit).offset(offset)
        named = select(service_orders, _NAME.label("name")).select_from(_NAMED)
        newest = named.where(S.number.in_(numbers)).order_by(*order)  # what is skipped is read in an index alone
        with self._looking("list its service orders") as connection:
            counts = {ServiceStage(stage): count for stage, count in connection.execute(counted)}
            rows = [_as_row(connection, row) for row in connection.execute(newest).mappings().all()]
        count = counts.get(wanted.stage, 0) if wanted.stage else sum(counts.values())
        return ServicePage(rows=tuple(rows), count=count, stages=counts)

    async def open_service_orders(self, failed: list[Failed]) -> AsyncIterator[list[ServiceStanding]]:
        query = _OLDEST
        while names := await self.run(partial(self._open_service_names, query)):
            yield await self.run(partial(self._service_standings, [name.number for name in names], failed))
            last = names[-1]
            is_later = and_(S.opened_at == last.opened_at, S.number > last.number)
            query = _OLDEST.where(or_(S.opened_at > last.opened_at, is_later))

    def _open_service_names(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row[Any]]:
        with self._reading("list open service orders") as connection:
            return connection.execute(query).all()

    def _service_standings(self, numbers: list[str], failed: list[Failed]) -> list[ServiceStanding]:
        found = []
        with self._looking("read open service orders") as connection:
            rows = connection.execute(select(service_orders).where(S.number.in_(numbers))).mappings()
            for row in rows.all():
                try:
                    found.append(standing_of(connection, as_service_order(connection, row)))
                except ValidationError as error:
                    reason = f"order {row['number']}: {unfit(error)}"
                    failed.append(Failed(customer_id=row["customer_id"], reason=reason))
        return found


def _as_row(connection: Connection, row: Any) -> ServiceRow:
    return ServiceRow(standing=as_service_order(connection, row).standing(), name=row["name"])


def _conditions(wanted: ServiceFilter) -> list[ColumnElement[bool]]:
    given = {"customer_id": wanted.customer_id, "procedure_name": wanted.procedure, "step": wanted.step}
    where: list[ColumnElement[bool]] = [S[name] == value for name, value in given.items() if value]
    if wanted.open_only:
        where.append(S.closed_at.is_(None))
    if wanted.search:
        texts = [column.icontains(wanted.search, autoescape=True) for column in (S.number, S.customer_id)]
        where.append(or_(*texts, *(S.customer_id.in_(_called(wanted.search, each)) for each in (customers, buyers))))
    return where


def _called(search: str, people: Table) -> Select[*tuple[Any, ...]]:
    """The ids of customers, or of buyers, whose name has these letters."""
    return select(people.c.customer_id).where(people.c.name.icontains(search, autoescape=True))
