"""What each step of a service order does when it begins, and how it ends, as the ledger has it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from adapters.sql.events.outbox import put_events
from adapters.sql.orders.credit import usable_credit
from adapters.sql.receivables.accounts import balance
from adapters.sql.schema.services import tasks
from adapters.sql.service_orders.billed import change_billing
from adapters.sql.service_orders.rows import H
from adapters.sql.service_orders.visits import NO_VISIT, Visit, visit_of
from adapters.sql.subscribers.services import change_service, lock_service
from adapters.sql.subscribers.task_rows import T, as_task, open_task, save_end
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.receivables.journal import Transaction
from billing.receivables.overdue import overdue
from billing.subscribers.service import Change, ServiceCause, ServiceState
from billing.tasks.forms import Answer, Form
from billing.tasks.task import NewTask, Task, TaskEnd, TaskKind, TaskOutcome
from orders.postings import ended as voided
from orders.postings import opened as billed
from orders.procedures.steps import (
    BillingStep,
    CallStep,
    EndStep,
    LeadingStep,
    NetworkChange,
    PaymentOutcome,
    PaymentStep,
    Step,
    TaskStep,
    TellStep,
    WaitStep,
)
from orders.procedures.walking import following, returnable, returned_to, value_name
from orders.service.decision import DECISION, is_allowed
from orders.service.events import order_step
from orders.service.fees import FeeBill, fee_bill
from orders.service.service_order import ServiceOrder, StepOutcome

_CHANGES = {
    NetworkChange.ACTIVATE: (ServiceState.ACTIVE, ServiceCause.CONNECTED),
    NetworkChange.DISCONNECT: (ServiceState.DISCONNECTED, ServiceCause.TERMINATED),
}


class Ended(NamedTuple):
    """How a step has ended, what is known by it, and where it leads. ``by`` None: the application."""

    to: Step
    outcome: str = StepOutcome.DONE
    by: str | None = None
    reason: str = ""
    values: Mapping[str, Answer] = {}


def begin(connection: Connection, order: ServiceOrder, at: datetime) -> None:
    """What a step does that waits; the order stands at it already, in the ledger too."""
    step = order.now_at
    if isinstance(step, TaskStep):
        returns_to = {task.name: task.title for task in returnable(order.procedure, step)}
        visit = visit_of(connection, order)
        _open_task(connection, order, visit.crew or step.department, at, step.form, returns_to, visit)
    elif isinstance(step, PaymentStep):
        if step.fee is not None and not _was_passed(connection, order):
            bill = fee_bill(order, order.procedure.fee(step.fee).amount_minor(order.currency))
            known = balance(connection, order.customer_id, [order.subject])
            usable_minor = usable_credit(connection, order.customer_id, order.currency, known)
            _post(connection, billed(bill, known, usable_minor, at))
        if step.asks is not None and _paid(connection, order, step, at) is None:
            _open_task(connection, order, step.asks, at, form=DECISION)


def ended_step(connection: Connection, order: ServiceOrder, at: datetime) -> Ended | None:
    """How the present step has ended by that instant; None: it waits. What needs nobody is done now.

    Raises ``InvalidInput`` and ``NotFound`` for what cannot be done.
    """
    step = order.now_at
    match step:
        case TaskStep():
            return _ended_task(connection, order, step)
        case PaymentStep():
            return _ended_payment(connection, order, step, at)
        case WaitStep():
            return _next(order, step) if order.ends_at and order.ends_at <= at else None
        case TellStep():
            if Destination.CUSTOMER in connection.get_execution_options().get("destinations", ()):
                put_events(connection, Destination.CUSTOMER, [order_step(order, at)], order.number)
            return _next(order, step)
        case CallStep():
            _change_service(connection, order, step, at)
            return _next(order, step)
        case BillingStep():
            change_billing(connection, order, step, at)
            return _next(order, step)
        case EndStep():
            return None


def owed_for(connection: Connection, order: ServiceOrder) -> int:
    """What is owed for the order's fee, in minor units."""
    return balance(connection, order.customer_id, [order.subject]).owed_for(order.subject, order.currency)


def end_tasks(connection: Connection, order: ServiceOrder, reason: str, at: datetime) -> None:
    """The present step's task is needless, if there is one."""
    task = _task(connection, order)
    if task is not None and task.end is None:
        save_end(connection, task.number, TaskEnd(outcome=TaskOutcome.NEEDLESS, at=at, by=None, reason=reason))


def void_fees(connection: Connection, order: ServiceOrder, at: datetime) -> None:
    """Nothing is owed for the order any more; what was paid for it is the customer's credit."""
    known = balance(connection, order.customer_id, [order.subject], has_bills=True)
    billed_minor = -sum(bill.amount_minor for bill in known.bills if bill.subject == order.subject)
    if billed_minor > 0:
        _post(connection, voided(_bill_in_force(connection, order, billed_minor), known, at))


