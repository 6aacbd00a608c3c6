"""What people are told of orders. The same matter gives the same alert, however often it is noticed."""

from datetime import datetime

from billing.keys import alert_id
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, AlertKind
from orders.events import ReleaseData
from orders.order import Order, OrderStanding, Release


def of_rejection(order: Order, release: Release, text: str, at: datetime) -> Alert:
    """Production has refused a release for good."""
    words = f"production has rejected the release for {release.kind}: {text or 'without a reason'}; see to it there"
    send = RemedyAction.SEND_ORDER_AGAIN.of().evolve(order_number=order.number)
    content = f"rejected {release.kind} {at.isoformat()}"
    return _alert(AlertKind.PERSON, order, content, f"{words}, then have it sent again", (send,), at)


def of_money_back(standing: OrderStanding, position: int, at: datetime) -> Alert:
    """Money has gone back after a release: ``position`` of the journal."""
    text = (
        f"money has gone back after the release, and {standing.outstanding} of {standing.due} are owed again; "
        "what is released stays released: ask the buyer to pay, or take it up with production"
    )
    alert = _alert(AlertKind.MONEY, standing.order, f"owed again {position}", text, (_show(standing.order),), at)
    return alert.evolve(amount_minor=standing.owed_minor, currency=standing.order.currency)


def of_waiting(standing: OrderStanding, reminder: str, text: str, at: datetime) -> Alert:
    """The order needs a person; each ``reminder`` is another alert."""
    kind = AlertKind.HALTED if standing.order.halt else AlertKind.PERSON
    alert = _alert(kind, standing.order, f"waits {reminder}", text, (_show(standing.order),), at)
    return alert.evolve(amount_minor=standing.owed_minor, currency=standing.order.currency)


def of_release(data: ReleaseData, text: str, at: datetime) -> Alert:
    """Production is told by people, for it has no address."""
    alert = _alert(AlertKind.PERSON, data, f"released {data.kind}", text, (_show(data),), at)
    return alert.evolve(amount_minor=data.price_minor, currency=data.currency)


def _show(order: Order | ReleaseData) -> Remedy:
    return RemedyAction.SHOW_ORDER.of().evolve(order_number=order.number)


def _alert(
    kind: AlertKind,
    order: Order | ReleaseData,
    content: str,
    text: str,
    remedies: tuple[Remedy, ...],
    at: datetime,
) -> Alert:
    period = Period.at(at, "UTC")
    return Alert(
        alert_id=alert_id(kind, order.customer_id, period, f"order {order.number} {content}"),
        kind=kind,
        customer_id=order.customer_id,
        period=period,
        order_number=order.number,
        text=text,
        remedies=remedies,
        at=at,
    )
