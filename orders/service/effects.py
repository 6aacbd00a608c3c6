"""What a person's change makes of a service order, or why it cannot be made: pure, carried out by the ledger."""

from datetime import datetime
from typing import NamedTuple

from billing.errors import InvalidInput
from billing.progress import Halted
from orders.changes import Cancel, Change, Correct, Halt, Reopen, Resume
from orders.procedures.walking import check_cancellation
from orders.service.corrections import corrected
from orders.service.service_order import Cancelled, ServiceOrder

_UNREMINDED: dict[str, object] = {"reminders": 0, "reminded_at": None}


class ServiceEffect(NamedTuple):
    """The changed order, what is logged as done, and the effect in words for whoever did it."""

    order: ServiceOrder
    what: str
    text: str


def service_effect(order: ServiceOrder, change: Change, at: datetime) -> ServiceEffect:
    """The effect of ``change`` at that instant. Raises ``InvalidInput``, which says what to do instead."""
    if isinstance(change, Reopen):
        return _reopened(order, at)
    _require_open(order)
    match change:
        case Cancel():
            return _cancelled(order, change, at)
        case Halt():
            if order.halt:
                raise InvalidInput(f"order {order.number} is {order.halt.text}; resume it first")
            halted = order.evolve(halt=Halted(by=change.by, reason=change.reason, at=at), **_UNREMINDED)
            return ServiceEffect(halted, "halted", "halted; no step follows until somebody resumes")
        case Resume():
            if not order.halt:
                raise InvalidInput(f"order {order.number} is not halted")
            resumed = order.evolve(halt=None, **_UNREMINDED)
            return ServiceEffect(resumed, "resumed", "resumed; it goes on with what was done meanwhile")
        case Correct():
            if not order.halt:
                raise InvalidInput(f"order {order.number} is not halted; halt it first, then correct it")
            right, text = corrected(order, change)
            return ServiceEffect(right, "corrected", text)
        case _:
            raise InvalidInput(
                f"order {order.number} goes by the procedure {order.procedure.name}: it can be cancelled, halted, "
                "corrected and resumed; for anything else, cancel it and open another one"
            )


def _cancelled(order: ServiceOrder, change: Cancel, at: datetime) -> ServiceEffect:
    if order.cancelled is not None:
        raise InvalidInput(f"order {order.number} was cancelled by {order.cancelled.by}: {order.cancelled.reason}")
    check_cancellation(order.procedure, order.now_at)
    cancelled = Cancelled(by=change.by, reason=change.reason, at=at)
    return ServiceEffect(order.evolve(cancelled=cancelled, halt=None, **_UNREMINDED), "cancelled", "cancelled")


def _reopened(order: ServiceOrder, at: datetime) -> ServiceEffect:
    """The order goes on at the task that its procedure names, within that time of its end."""
    reopens = order.procedure.reopens
    if order.end is None:
        raise InvalidInput(f"order {order.number} is open, at {order.now_at.title!r}; it need not be reopened")
    if reopens is None or order.cancelled is not None:
        raise InvalidInput(f"order {order.number} ended as {order.end.outcome}, and is not reopened; open a new one")
    if at > order.end.at + reopens.within:
        last = f"{order.end.at + reopens.within:%Y-%m-%d %H:%M} UTC"
        raise InvalidInput(f"order {order.number} could be reopened until {last}; open a new one")
    step = order.procedure.step(reopens.step)
    return ServiceEffect(order.evolve(end=None), "reopened", f"reopened; it goes on with {step.title!r}")


def _require_open(order: ServiceOrder) -> None:
    if order.end is not None:
        by = f", cancelled by {order.cancelled.by}" if order.cancelled else ""
        raise InvalidInput(
            f"order {order.number} ended as {order.end.outcome}{by} at {order.end.at:%Y-%m-%d %H:%M} UTC"
        )
