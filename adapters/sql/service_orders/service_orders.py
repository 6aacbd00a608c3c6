"""Service orders: taken in, changed, and led on by time, each in one transaction under the lock of the customer."""

import hashlib
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, text

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.orders.orders import ensure_buyer, lock_number
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.months import customers
from adapters.sql.schema.orders import orders
from adapters.sql.schema.service_orders import SERVICE_ORDER_IS_OPEN, service_orders
from adapters.sql.service_orders.rows import (
    L,
    S,
    changing_values,
    fixed_values,
    keep_procedure,
    log_change,
    read_service_order,
    save_service_order,
)
from adapters.sql.service_orders.steps import Ended, end_tasks, void_fees
from adapters.sql.service_orders.visits import follow_correction
from adapters.sql.service_orders.walk import enter, go_on, tell, walk
from adapters.sql.subscribers.task_rows import escalate_task
from adapters.sql.subscribers.with_order import register_with_order
from billing.errors import InvalidInput, NotFound
from billing.model import Model
from orders import ports as order_ports
from orders.changes import Cancel, Change, Correct, Reopen
from orders.ports import OrderLogEntry, TooManyOrders
from orders.procedures.procedure import Procedure
from orders.procedures.steps import PaymentStep, TaskStep
from orders.procedures.walking import undoing
from orders.service.alerts import of_halted, of_late_task
from orders.service.asked import Unfit, asked_values
from orders.service.effects import service_effect
from orders.service.ports import ServiceOpened
from orders.service.service_order import ServiceOrder, ServiceRequest, ServiceStanding, StepOutcome

_OWNER = select(service_accounts.c.customer_id)
_PERSON = select(customers.c.currency, customers.c.timezone)


class SqlServiceOrders(SqlDatabase):
    """The part of ``SqlLedger`` that takes service orders in, and changes them."""

    @in_thread
    def open_service_order(
        self, request: ServiceRequest, procedure: Procedure, at: datetime, by: str = "", via: str = ""
    ) -> ServiceOpened:
        digest = _digest(request)
        with self._writing(f"take order {request.number} in") as connection:
            if known := _known(connection, request.number, digest):
                return _opened(connection, known, is_new=False)
            values = asked_values(procedure, request)
            lock_number(connection, request.number, orders)
            customer_id = _lock_customer(connection, request, at)
            if known := _known(connection, request.number, digest):  # another process just has taken it
                return _opened(connection, known, is_new=False)
            _require_room(connection, customer_id)
            new = register_with_order(connection, request.subscriber, customer_id, request.number, by, at)
            order = _new(connection, request, procedure, customer_id, at).evolve(
                account=new or request.account, values=values, opened_by=by
            )
            procedure.check_currency(order.currency)  # now, and not weeks later at the step that asks for the fee
            fixed = fixed_values(order, digest, keep_procedure(connection, procedure))
            connection.execute(insert(service_orders), fixed | changing_values(order, at))
            entry = OrderLogEntry(at=at, by=by or None, via=via or None, what="opened", text=procedure.title)
            log_change(connection, order, entry)
            enter(connection, order, procedure.beginning, at)
            walk(connection, order.number, at)
            return _opened(connection, _order(connection, order.number), is_new=True)

    @in_thread
    def change_service_order(self, number: str, change: Change, at: datetime) -> tuple[ServiceStanding, str]:
        with self._writing(f"change order {number}") as connection:
            order = _locked(connection, number)
            if (before := _done_before(connection, number, change)) is not None:
                return standing_of(connection, order), before
            done = service_effect(order, change, at)
            entry = OrderLogEntry(
                at=at, by=change.by, via=change.via, what=done.what, reason=change.reason, text=done.text
            )
            log_change(connection, order, entry, change_id=change.change_id, content=_digest(change))
            changed = done.order.evolve(revision=order.revision + 1)
            save_service_order(connection, changed, at)
            if isinstance(change, Cancel):
                _undo(connection, changed, change, at)
            elif isinstance(change, Reopen) and changed.procedure.reopens is not None:
                enter(connection, changed, changed.procedure.step(changed.procedure.reopens.step), at)
            else:
                if isinstance(change, Correct):
                    follow_correction(connection, changed, change, at)
                tell(connection, changed, at)
            walk(connection, number, at)
            return standing_of(connection, _order(connection, number)), done.text

    @in_thread
    def pass_time(self, number: str, at: datetime) -> ServiceStanding:
        with self._writing(f"see what time has done of order {number}") as connection:
            order = _locked(connection, number)
            if order.reminder_at is not None and order.reminder_at <= at:
                _remind(connection, order, at)
            walk(connection, number, at)
            return standing_of(connection, _order(connection, number))


def standing_of(connection: Connection, order: ServiceOrder) -> ServiceStanding:
    known = balance(connection, order.customer_id, [order.subject])
    return order.standing(max(0, known.owed_for(order.subject, order.currency)))


