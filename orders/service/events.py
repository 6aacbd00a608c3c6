"""What is told of a service order: to its workflow, to the company's own system, and to the customer."""

from datetime import datetime

from billing.events.event import Event, EventType, event_id
from billing.model import Code, Count, Line, Model
from orders.service.service_order import ServiceOrder, ServiceStage


class ServiceStepData(Model):
    """Where the order stands; a higher ``revision`` is later. ``outcome`` "": the procedure has not ended."""

    number: Code
    procedure: Code
    step: Code
    title: Line
    position: Count
    stage: ServiceStage
    revision: Count
    outcome: Code = ""


def order_step(order: ServiceOrder, at: datetime) -> Event:
    """Once for each revision."""
    data = ServiceStepData(
        number=order.number,
        procedure=order.procedure.name,
        step=order.step,
        title=order.now_at.title,
        position=order.position,
        stage=order.stage,
        revision=order.revision,
        outcome=order.end.outcome if order.end else "",
    )
    return Event(
        id=event_id(f"order/{order.number} step {order.revision}"),
        type=EventType.ORDER_STEP,
        created_at=at,
        customer_id=order.customer_id,
        data=data,
    )
