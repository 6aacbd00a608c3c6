"""What people are told of service orders. The same matter gives the same alert, however often it is noticed."""

from datetime import datetime

from billing.keys import alert_id
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, AlertKind
from orders.service.service_order import ServiceOrder


def of_stuck(order: ServiceOrder, reason: str, at: datetime) -> Alert:
    """A step cannot be carried out."""
    text = f"{order.now_at.title}: {reason}. Then let it go on"
    return _alert(AlertKind.PERSON, order, f"stuck {order.position} {order.revision}", text, at, is_halted=True)


def of_late_task(order: ServiceOrder, at: datetime) -> Alert:
    """The step's task is not done by its date; each reminder is another alert."""
    late = f"{order.now_at.title} was to be done by {order.due_at:%Y-%m-%d %H:%M} UTC" if order.due_at else ""
    text = f"{late}: see to it, or hand the task over"
    return _alert(AlertKind.PERSON, order, f"late {order.position} {order.reminders}", text, at)


def of_halted(order: ServiceOrder, at: datetime) -> Alert:
    assert order.halt is not None, "only a halted order is told of"
    content = f"halted {order.halt.at.isoformat()} {at.isoformat()}"
    return _alert(AlertKind.HALTED, order, content, f"{order.halt.text}; let it go on, or cancel it", at, True)


def of_untold(order: ServiceOrder, what: str, why: str, at: datetime) -> Alert:
    """The customer could not be told of a step; once for each step."""
    text = f"{what}: its customer could not be told, {why}. Tell them yourself"
    return _alert(AlertKind.PERSON, order, f"untold {what}", text, at)


def of_fee_back(order: ServiceOrder, owed: str, at: datetime) -> Alert:
    """Money for a fee has gone back after the order has gone on."""
    text = f"money for its fee has gone back, and {owed} are owed again; the order is at {order.now_at.title!r} by now"
    return _alert(AlertKind.MONEY, order, f"owed again {at.isoformat()}", f"{text}: ask the customer to pay", at)


def _alert(
    kind: AlertKind, order: ServiceOrder, content: str, text: str, at: datetime, is_halted: bool = False
) -> Alert:
    period = Period.at(at, "UTC")
    show, resume = (_of(order, action) for action in (RemedyAction.SHOW_ORDER, RemedyAction.RESUME_ORDER))
    return Alert(
        alert_id=alert_id(kind, order.customer_id, period, f"order {order.number} {content}"),
        kind=kind,
        customer_id=order.customer_id,
        period=period,
        order_number=order.number,
        text=text,
        remedies=(show, resume) if is_halted else (show,),
        at=at,
    )


def _of(order: ServiceOrder, action: RemedyAction) -> Remedy:
    return action.of().evolve(order_number=order.number)
