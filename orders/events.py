"""What is told of an order: to production, to the order's workflow, and to the company's own system."""

from datetime import datetime

from billing.customers.erasure import is_erased
from billing.events.event import Event, EventType, event_id
from billing.model import Code, Count, Id, Many, Minor, Model
from orders.order import FileDigest, Order, OrderLine, OrderStage, OrderStanding, Release, ReleaseKind


class OrderData(Model):
    """Which order an event is about, and where it stood then."""

    number: Code
    version: Count
    stage: OrderStage


class ReleaseData(Model):
    """What production may do from now on, with exactly the version that was agreed (``order.released``).

    A shipment after the buyer's erasure has no lines: production has had them. ``owed_minor`` were outstanding at that
    moment. The id of the event is the idempotency key: a copy has the same.
    """

    number: Code
    version: Count
    kind: ReleaseKind
    customer_id: Id
    lines: Many[OrderLine]
    file_digest: FileDigest | None
    currency: Code
    price_minor: Minor
    owed_minor: Minor


def order_changed(standing: OrderStanding, at: datetime) -> Event:
    """The order stands like that by now; once for each of its revisions."""
    order = standing.order
    data = OrderData(number=order.number, version=order.version, stage=standing.stage)
    return _event(order.customer_id, EventType.ORDER_CHANGED, f"revision {order.revision}", data, at)


def brake_released(number: str, customer_id: str, version: int, brake: int, at: datetime) -> Event:
    """The order waited for the release of the emergency brake; once for each pull."""
    data = OrderData(number=number, version=version, stage=OrderStage.AWAITING_RELEASE)
    return _event(customer_id, EventType.ORDER_CHANGED, f"brake {brake}", data, at)


def order_released(order: Order, release: Release) -> Event:
    """Production knows a copy of the release by the event's id, also of one that is sent again."""
    is_shipment = release.kind is ReleaseKind.SHIPMENT
    were_erased = is_shipment and all(is_erased(line.description) for line in order.agreed.lines)
    data = ReleaseData(
        number=order.number,
        version=release.version,
        kind=release.kind,
        customer_id=order.customer_id,
        lines=() if were_erased else order.agreed.lines,
        file_digest=order.agreed.file_digest,
        currency=order.currency,
        price_minor=order.price_minor,
        owed_minor=release.owed_minor,
    )
    return _event(order.customer_id, EventType.ORDER_RELEASED, release.kind, data, release.at)


def _event(customer_id: str, kind: EventType, about: str, data: OrderData | ReleaseData, at: datetime) -> Event:
    name = event_id(f"order/{data.number} {kind} {about}")
    return Event(id=name, type=kind, created_at=at, customer_id=customer_id, data=data)
