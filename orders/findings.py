"""What coverage finds about orders: paid and not released, released and not paid, money without an order."""

from datetime import datetime

from billing.apart import Failed
from billing.completeness.report import Finding, FindingKind
from billing.money import format_amount
from billing.remedies import Remedy, RemedyAction
from orders.order import EndKind, OrderStanding, ReleaseKind
from orders.ports import EndedCredit
from orders.unreleased import Hold, Unreleased

_NAMES = {ReleaseKind.PRODUCTION: "production", ReleaseKind.SHIPMENT: "its shipment"}


def paid_unreleased(found: Unreleased) -> Finding:
    """Who halts an order and who pulls the brake is reminded of it; only a defect is news."""
    order = found.standing.order
    held, advice, *remedies = _held(found)
    text = (
        f"order {order.number} of {order.customer_id} is paid enough for {_NAMES[found.kind]} since "
        f"{_utc(found.since)}, and not released: {held}"
    )
    return Finding(
        kind=FindingKind.UNRELEASED,
        customer_id=order.customer_id,
        order_number=order.number,
        text=text,
        advice=advice,
        remedies=tuple(remedies),
        is_told=found.hold is not Hold.DEFECT,
    )


def _held(found: Unreleased) -> tuple[str, str, *tuple[Remedy, ...]]:
    """What holds the release back, in words; what else to do about it, and the remedies."""
    order = found.standing.order
    show = about_order(RemedyAction.SHOW_ORDER, order.number)
    if found.hold is Hold.HALT and order.halt is not None:
        return order.halt.text, "", about_order(RemedyAction.RESUME_ORDER, order.number), show
    if found.hold is Hold.BRAKE:
        return "the emergency brake is on", "", RemedyAction.RELEASE_BRAKE.of()
    return "nothing holds it back", "this is a defect; is a worker running?", RemedyAction.RUN_DOCTOR.of(), show


def released_unpaid(standing: OrderStanding) -> Finding:
    """The order's alert has told it, when the money went back."""
    order = standing.order
    release = order.releases[-1]
    text = (
        f"order {order.number} of {order.customer_id} was released for {_NAMES[release.kind]} at {_utc(release.at)}, "
        f"and {standing.outstanding} of {standing.due} are owed for it again: money has gone back"
    )
    return Finding(
        kind=FindingKind.RELEASED_UNPAID,
        customer_id=order.customer_id,
        order_number=order.number,
        text=text,
        advice="ask the buyer to pay again; production may still be stopped by hand",
        remedies=(about_order(RemedyAction.SHOW_ORDER, order.number),),
        is_told=True,
    )


def ended_credit(credit: EndedCredit) -> Finding:
    """Told once, however much of it has paid something else since."""
    amount = format_amount(credit.credit_minor, credit.currency)
    is_expired = credit.end is EndKind.EXPIRED
    text = (
        f"{amount} of {credit.customer_id} came for order {credit.number}, which "
        f"{'has expired' if is_expired else 'was cancelled'}: it pays nothing now"
    )
    return Finding(
        kind=FindingKind.ENDED_CREDIT,
        customer_id=credit.customer_id,
        order_number=credit.number,
        text=text,
        advice="give it back, or leave it to the customer's next order",
        remedies=(about_order(RemedyAction.SHOW_ORDER, credit.number),),
        matter=f"credit of order {credit.number}",
    )


def unread(failed: Failed) -> Finding:
    """An order that cannot be checked; ``failed`` names its number."""
    number = failed.customer_id
    text = f"order {number} could not be checked: {failed.reason}"
    show = about_order(RemedyAction.SHOW_ORDER, number[:100])
    advice = "no other order is affected"
    return Finding(kind=FindingKind.FAILED, text=text, order_number=number[:100], advice=advice, remedies=(show,))


def about_order(action: RemedyAction, number: str) -> Remedy:
    return Remedy(action=action, order_number=number)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
