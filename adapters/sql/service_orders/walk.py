"""The walk of a service order through its procedure, in the transaction of whatever it follows from.

Whoever completes a task, moves money, or looks at the clock has the order walk on, under the customer's lock: each
step's effect is written with it, until a step waits. So nothing is done twice, and no worker has to run. Whether a step
has ended is read from the ledger, never remembered: a halted order goes on with what was done meanwhile.
See docs/decisions/0042.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, select, text

from adapters.sql.events.outbox import put_events, tell_once
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.service_orders import WAITS_FOR_MONEY
from adapters.sql.service_orders.rows import S, begin_step, end_step, read_service_order, save_service_order
from adapters.sql.service_orders.steps import Ended, begin, ended_step, owed_for
from billing.errors import InvalidInput, NotFound
from billing.events.event import Destination
from billing.money import format_amount
from billing.progress import Halted
from billing.receivables.journal import AccountKind, Cause, SubjectKind, Transaction
from billing.tasks.task import Task
from billing.validation import explain
from orders.procedures.steps import Step
from orders.service.alerts import of_fee_back, of_stuck
from orders.service.events import order_step
from orders.service.service_order import APPLICATION, ServiceOrder

_WALKING = "service orders that walk"
_AWAITING = select(S.number).where(S.customer_id == bindparam("customer_id"), text(WAITS_FOR_MONEY)).order_by(S.number)
_GONE_BACK = (Cause.REFUND, Cause.CHARGEBACK)


def task_ended(connection: Connection, task: Task, at: datetime) -> None:
    """Called with the end of a task of an order's step, after it is saved, under the customer's lock."""
    assert task.order_number is not None, "a task of a step names its order"
    walk(connection, task.order_number, at)


def walk_on(connection: Connection, customer_id: str, at: datetime) -> None:
    """Leads on the customer's orders that have waited for money; called after it is posted."""
    for number in connection.scalars(_AWAITING, {"customer_id": customer_id}).all():
        walk(connection, number, at)


def walk(connection: Connection, number: str, at: datetime) -> None:
    """Leads the order on until a step waits; the caller has the customer's lock. A repeat has no effect.

    A step that cannot be carried out halts the order, and people are told: whatever it follows from has happened.
    """
    with _alone(connection, number) as is_alone:
        while is_alone and (order := read_service_order(connection, number)):
            if order.end is not None or order.halt is not None or not _step(connection, order, at):
                return


def _step(connection: Connection, order: ServiceOrder, at: datetime) -> bool:
    """Whether the order has gone one step on."""
    try:
        with connection.begin_nested():
            if (ended := ended_step(connection, order, at)) is None:
                return False
            go_on(connection, order, ended, at)
            return True
    except (InvalidInput, NotFound, ValidationError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else str(error)
        _stick(connection, order, reason, at)
        return False


def go_on(connection: Connection, order: ServiceOrder, ended: Ended, at: datetime) -> None:
    """Ends the present step, and begins the next one."""
    end_step(connection, order, ended.outcome, at, ended.by, ended.reason)
    enter(connection, order.knowing(**ended.values), ended.to, at)


def enter(connection: Connection, order: ServiceOrder, step: Step, at: datetime) -> None:
    """Begins a step; the order is in the ledger already."""
    begun = order.begun(step, at).evolve(revision=order.revision + 1)
    save_service_order(connection, begun, at)
    begin_step(connection, begun)
    tell(connection, begun, at)
    begin(connection, begun, at)


def tell(connection: Connection, order: ServiceOrder, at: datetime) -> None:
    """Tells whoever is told by this process of the order's revision."""
    event = order_step(order, at)
    for destination in connection.get_execution_options().get("destinations", ()):
        if destination is Destination.ORDER:
            tell_once(connection, destination, event, order.number)
        elif destination is Destination.RECEIVER:
            put_events(connection, destination, [event])


@contextmanager
def _alone(connection: Connection, number: str) -> Iterator[bool]:
    """Whether no walk of the order is under way in this transaction: what that posts leads here again."""
    walking: set[str] = connection.info.setdefault(_WALKING, set())
    is_alone = number not in walking
    walking.add(number)
    try:
        yield is_alone
    finally:
        if is_alone:
            walking.discard(number)


def _stick(connection: Connection, order: ServiceOrder, reason: str, at: datetime) -> None:
    halt = Halted(by=APPLICATION, reason=reason, at=at)
    stuck = order.evolve(halt=halt, reminded_at=None, revision=order.revision + 1)
    save_service_order(connection, stuck, at)
    tell(connection, stuck, at)
    put_alerts(connection, [of_stuck(stuck, reason, at)])


def tell_of_fees_back(connection: Connection, posted: Iterable[Transaction]) -> None:
    """Tells people of fees that are owed again."""
    for transaction in posted:
        if transaction.cause not in _GONE_BACK:
            continue
        for entry in transaction.entries:
            subject = entry.account.subject
            is_owed = entry.account.kind is AccountKind.RECEIVABLE and entry.amount_minor > 0
            if not is_owed or subject is None or subject.kind is not SubjectKind.FEE:
                continue
            if order := read_service_order(connection, subject.name):
                owed = format_amount(owed_for(connection, order), order.currency)
                put_alerts(connection, [of_fee_back(order, owed, transaction.at)])
