"""The walk through a procedure: which step follows, where a task may be returned to, until when an order is cancelled.

Pure: values in, a step out. Every walk ends, for a branch leads to a later step (``checks.py``).
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from billing.customers.schedule import instant
from billing.errors import InvalidInput
from billing.tasks.forms import Answer
from orders.procedures.procedure import Asked, Procedure
from orders.procedures.steps import OUTCOME, Branch, LeadingStep, Step, TaskStep

Values = Mapping[str, Answer]
"""What is known of an order: ``category`` of its request, ``feasibility.possible`` of the form of a step."""


def value_name(step: str, field: str = OUTCOME) -> str:
    """The name of an answer among the values of an order; without a field, that of a payment step's outcome."""
    return f"{step}.{field}"


def following(procedure: Procedure, step: LeadingStep, values: Values) -> Step:
    """The step after ``step``; the same for the same values, however often it is asked."""
    return procedure.step(_taken(step.next, values).go)


def undoing(procedure: Procedure, values: Values) -> Step:
    """The step at which an order goes on that was cancelled."""
    return procedure.step(_taken(procedure.undo, values).go)


def _taken(branches: tuple[Branch, ...], values: Values) -> Branch:
    """The first that fits; a value that nobody has given fits no condition. The last one has no condition."""
    return next(branch for branch in branches if fits(branch, values))


def fits(branch: Branch, values: Values) -> bool:
    return all(any(_same(values.get(name), wanted) for wanted in several) for name, several in branch.when.items())


def _same(value: object, wanted: object) -> bool:
    """``True`` is no 1, as it is to Python."""
    return type(value) is type(wanted) and value == wanted


def returnable(procedure: Procedure, step: TaskStep) -> tuple[TaskStep, ...]:
    """The tasks to which this one may be returned, in their order."""
    found = (procedure.step(name) for name in step.can_return_to)
    return tuple(task for task in found if isinstance(task, TaskStep))


def returned_to(procedure: Procedure, step: TaskStep, name: str) -> TaskStep:
    """The task ``name``, if this one may be returned to it. Raises ``InvalidInput``, which names those it may."""
    tasks = returnable(procedure, step)
    for task in tasks:
        if task.name == name:
            return task
    others = f"it can be returned to {', '.join(task.name for task in tasks)}" if tasks else "it cannot be returned"
    raise InvalidInput(f"{step.name} cannot be returned to {name}; {others}")


def can_be_cancelled(procedure: Procedure, step: Step) -> bool:
    """Whether an order that stands at ``step`` can be cancelled."""
    if step.kind == "end":
        return False
    until = procedure.cancel_until
    return until is None or procedure.position(step.name) <= procedure.position(until)


def check_cancellation(procedure: Procedure, step: Step) -> None:
    """Raises ``InvalidInput`` if it is too late for a cancellation, and says what to do instead."""
    if can_be_cancelled(procedure, step):
        return
    if step.kind == "end":
        raise InvalidInput(f"the order has ended: {step.title}; there is nothing to cancel")
    until = procedure.step(procedure.cancel_until or procedure.beginning.name)
    instead = procedure.cancel_instead or "let it come to its end"
    raise InvalidInput(
        f"the order stands at {step.name} ({step.title}), and can be cancelled up to {until.name} ({until.title}); "
        f"instead: {instead}"
    )


def due_at(task: TaskStep, values: Values, began_at: datetime, timezone: str) -> datetime:
    """By when a task is to be done that began at ``began_at``.

    One that is for a day is due its span after that day begins in ``timezone``, the customer's.
    """
    counted_from = day_begins(values, task.day, timezone) if task.day else None
    return (counted_from or began_at) + task.due.span(values.get(Asked.CATEGORY))


def day_begins(values: Values, name: str, timezone: str) -> datetime | None:
    """When the day in the value ``name`` begins in ``timezone``; None: nobody has given one."""
    day = values.get(name)
    return instant(date.fromisoformat(day), time(), ZoneInfo(timezone)) if isinstance(day, str) else None
