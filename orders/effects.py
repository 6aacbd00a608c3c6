"""What a person's change makes of an order, or why it cannot be made: pure, carried out by the ledger."""

from datetime import datetime
from typing import NamedTuple

from billing.errors import InvalidInput
from billing.money import format_amount
from billing.progress import Halted
from orders.changes import Amend, Cancel, Change, Correct, Halt, Reopen, Resume, SendAgain
from orders.order import End, EndKind, Order, OrderStanding, Rejected, Release, check_price


class Effect(NamedTuple):
    """The changed order, what is logged as done, and the effect in words for whoever did it."""

    order: Order
    what: str
    text: str


def effect(standing: OrderStanding, change: Change, at: datetime) -> Effect:
    """The effect of ``change`` at that instant. Raises ``InvalidInput``, which says what to do instead."""
    order = standing.order
    match change:
        case Amend():
            return _amended(standing, change)
        case Cancel():
            return _cancelled(standing, change, at)
        case Halt():
            _require_open(order)
            if order.halt:
                raise InvalidInput(f"order {order.number} is {order.halt.text}; resume it first")
            halt = Halted(by=change.by, reason=change.reason, at=at)
            return Effect(order.evolve(halt=halt), "halted", "halted; nothing is released until somebody resumes")
        case Resume():
            if order.end:
                _require_open(order)
            if not order.halt:
                raise InvalidInput(f"order {order.number} is not halted")
            return Effect(order.evolve(halt=None), "resumed", "resumed; what is paid enough is released")
        case SendAgain():
            return _sent_again(order)
        case Reopen() | Correct():
            raise InvalidInput(
                f"order {order.number} goes by no procedure: it is not reopened or corrected; open a new one, or "
                "change what was agreed with: python starter.py orders amend"
            )


def expired(standing: OrderStanding, at: datetime) -> Effect | None:
    """The end of an order at its expiry; None: it goes on, for it has none, or is paid enough for a release."""
    order = standing.order
    is_over = order.expires_at is not None and order.expires_at <= at
    if not is_over or order.end or order.is_started or is_paid_enough(standing):
        return None
    end = End(kind=EndKind.EXPIRED, by=None, reason="nothing was released by then", at=at)
    return Effect(order.evolve(end=end), "expired", f"expired; {_left(standing)}")


def _amended(standing: OrderStanding, change: Amend) -> Effect:
    order = standing.order
    _require_unreleased(order, "what changes now is a new order")
    if change.version != order.version:
        raise InvalidInput(f"order {order.number} has version {order.version} by now; look at it again")
    if change.agreed == order.agreed:
        raise InvalidInput(f"order {order.number} has been agreed like that already; nothing is changed")
    try:
        check_price(change.agreed, order.currency, order.tolerance_minor)
    except ValueError as error:
        raise InvalidInput(f"order {order.number} cannot be amended: {error}") from None
    amended = order.evolve(agreed=change.agreed, version=order.version + 1)
    price = format_amount(amended.price_minor, order.currency)
    excess_minor = standing.paid_minor - amended.price_minor
    more = f"; {_credited(order, excess_minor)}" if excess_minor > 0 else ""
    return Effect(amended, "amended", f"amended to version {amended.version}, {price}{more}")


def _cancelled(standing: OrderStanding, change: Cancel, at: datetime) -> Effect:
    order = standing.order
    if not order.can_be_cancelled:
        _require_unreleased(order, "it cannot be cancelled; give money back with: python starter.py payments refund")
    end = End(kind=EndKind.CANCELLED, by=change.by, reason=change.reason, at=at)
    more = ", and is to go back" if change.refund and standing.paid_minor > 0 else ""
    return Effect(order.evolve(end=end), "cancelled", f"cancelled; {_left(standing)}{more}")


def _sent_again(order: Order) -> Effect:
    if order.end:
        _require_open(order)
    rejected = [release.kind for release in order.releases if isinstance(release.answer, Rejected)]
    if not rejected:
        raise InvalidInput(f"production has rejected no release of order {order.number}; there is nothing to send")
    releases = tuple(_unanswered(release) for release in order.releases)
    names = " and ".join(rejected)
    return Effect(order.evolve(releases=releases), "sent_again", f"the release for {names} is sent again")


def _unanswered(release: Release) -> Release:
    return release.evolve(answer=None) if isinstance(release.answer, Rejected) else release


def _require_open(order: Order) -> None:
    if order.end:
        by = f" by {order.end.by}" if order.end.by else ""
        raise InvalidInput(f"order {order.number} was {order.end.kind}{by} at {order.end.at:%Y-%m-%d %H:%M} UTC")
    if order.is_closed:
        raise InvalidInput(f"order {order.number} is fulfilled; nothing is left to be done")


def _require_unreleased(order: Order, instead: str) -> None:
    if order.is_started:
        raise InvalidInput(f"order {order.number} was released already: {instead}")
    _require_open(order)


def is_paid_enough(standing: OrderStanding) -> bool:
    """Whether the first release could follow, if nothing else stopped it: such an order does not expire."""
    return not standing.order.missing_minor(standing.order.kinds[0], standing.owed_minor)


def _left(standing: OrderStanding) -> str:
    return _credited(standing.order, standing.paid_minor) if standing.paid_minor > 0 else "nothing was paid"


def _credited(order: Order, amount_minor: int) -> str:
    return f"{format_amount(amount_minor, order.currency)} of what was paid is credit of {order.customer_id}"