def _known(connection: Connection, number: str, digest: str) -> ServiceOrder | None:
    """The order of that number, if it is the same request's. Raises ``InvalidInput`` if it is another's."""
    stored = connection.scalar(select(S.digest).where(S.number == number))
    if stored is None:
        return None
    if stored != digest:
        raise InvalidInput(f"order {number} is another order already; give this one a number of its own")
    return _order(connection, number)


def _opened(connection: Connection, order: ServiceOrder, is_new: bool) -> ServiceOpened:
    return ServiceOpened(standing=standing_of(connection, order), is_new=is_new, account=order.account)


def _lock_customer(connection: Connection, request: ServiceRequest, at: datetime) -> str:
    """Whose order it is, locked: the buyer, or whose account it is about. Raises ``InvalidInput``, ``NotFound``."""
    owner = None
    if request.account is not None:
        owner = connection.scalar(_OWNER.where(service_accounts.c.number == request.account))
        if owner is None:
            raise NotFound(f"there is no service account {request.account}; see: python starter.py subscribers list")
    if request.buyer is None:
        if owner is None:
            raise Unfit(f"order {request.number} says neither buyer nor account; say whose it is")
        lock_account(connection, owner)
        return str(owner)
    if owner not in (None, request.buyer.customer_id):
        raise InvalidInput(f"account {request.account} is another customer's; leave the buyer out")
    ensure_buyer(connection, request.buyer, at)
    return request.buyer.customer_id


def _require_room(connection: Connection, customer_id: str) -> None:
    of_customer = S.customer_id == customer_id, text(SERVICE_ORDER_IS_OPEN)
    count = connection.scalar(select(func.count()).select_from(service_orders).where(*of_customer)) or 0
    if count >= order_ports.OPEN_MAX:
        raise TooManyOrders(
            f"{customer_id} has {count} open orders, and may have {order_ports.OPEN_MAX}: cancel what is not wanted"
        )


def _new(
    connection: Connection, request: ServiceRequest, procedure: Procedure, customer_id: str, at: datetime
) -> ServiceOrder:
    """The order before its first step. Whoever is billed by the month keeps their currency and time zone."""
    row = connection.execute(_PERSON.where(customers.c.customer_id == customer_id)).one_or_none()
    return ServiceOrder(
        number=request.number,
        procedure=procedure,
        customer_id=customer_id,
        currency=row.currency if row else request.currency,
        timezone=row.timezone if row else request.timezone,
        values={},
        account=None,
        step=procedure.beginning.name,
        position=0,
        step_since=at,
        opened_at=at,
        opened_by="",
    )


def _undo(connection: Connection, order: ServiceOrder, change: Cancel, at: datetime) -> None:
    """Leads a cancelled order to the steps that undo it."""
    end_tasks(connection, order, f"the order was cancelled: {change.reason}", at)
    to = undoing(order.procedure, order.values)
    go_on(connection, order, Ended(to, StepOutcome.CANCELLED, change.by, change.reason), at)
    void_fees(connection, order, at)


def _remind(connection: Connection, order: ServiceOrder, at: datetime) -> None:
    """Tells people what stands still; the first time that a task is late, another department has it."""
    reminded = order.evolve(reminders=order.reminders + 1, reminded_at=at, revision=order.revision + 1)
    step = order.now_at
    if order.halt is not None:
        put_alerts(connection, [of_halted(order, at)])
    elif isinstance(step, TaskStep | PaymentStep):
        put_alerts(connection, [of_late_task(order, at)])
        if step.escalates_to is not None and not order.reminders:
            escalate_task(connection, order.task_key, step.escalates_to, at)
    save_service_order(connection, reminded, at)


def _locked(connection: Connection, number: str) -> ServiceOrder:
    """The order, with its customer locked. Raises ``NotFound``."""
    customer_id = connection.scalar(select(S.customer_id).where(S.number == number))
    if customer_id is None:
        raise NotFound(f"there is no order {number}; see: python starter.py orders list")
    lock_account(connection, customer_id)
    return _order(connection, number)


def _order(connection: Connection, number: str) -> ServiceOrder:
    order = read_service_order(connection, number)
    assert order is not None, f"order {number} has gone"
    return order


def _done_before(connection: Connection, number: str, change: Change) -> str | None:
    """What was answered to this change before; None: it is new. Raises ``InvalidInput`` if its id is another's."""
    of_change = select(L.content, L.text).where(L.number == number, L.change_id == change.change_id)
    row = connection.execute(of_change).one_or_none()
    if row is not None and row.content != _digest(change):
        raise InvalidInput(f"{change.change_id} was another change of order {number}; give this one an id of its own")
    return None if row is None else row.text


def _digest(value: Model) -> str:
    return hashlib.sha256(value.model_dump_json().encode()).hexdigest()