def _bill_in_force(connection: Connection, order: ServiceOrder, price_minor: int) -> FeeBill:
    """As it was billed: at the payment step where the order stood last, by its number and date."""
    steps = [step.name for step in order.procedure.steps if isinstance(step, PaymentStep) and step.fee is not None]
    last = select(H.position, H.began_at).where(H.number == order.number, H.step.in_(steps)).order_by(H.position.desc())
    position, began_at = connection.execute(last.limit(1)).one()
    return fee_bill(order, price_minor)._replace(version=position, opened_at=began_at)


def _ended_task(connection: Connection, order: ServiceOrder, step: TaskStep) -> Ended | None:
    task = _task(connection, order)
    if task is None or task.end is None:
        return None
    end = task.end
    if end.outcome is TaskOutcome.RETURNED:
        to = returned_to(order.procedure, step, end.to_step or "")
        return Ended(to, StepOutcome.RETURNED, end.by, end.reason or "")
    values = {value_name(step.name, field): answer for field, answer in end.answers.items()}
    return _next(order, step, values=values, by=end.by, reason=end.reason or "")


def _ended_payment(connection: Connection, order: ServiceOrder, step: PaymentStep, at: datetime) -> Ended | None:
    ended = _paid(connection, order, step, at) or _decided(connection, order, step)
    if ended is None and order.ends_at is not None and order.ends_at <= at:
        ended = _with_outcome(order, step, PaymentOutcome.EXPIRED)
    if ended is not None:
        end_tasks(connection, order, f"the step has ended: {ended.outcome}", at)
        if ended.outcome in (PaymentOutcome.EXPIRED, PaymentOutcome.REFUSED):
            void_fees(connection, order, at)
    return ended


def _paid(connection: Connection, order: ServiceOrder, step: PaymentStep, at: datetime) -> Ended | None:
    if step.fee is not None:
        is_paid = owed_for(connection, order) <= 0
    else:
        is_paid = not overdue(balance(connection, order.customer_id), at)
    return _with_outcome(order, step, PaymentOutcome.SETTLED) if is_paid else None


def _decided(connection: Connection, order: ServiceOrder, step: PaymentStep) -> Ended | None:
    task = _task(connection, order) if step.asks else None
    if task is None or task.end is None or task.end.outcome is not TaskOutcome.DONE:
        return None
    outcome = PaymentOutcome.ALLOWED if is_allowed(task.end.answers) else PaymentOutcome.REFUSED
    return _with_outcome(order, step, outcome, by=task.end.by, reason=str(task.end.answers.get("why", "")))


def _with_outcome(
    order: ServiceOrder, step: PaymentStep, outcome: PaymentOutcome, by: str | None = None, reason: str = ""
) -> Ended:
    return _next(order, step, outcome, {value_name(step.name): str(outcome)}, by, reason)


def _next(
    order: ServiceOrder,
    step: LeadingStep,
    outcome: str = StepOutcome.DONE,
    values: Mapping[str, Answer] | None = None,
    by: str | None = None,
    reason: str = "",
) -> Ended:
    known = values or {}
    return Ended(following(order.procedure, step, {**order.values, **known}), outcome, by, reason, known)


def _was_passed(connection: Connection, order: ServiceOrder) -> bool:
    """Whether the payment step was passed before, when a task was returned: its fee is billed once."""
    is_it = H.number == order.number, H.step == order.step, H.position < order.position
    passed = select(H.position).where(*is_it, H.outcome.in_((PaymentOutcome.SETTLED, PaymentOutcome.ALLOWED)))
    return connection.scalar(passed.limit(1)) is not None


def _task(connection: Connection, order: ServiceOrder) -> Task | None:
    """The task of the present step."""
    row = connection.execute(select(tasks).where(T.key == order.task_key)).mappings().one_or_none()
    return as_task(row) if row else None


def _open_task(
    connection: Connection,
    order: ServiceOrder,
    department: str,
    at: datetime,
    form: Form,
    returns_to: Mapping[str, str] | None = None,
    visit: Visit = NO_VISIT,
) -> None:
    task = NewTask(
        kind=TaskKind.STEP,
        key=order.task_key,
        customer_id=order.customer_id,
        account=order.account,
        values={"title": order.now_at.title, "procedure": order.procedure.title},
        due_at=order.due_at,
        department=department,
        order_number=order.number,
        step=order.step,
        crew=visit.crew,
        visit_on=visit.on,
        form=form,
        returns_to=dict(returns_to or {}),
    )
    open_task(connection, task, at)


def _change_service(connection: Connection, order: ServiceOrder, step: CallStep, at: datetime) -> None:
    """What is so already stays so."""
    if order.account is None:
        raise InvalidInput(f"order {order.number} is about no account")
    state, cause = _CHANGES[step.change]
    if lock_service(connection, order.account).state is not state:
        why = f"order {order.number}: {step.title}"
        change_service(connection, order.account, Change(state, cause, order.task_key, at, None, why))


def _post(connection: Connection, posted: list[Transaction]) -> None:
    from adapters.sql.receivables.journal import post  # whose every posting comes here

    post(connection, posted)
