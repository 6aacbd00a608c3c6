"""Changes of service accounts: written under the customer's lock, with what others are told of them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from adapters.sql.core.columns import UtcInstant
from adapters.sql.events.outbox import put_events
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.journal import journal_entries, outgoing_events
from adapters.sql.schema.services import service_changes
from adapters.sql.subscribers.task_rows import open_tasks, save_end
from billing.events.event import Destination
from billing.subscribers.events import service_changed
from billing.subscribers.service import CallState, Service, ServiceChange, ServiceState
from billing.tasks.task import TaskEnd, TaskKind, TaskOutcome

A, C, _O = service_accounts.c, service_changes.c, outgoing_events.c
SERVICES = select(*(A[name] for name in Service.model_fields)).where(A.state.is_not(None))
CHANGES = select(service_changes)
_OF_CUSTOMER = SERVICES.where(A.customer_id == bindparam("customer_id"))
_BY_KEY = CHANGES.where(C.customer_id == bindparam("customer_id"), C.key == bindparam("key"))
_POSITION = select(func.max(journal_entries.c.number)).where(journal_entries.c.customer_id == bindparam("customer_id"))
_INSERT = insert(service_changes)
_SAVE = update(service_accounts).where(A.number == bindparam("of"))
_RESTRICTING = (ServiceState.LIMITED, ServiceState.SUSPENDED)
_OPEN_CALLS = (CallState.WAITING, CallState.REFUSED)
_DROP = (
    update(service_changes)
    .where(C.number == bindparam("of"), C.call.in_(_OPEN_CALLS), C.state.in_(_RESTRICTING))
    .values(call=CallState.SUPERSEDED, answered_at=bindparam("now", type_=UtcInstant))
    .returning(C.position)
)
_NOT_THEIRS = timedelta(microseconds=1)
_OPEN = (
    select(_O.number, _O.payload, _O.claimed_until)
    .where(_O.destination == Destination.PROVISIONING, _O.lane == bindparam("of"), _O.done_at.is_(None))
    .with_for_update()
)


def services_of(connection: Connection, customer_id: str) -> list[Service]:
    rows = connection.execute(_OF_CUSTOMER, {"customer_id": customer_id}).mappings()
    return sorted(map(as_service, rows), key=lambda service: (service.state_at, service.number))


def as_service(row: Any) -> Service:
    return Service.model_validate(dict(row))


def as_changes(rows: Iterable[Any]) -> tuple[ServiceChange, ...]:
    return tuple(ServiceChange.model_validate(dict(row)) for row in rows)


def changes_by_key(connection: Connection, customer_id: str, key: str) -> tuple[ServiceChange, ...]:
    """What this step has changed before."""
    rows = connection.execute(_BY_KEY, {"customer_id": customer_id, "key": key}).mappings()
    return tuple(sorted(as_changes(rows), key=lambda change: change.number))


def write_changes(connection: Connection, changes: Iterable[ServiceChange]) -> tuple[ServiceChange, ...]:
    """Writes them, with the calls and events that follow; the caller holds the lock of the customer."""
    changes = tuple(_positioned(connection, change) for change in changes)
    for change in changes:
        drop_calls(connection, change)
        _end_tasks(connection, change)
        connection.execute(_INSERT, change.model_dump())
        values = {"state": change.state, "cause": change.cause, "state_at": change.at, "position": change.position}
        connection.execute(_SAVE.values(values), {"of": change.number})
        if change.call is not None:
            _tell(connection, change)
    return changes


def _positioned(connection: Connection, change: ServiceChange) -> ServiceChange:
    position = connection.scalar(_POSITION, {"customer_id": change.customer_id})
    return change.evolve(journal_position=position or 0)


def _end_tasks(connection: Connection, change: ServiceChange) -> None:
    """People who have provisioning's part need not restrict any more what ``change`` has come after."""
    where = {"customer_id": change.customer_id, "kind": TaskKind.PROVISION, "account": change.number}
    for task in open_tasks(connection, **where):
        if ServiceState(task.values["state"]).is_restricted:
            end = TaskEnd(outcome=TaskOutcome.NEEDLESS, at=change.at, by=None, reason=f"the account is {change.state}")
            save_end(connection, task.number, end)


def _tell(connection: Connection, change: ServiceChange) -> None:
    destinations = connection.get_execution_options().get("destinations", ())
    event = service_changed(change)
    for destination, lane in ((Destination.PROVISIONING, change.number), (Destination.RECEIVER, "")):
        if destination in destinations:
            put_events(connection, destination, [event], lane)


def drop_calls(connection: Connection, change: ServiceChange) -> None:
    """Restrictions that provisioning was not told of yet are not true any more: ``change`` has come after them.

    Whoever is telling of one right now goes on. If that fails it is looked at again once their claim has ended, and not
    after the long pause that a failure may ask for: what comes after it must not wait.
    """
    dropped = set(connection.scalars(_DROP, {"of": change.number, "now": change.at}))
    if not dropped:
        return
    for row in connection.execute(_OPEN, {"of": change.number}).all():
        if row.payload["data"]["position"] in dropped:
            claim = row.claimed_until and row.claimed_until + _NOT_THEIRS
            values = {"claimed_until": claim} if claim else {"done_at": change.at, "next_at": None, "fault": None}
            connection.execute(update(outgoing_events).where(_O.number == row.number).values(values))
