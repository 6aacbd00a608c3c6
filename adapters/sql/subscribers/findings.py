"""What coverage asks about service accounts: held against the journal, the tariffs and what provisioning has taken."""

from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, select, text

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.receivables.accounts import balance
from adapters.sql.schema.billers import IS_UNPAID
from adapters.sql.schema.months import customers
from adapters.sql.schema.tariffs import tariff_items
from adapters.sql.subscribers.changes import CHANGES, SERVICES, A, C, as_changes, as_service
from adapters.sql.tariffs.agreed import known_tariffs
from billing.completeness.service_check import ServiceFaults, WithoutTariff, without_tariff
from billing.receivables.overdue import overdue
from billing.subscribers.service import CallState, Service, ServiceState
from billing.tariffs.items import Agreed, Subscription

_I = tariff_items.c
_IS_SUBSCRIPTION = _I.kind == "subscription"
_IS_ON = A.state.in_((ServiceState.ACTIVE, ServiceState.LIMITED))
_NEWEST = and_(A.number == C.number, A.position == C.position)
_UNTOLD = CHANGES.join(A.number.table, _NEWEST).where(C.call.in_((CallState.WAITING, CallState.REFUSED)))
_OF_CUSTOMER = customers.c.customer_id == A.customer_id
_ON = SERVICES.where(_IS_ON).order_by(A.number)
_BILLED = _ON.join(customers, _OF_CUSTOMER).add_columns(customers.c.timezone)
_CLOSED = _ON.join(customers, _OF_CUSTOMER).where(customers.c.closed_at.is_not(None))
_UNBILLED = _ON.outerjoin(customers, _OF_CUSTOMER).where(customers.c.customer_id.is_(None))


class SqlServiceFindings(SqlDatabase):
    """The part of ``SqlLedger`` that says which service accounts are not as they should be."""

    @in_thread
    def service_faults(self, now: datetime, before: datetime) -> ServiceFaults:
        with self._looking("look at its service accounts") as connection:
            return ServiceFaults(
                paid=tuple(_paid(connection, now)),
                untold=as_changes(connection.execute(_UNTOLD.where(C.at < before).order_by(C.at)).mappings()),
                without_tariff=tuple(_without_tariff(connection, now)),
                closed=tuple(map(as_service, connection.execute(_CLOSED).mappings())),
                unbilled=tuple(map(as_service, connection.execute(_UNBILLED).mappings())),
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


def _without_tariff(connection: Connection, now: datetime) -> list[WithoutTariff]:
    """None where nobody has a tariff: then the sheet says what is sold."""
    items: defaultdict[str, list[Subscription]] = defaultdict(list)
    for item in map(Subscription.model_validate, connection.scalars(select(_I.item).where(_IS_SUBSCRIPTION))):
        items[item.account].append(item)
    if not items:
        return []
    codes = {item.tariff for own in items.values() for item in own}
    tariffs = {tariff.code: tariff for tariff in known_tariffs(connection, codes)}
    found = []
    for row in map(dict, connection.execute(_BILLED).mappings()):
        today = now.astimezone(ZoneInfo(row.pop("timezone"))).date()
        service = as_service(row)
        found.append(without_tariff(service, Agreed(tuple(items[service.number]), tariffs), today))
    return [each for each in found if each is not None]
