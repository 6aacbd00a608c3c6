"""The visit of a step: by which crew, and on which day. It follows what the order says, also after a correction."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from adapters.sql.subscribers.task_rows import T, move_task, task_by_number
from adapters.sql.tasks.crews import crews_of, require_room
from billing.errors import InvalidInput
from billing.tasks.forms import FieldType
from billing.tasks.log import TaskAct, TaskEntry
from billing.tasks.task import Task
from orders.changes import Correct
from orders.procedures.steps import PaymentStep, TaskStep
from orders.service.corrections import correctable
from orders.service.service_order import ServiceOrder


class Visit(NamedTuple):
    """The crew whose task it is, and the day, as ISO writes it."""

    crew: str | None = None
    on: str | None = None


NO_VISIT = Visit()


def visit_of(connection: Connection, order: ServiceOrder) -> Visit:
    """Of the present step, if a crew was chosen; what is written where no crews are set is none."""
    step = order.now_at
    if not isinstance(step, TaskStep) or step.crew is None:
        return NO_VISIT
    chosen, day = order.values.get(step.crew), order.values.get(step.day) if step.day else None
    if chosen not in [crew.name for crew in crews_of(connection)]:
        return NO_VISIT
    return Visit(str(chosen), None if day is None else str(day))


def follow_correction(connection: Connection, order: ServiceOrder, change: Correct, at: datetime) -> None:
    """The open task of the present step is whose the order says by now, on that day, and due by then.

    Whoever has claimed it keeps it, unless it is another department's. Raises ``InvalidInput`` for a crew that is none,
    or that has no room.
    """
    try:
        if correctable(order)[change.name].type is FieldType.CREW and crews_of(connection):
            require_room(connection, order.account, str(order.values[change.name]), None)
        if (task := _open_task(connection, order)) is not None:
            _move(connection, order, task, change, at)
    except InvalidInput as error:
        raise InvalidInput(f"{change.name}: {error}") from None


def _open_task(connection: Connection, order: ServiceOrder) -> Task | None:
    """Locked, for somebody may be claiming it."""
    is_open = T.key == order.task_key, T.ended_at.is_(None)
    number = connection.scalar(select(T.number).where(*is_open))
    return None if number is None else task_by_number(connection, number)


def _move(connection: Connection, order: ServiceOrder, task: Task, change: Correct, at: datetime) -> None:
    visit = visit_of(connection, order)
    if (visit.crew, visit.on, order.due_at) == (task.crew, task.visit_on, task.due_at):
        return
    if visit.crew and visit.on and visit != (task.crew, task.visit_on):
        require_room(connection, order.account, visit.crew, date.fromisoformat(visit.on))
    department = visit.crew or _department(order) or task.department
    moved = task.evolve(crew=visit.crew, visit_on=visit.on, due_at=order.due_at, department=department)
    entry = TaskEntry(act=TaskAct.CORRECTED, at=at, by=change.by, reason=change.reason)
    if department != task.department:
        moved, entry = moved.evolve(owner=None, claimed_at=None), entry.evolve(department=department)
    move_task(connection, moved, entry.evolve(owner=moved.owner))


def _department(order: ServiceOrder) -> str | None:
    """Whose the procedure says that the present step is."""
    match order.now_at:
        case TaskStep(department=department):
            return department
        case PaymentStep(asks=department):
            return department
        case _:
            return None
