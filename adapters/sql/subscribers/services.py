"""Service accounts: ``billing.subscribers.ports.Services`` in SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.customers.account_numbers import give_number, keep_personal, lock_known
from adapters.sql.orders.releases import is_braked
from adapters.sql.receivables.accounts import balance
from adapters.sql.schema.billers import service_accounts
from adapters.sql.subscribers.changes import (
    CHANGES,
    SERVICES,
    A,
    C,
    as_changes,
    as_service,
    changes_by_key,
    services_of,
    write_changes,
)
from adapters.sql.subscribers.places import write_place
from adapters.sql.subscribers.task_rows import end_needless, open_task
from billing.errors import BrakeOn, DebtChanged, InvalidInput, NotFound
from billing.receivables.overdue import overdue
from billing.subscribers.service import (
    Change,
    NewService,
    Service,
    ServiceCause,
    ServiceChange,
    ServiceState,
    restricted,
)
from billing.tasks.areas import address_key
from billing.tasks.task import NewTask, Task, TaskKind

_UNUSED = (
    select(A.number)
    .where(A.customer_id == bindparam("customer_id"), A.closed_at.is_(None), A.state.is_(None))
    .order_by(A.opened_at)
    .limit(1)
)
_HAS_SERVICE = select(A.state).where(A.number == bindparam("number"))
_DESCRIBE = (
    update(service_accounts)
    .where(A.number == bindparam("of"))
    .values(phone=bindparam("to_phone"), address=bindparam("to_address"), address_key=bindparam("to_key"))
)


class SqlServices(SqlDatabase):
    """The part of ``SqlLedger`` about what subscribers have, and whether it works."""

    @in_thread
    def restrict(
        self, customer_id: str, state: ServiceState, key: str, at: datetime, by: str | None, reason: str
    ) -> tuple[ServiceChange, ...]:
        assert state.is_restricted, f"{state} is no restriction"
        change = Change(state, ServiceCause.NON_PAYMENT, key, at, by, reason)
        with self._writing(f"restrict the service of {customer_id}") as connection:
            lock_known(connection, customer_id)
            if done := changes_by_key(connection, customer_id, key):
                return done
            _require_debt(connection, customer_id, at)
            return write_changes(connection, restricted(services_of(connection, customer_id), change))

    @in_thread
    def ask_to_disconnect(self, customer_id: str, key: str, at: datetime, due_at: datetime) -> tuple[Task, ...]:
        with self._writing(f"open a task to disconnect {customer_id}") as connection:
            lock_known(connection, customer_id)
            _require_debt(connection, customer_id, at)
            asked = NewTask(kind=TaskKind.DISCONNECT, key=key, customer_id=customer_id, due_at=due_at)
            unpaid = (each for each in services_of(connection, customer_id) if each.is_unpaid)
            suspended = [each.number for each in unpaid if each.state is ServiceState.SUSPENDED]
            tasks = (asked.evolve(key=f"{key} {number}", account=number) for number in suspended)
            return tuple(open_task(connection, task, at) for task in tasks)

    @in_thread
    def register_service(self, wanted: NewService, at: datetime) -> Service:
        with self._writing(f"register a service account of {wanted.customer_id}") as connection:
            lock_known(connection, wanted.customer_id)
            return register_service(connection, wanted, at)

    @in_thread
    def place_service(self, number: str, node: str | None, tags: Sequence[str] | None) -> Service:
        with self._writing(f"say where account {number} is") as connection:
            lock_service(connection, number)
            write_place(connection, number, node, tags)
            return _service(connection, number)

    @in_thread
    def service(self, number: str) -> Service | None:
        with self._reading(f"read account {number}") as connection:
            row = connection.execute(SERVICES.where(A.number == number)).mappings().one_or_none()
            return as_service(row) if row else None

    @in_thread
    def services_of(self, customer_id: str) -> list[Service]:
        with self._reading(f"read the accounts of {customer_id}") as connection:
            return services_of(connection, customer_id)

    @in_thread
    def service_changes(self, number: str) -> list[ServiceChange]:
        with self._reading(f"read the history of account {number}") as connection:
            rows = connection.execute(CHANGES.where(C.number == number).order_by(C.position)).mappings()
            return list(as_changes(rows))

    @in_thread
    def change_service(self, number: str, change: Change) -> ServiceChange:
        with self._writing(f"change account {number}") as connection:
            return change_service(connection, number, change)


def change_service(connection: Connection, number: str, change: Change) -> ServiceChange:
    """As ``SqlServices.change_service``, within a transaction."""
    customer_id = lock_service(connection, number).customer_id
    if done := [each for each in changes_by_key(connection, customer_id, change.key) if each.number == number]:
        return done[0]
    (written,) = write_changes(connection, [change.of(lock_service(connection, number))])
    if not written.state.is_restricted:
        why = f"the account is {written.state}: {change.reason}"
        end_needless(connection, customer_id, TaskKind.DISCONNECT, why, change.at, number)
    return written


def register_service(connection: Connection, wanted: NewService, at: datetime) -> Service:
    """As ``SqlServices.register_service``, within a transaction that has the customer's lock."""
    if (personal := wanted.personal) is not None:
        keep_personal(connection, wanted.customer_id, personal.digest, personal.last_four, wanted.by, at)
    if known := _known(connection, wanted):
        write_place(connection, known.number, wanted.node, wanted.tags or None)
        return _service(connection, known.number)
    number = wanted.number or connection.scalar(_UNUSED, {"customer_id": wanted.customer_id})
    given = give_number(connection, wanted.customer_id, number, wanted.by, wanted.reason, at).number
    if connection.scalar(_HAS_SERVICE, {"number": given}) is not None:
        raise InvalidInput(f"account {given} has a service already; leave the number out for another account")
    key = address_key(wanted.address) if wanted.address else None
    described = {"of": given, "to_phone": wanted.phone, "to_address": wanted.address, "to_key": key}
    connection.execute(_DESCRIBE, described)
    write_place(connection, given, wanted.node, wanted.tags or None)
    write_changes(connection, [wanted.change(given, at)])
    return _service(connection, given)


def _known(connection: Connection, wanted: NewService) -> Service | None:
    """The account that was registered for this before."""
    if wanted.key is not None:
        done = changes_by_key(connection, wanted.customer_id, wanted.key)
        return _service(connection, done[0].number) if done else None
    return next(filter(wanted.is_like, services_of(connection, wanted.customer_id)), None)


def _service(connection: Connection, number: str) -> Service:
    return as_service(connection.execute(SERVICES.where(A.number == number)).mappings().one())


def lock_service(connection: Connection, number: str) -> Service:
    """The service account, under the lock of its customer. Raises ``NotFound``."""
    query = SERVICES.where(A.number == number)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no service account {number}; see: python starter.py subscribers list")
    lock_known(connection, row["customer_id"])
    return _service(connection, number)


def _require_debt(connection: Connection, customer_id: str, at: datetime) -> None:
    if is_braked(connection):
        raise BrakeOn(f"the service of {customer_id} is not restricted while the emergency brake is on")
    if not overdue(balance(connection, customer_id), at):
        raise DebtChanged(f"{customer_id} owes nothing that is overdue: nothing is restricted")
