"""The days on which accounts were suspended, or disconnected already, by the history of their services."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import ColumnElement, Connection, select

from adapters.sql.schema.months import customers
from adapters.sql.schema.services import service_changes
from billing.period import Period
from billing.subscribers.service import ServiceState
from billing.tariffs.service_days import StateChange, suspended_days

_C = service_changes.c
_OFF = (ServiceState.SUSPENDED, ServiceState.DISCONNECTED)
_STATES = select(_C.customer_id, _C.number, _C.at, _C.state, customers.c.timezone).join(
    customers, customers.c.customer_id == _C.customer_id
)


def suspended_where(
    connection: Connection, period: Period, of: ColumnElement[bool]
) -> dict[str, dict[str, Collection[date]]]:
    """The suspended days of ``period`` by customer and account, of the changes ``of`` some customers."""
    changes: defaultdict[tuple[str, str, str], list[StateChange]] = defaultdict(list)
    for customer_id, number, at, state, timezone in connection.execute(_STATES.where(of).order_by(_C.position)):
        changes[customer_id, timezone, number].append(StateChange(at, state in _OFF))
    days: defaultdict[str, dict[str, Collection[date]]] = defaultdict(dict)
    for (customer_id, timezone, number), own in changes.items():
        if any(change.is_suspended for change in own):
            days[customer_id][number] = suspended_days(own, period, timezone)
    return dict(days)


def suspended_of(connection: Connection, customer_id: str, period: Period) -> Mapping[str, Collection[date]]:
    return suspended_where(connection, period, _C.customer_id == customer_id).get(customer_id, {})


def suspended_between(
    connection: Connection, first: str, last: str, period: Period
) -> dict[str, dict[str, Collection[date]]]:
    """For each of the customers with ``first`` <= id <= ``last``."""
    return suspended_where(connection, period, _C.customer_id.between(first, last))
