"""Every path of an order that is recorded, of goods and by a procedure: each function walks one, to its end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from billing.keys import order_workflow_id
from orders.fulfilment import REMINDER, REST_REMINDER
from orders.order import OrderStage, ReleaseKind
from sandbox.timeline import OVERSHOOT
from tests.bed import Bed, now
from tests.ordering import cancel, halt, payment, request
from tests.service_ordering import YES, done
from tests.service_ordering import payment as service_payment
from tests.service_workflow import at_step, begun


async def order_fulfilled(bed: Bed) -> None:
    await _ordered(bed, deposit_percent=30)
    await bed.ledger.book(payment(3000), now())
    await _stands(bed, OrderStage.RELEASED)
    await bed.ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", now())
    await _stands(bed, OrderStage.IN_PRODUCTION)
    await _skip_order(bed, REST_REMINDER)
    await bed.ledger.book(payment(7000, "two"), now())
    await bed.ledger.note_answer("1042", ReleaseKind.SHIPMENT, True, "shipped", now())


async def order_expired(bed: Bed) -> None:
    await _ordered(bed, expires_at=now() + timedelta(days=3))
    await _skip_order(bed, timedelta(days=3))


async def order_released_after_the_brake(bed: Bed) -> None:
    await _ordered(bed)
    await bed.ledger.pull_brake("ann", "recorded for the replay test", "cli", now())
    await bed.ledger.book(payment(10000), now())
    await bed.fulfils("1042", lambda value: value.is_braked)
    await bed.ledger.release_brake("ann", "recorded for the replay test", "cli", now())
    await _skip_order(bed, timedelta(minutes=2))
    await _stands(bed, OrderStage.RELEASED)
    await bed.ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", now())


async def order_halted_and_cancelled(bed: Bed) -> None:
    await _ordered(bed)
    await bed.ledger.change_order("1042", halt(), now())
    await _stands(bed, OrderStage.HALTED)
    await _skip_order(bed, REMINDER)
    await bed.ledger.change_order("1042", cancel(), now())


async def service_order_expired(bed: Bed) -> None:
    await begun(bed)
    await at_step(bed, "feasibility")
    await _skip_order(bed, timedelta(days=2), "77")
    await done(bed.ledger, possible=YES, at=now())
    await at_step(bed, "fee")
    await _skip_order(bed, timedelta(days=14), "77")


async def service_order_cancelled(bed: Bed) -> None:
    await begun(bed)
    await done(bed.ledger, possible=YES, at=now())
    await bed.ledger.book(service_payment(), now())
    await at_step(bed, "install")
    await bed.ledger.change_service_order("77", cancel(), now())


async def _ordered(bed: Bed, **changes: Any) -> None:
    await bed.production_is_silent()
    await bed.order(request(**changes))
    await _stands(bed, OrderStage.AWAITING_PAYMENT)


async def _stands(bed: Bed, stage: OrderStage) -> None:
    await bed.fulfils("1042", lambda value: value.stage is stage)


async def _skip_order(bed: Bed, by: timedelta, number: str = "1042") -> None:
    handle = bed.client.get_workflow_handle(order_workflow_id(number))
    await bed.timeline.reach(handle, await bed.clock(handle) + by + OVERSHOOT)


ORDERS: tuple[Callable[[Bed], Awaitable[None]], ...] = (
    order_fulfilled,
    order_expired,
    order_released_after_the_brake,
    order_halted_and_cancelled,
)
SERVICE_ORDERS: tuple[Callable[[Bed], Awaitable[None]], ...] = (service_order_expired, service_order_cancelled)
