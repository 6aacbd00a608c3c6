"""What coverage asks about service accounts: held against the journal, the tariffs and what provisioning has taken."""

from datetime import date, datetime

from sqlalchemy import Connection, and_, select, text

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.receivables.accounts import balance
from adapters.sql.schema.billers import IS_UNPAID
from adapters.sql.schema.months import customers
from adapters.sql.schema.tariffs import tariff_items
from adapters.sql.subscribers.changes import CHANGES, SERVICES, A, C, as_changes, as_service
from billing.completeness.service_check import ServiceFaults
from billing.receivables.overdue import overdue
from billing.subscribers.service import CallState, Service, ServiceState
from billing.tariffs.items import Subscription

_I = tariff_items.c
_IS_SUBSCRIPTION = _I.kind == "subscription"
_IS_ON = A.state.in_((ServiceState.ACTIVE, ServiceState.LIMITED))
_NEWEST = and_(A.number == C.number, A.position == C.position)
_UNTOLD = CHANGES.join(A.number.table, _NEWEST).where(C.call.in_((CallState.WAITING, CallState.REFUSED)))
_CLOSED = SERVICES.join(customers, customers.c.customer_id == A.customer_id).where(
    _IS_ON, customers.c.closed_at.is_not(None)
)


class SqlServiceFindings(SqlDatabase):
    """The part of ``SqlLedger`` that says which service accounts are not as they should be."""

    @in_thread
    def service_faults(self, now: datetime, before: datetime) -> ServiceFaults:
        with self._looking("look at its service accounts") as connection:
            return ServiceFaults(
                paid=tuple(_paid(connection, now)),
                untold=as_changes(connection.execute(_UNTOLD.where(C.at < before).order_by(C.at)).mappings()),
                without_tariff=tuple(_without_tariff(connection, now.date())),
                closed=tuple(map(as_service, connection.execute(_CLOSED.order_by(A.number)).mappings())),
            )


def _paid(connection: Connection, now: datetime) -> list[Service]:
    unpaid = map(as_service, connection.execute(SERVICES.where(text(IS_UNPAID)).order_by(A.number)).mappings())
    owing: dict[str, bool] = {}
    found = []
    for service in unpaid:
        if service.customer_id not in owing:
            owing[service.customer_id] = bool(overdue(balance(connection, service.customer_id), now))
        if not owing[service.customer_id]:
            found.append(service)
    return found


def _without_tariff(connection: Connection, today: date) -> list[Service]:
    """None where nobody has a tariff: then the sheet says what is sold."""
    items = list(connection.scalars(select(_I.item).where(_IS_SUBSCRIPTION)))
    if not items:
        return []
    known = map(Subscription.model_validate, items)
    current = {item.account for item in known if item.is_real and (item.ends_on is None or item.ends_on >= today)}
    on = SERVICES.where(_IS_ON).order_by(A.number)
    return [each for each in map(as_service, connection.execute(on).mappings()) if each.number not in current]
