"""Service accounts in lists."""

from sqlalchemy import ColumnElement, func, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.months import customers
from adapters.sql.schema.orders import buyers
from adapters.sql.subscribers.changes import A
from billing.subscribers.ports import PAGE_SERVICES, ServiceFilter, ServicePage
from billing.subscribers.service import Service, ServiceRow, ServiceState

_NAME = func.coalesce(customers.c.name, buyers.c.name)
_OF_CUSTOMER = customers.c.customer_id == A.customer_id
_OF_BUYER = buyers.c.customer_id == A.customer_id
_NAMED = service_accounts.outerjoin(customers, _OF_CUSTOMER).outerjoin(buyers, _OF_BUYER)
_ROWS = select(*(A[name] for name in Service.model_fields), _NAME.label("name")).select_from(_NAMED)


class SqlServiceListing(SqlDatabase):
    """The part of ``SqlLedger`` that lists service accounts."""

    @in_thread
    def services(self, wanted: ServiceFilter, limit: int = PAGE_SERVICES, offset: int = 0) -> ServicePage:
        where = _conditions(wanted)
        source = _NAMED if wanted.search else service_accounts
        counted = select(A.state, func.count()).select_from(source).where(*where).group_by(A.state)
        of_state = [A.state == wanted.state] if wanted.state else []
        page = _ROWS.where(*where, *of_state).order_by(A.state_at.desc(), A.number).limit(limit).offset(offset)
        with self._looking("list its service accounts") as connection:
            states = {ServiceState(state): count for state, count in connection.execute(counted)}
            rows = tuple(ServiceRow.model_validate(dict(row)) for row in connection.execute(page).mappings())
        count = states.get(wanted.state, 0) if wanted.state else sum(states.values())
        return ServicePage(rows=rows, count=count, states=states)


def _conditions(wanted: ServiceFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [A.state.is_not(None)]
    if wanted.customer_id:
        where.append(A.customer_id == wanted.customer_id)
    if wanted.search:
        texts = (A.number, A.customer_id, A.phone, _NAME)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in texts)))
    return where
