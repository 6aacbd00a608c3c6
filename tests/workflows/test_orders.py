"""The workflow of an order: what it waits for, and what it does by itself. The money's release needs no workflow."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.completeness import CompletenessRequest
from billing.keys import order_workflow_id
from billing.period import Period
from bootstrap import connect_completeness
from orders.fulfilment import REMINDER, REST_REMINDER, Fulfilment
from orders.order import EndKind, OrderStage, OrderStanding, ReleaseKind
from sandbox.timeline import OVERSHOOT, until
from tests.bed import Bed, now
from tests.ordering import cancel, halt, payment, request, resume, send_again
from workflows.order_fulfilment import OrderFulfilment

SECONDS = 60.0


@pytest.fixture(autouse=True)
async def _production_is_silent(bed: Bed) -> None:
    await bed.production_is_silent()


def handle(bed: Bed, number: str = "1042") -> WorkflowHandle[OrderFulfilment, Fulfilment]:
    return bed.client.get_workflow_handle_for(OrderFulfilment.run, order_workflow_id(number))


async def stands(bed: Bed, stage: OrderStage) -> Fulfilment:
    return await bed.fulfils("1042", lambda value: value.stage is stage)


async def skip(bed: Bed, by: timedelta) -> None:
    await bed.timeline.reach(handle(bed), await bed.clock(handle(bed)) + by)


async def paid(bed: Bed, amount_minor: int = 10000, reference: str = "one") -> None:
    assert await bed.ledger.book(payment(amount_minor, reference), now())


async def answered(bed: Bed, kind: ReleaseKind = ReleaseKind.PRODUCTION, accepted: bool = True) -> None:
    await bed.ledger.note_answer("1042", kind, accepted, "an answer", now())


async def test_an_order_is_followed_from_its_opening_to_productions_answer(bed: Bed) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await paid(bed)
    await stands(bed, OrderStage.RELEASED)
    await answered(bed)
    assert (await handle(bed).result()).stage is OrderStage.FULFILLED
    description = await handle(bed).describe()
    assert description.typed_search_attributes.search_attributes[0].value is not None
    shown = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert (shown["BillingStage"], shown["BillingAmountMinor"], shown["BillingCustomer"]) == ("Fulfilled", 0, "buyer")


async def test_an_order_that_nobody_pays_expires(bed: Bed) -> None:
    expires_at = now() + timedelta(days=3)
    await bed.order(request(expires_at=expires_at))
    await paid(bed, 4000)
    await stands(bed, OrderStage.PART_PAID)
    await bed.timeline.reach(handle(bed), expires_at + OVERSHOOT)
    ended = (await handle(bed).result()).standing.order.end
    assert ended is not None
    assert ended.kind is EndKind.EXPIRED
    assert (await bed.ledger.balance("buyer")).carried_minor("eur") == -4000


async def test_an_order_that_is_paid_in_time_does_not_expire(bed: Bed) -> None:
    expires_at = now() + timedelta(days=3)
    await bed.order(request(expires_at=expires_at, deposit_percent=30))
    await paid(bed, 3000)
    await answered(bed)
    await stands(bed, OrderStage.IN_PRODUCTION)
    await bed.timeline.reach(handle(bed), expires_at + OVERSHOOT)
    assert (await stands(bed, OrderStage.IN_PRODUCTION)).standing.order.end is None


async def test_what_was_paid_under_the_brake_is_released_after_it(bed: Bed) -> None:
    await bed.order(request())
    await bed.ledger.pull_brake("ann", "a drill", "cli", now())
    await paid(bed)
    await bed.fulfils("1042", lambda value: value.is_braked)
    await bed.ledger.release_brake("ann", "over", "cli", now())
    await skip(bed, timedelta(minutes=2))
    released = await stands(bed, OrderStage.RELEASED)
    assert len(released.standing.order.releases) == 1


async def test_an_order_that_is_cancelled_under_the_brake_ends(bed: Bed) -> None:
    await bed.order(request())
    await bed.ledger.pull_brake("ann", "a drill", "cli", now())
    await paid(bed)
    await bed.fulfils("1042", lambda value: value.is_braked)
    await bed.ledger.change_order("1042", cancel(), now())
    assert (await handle(bed).result()).stage is OrderStage.CANCELLED
    await bed.ledger.release_brake("ann", "over", "cli", now())


async def test_people_are_reminded_of_a_halted_order_until_it_is_resumed(bed: Bed) -> None:
    await bed.order(request())
    await bed.ledger.change_order("1042", halt(), now())
    await stands(bed, OrderStage.HALTED)
    await skip(bed, REMINDER + OVERSHOOT)
    await skip(bed, REMINDER + OVERSHOOT)
    await bed.fulfils("1042", lambda value: value.reminders == 2)
    assert await bed.alerted() == ["halted by ann: the buyer asked"] * 2
    assert "order 1042 (100.00 EUR)" in await bed.told()
    await bed.ledger.change_order("1042", resume(), now())
    assert (await stands(bed, OrderStage.AWAITING_PAYMENT)).reminders == 0


async def test_people_are_told_of_a_rejection_at_once_and_reminded_of_it(bed: Bed) -> None:
    await bed.order(request())
    await paid(bed)
    await answered(bed, accepted=False)
    await stands(bed, OrderStage.REJECTED)
    told = await bed.told()
    assert "production has rejected the release for production: an answer" in told
    assert "python starter.py orders send-again 1042" in told
    await skip(bed, REMINDER + OVERSHOOT)
    assert len(await bed.alerted()) == 2
    await bed.ledger.change_order("1042", send_again(), now())
    await answered(bed)
    assert (await handle(bed).result()).stage is OrderStage.FULFILLED


async def test_people_are_reminded_no_more_of_a_rejected_order_that_is_cancelled(bed: Bed) -> None:
    await bed.order(request())
    await paid(bed)
    await answered(bed, accepted=False)
    await stands(bed, OrderStage.REJECTED)
    await bed.ledger.change_order("1042", cancel(), now())
    assert (await handle(bed).result()).stage is OrderStage.CANCELLED


async def test_people_are_reminded_of_the_rest_after_a_deposit(bed: Bed) -> None:
    await bed.order(request(deposit_percent=30))
    await paid(bed, 3000)
    await answered(bed)
    await stands(bed, OrderStage.IN_PRODUCTION)
    await skip(bed, REST_REMINDER + OVERSHOOT)
    assert await bed.alerted() == ["the rest: 70.00 EUR of 100.00 EUR are not paid yet"]
    await paid(bed, 7000, "two")
    await answered(bed, ReleaseKind.SHIPMENT)
    await handle(bed).result()


async def test_a_workflow_that_was_terminated_begins_again_with_the_next_change(bed: Bed) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await handle(bed).terminate("a mistake")
    await paid(bed)
    await stands(bed, OrderStage.RELEASED)


async def test_an_order_whose_workflow_was_terminated_is_looked_after_again_the_next_day(bed: Bed) -> None:
    expires_at = now() + timedelta(days=3)
    await bed.order(request(expires_at=expires_at))
    await bed.order(request("1043"))
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await bed.fulfils("1043", lambda value: value.stage is OrderStage.AWAITING_PAYMENT)
    await handle(bed).terminate("a mistake")
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    for _ in range(2):
        await check.cover(CompletenessRequest(periods=(Period("2027-06"),)))
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await bed.timeline.reach(handle(bed), expires_at + OVERSHOOT)
    assert (await handle(bed).result()).stage is OrderStage.EXPIRED


async def test_an_order_whose_workflow_was_terminated_under_the_brake_is_released_after_it(bed: Bed) -> None:
    await bed.order(request())
    await bed.ledger.pull_brake("ann", "a drill", "cli", now())
    await paid(bed)
    await bed.fulfils("1042", lambda value: value.is_braked)
    await handle(bed).terminate("a mistake")
    await bed.ledger.release_brake("ann", "over", "cli", now())
    await stands(bed, OrderStage.RELEASED)


async def knows_more(bed: Bed) -> None:
    """The workflow knows what the ledger, which was restored, has lost."""
    standing = await bed.ledger.order("1042")
    assert standing is not None
    lost = standing.evolve(order=standing.order.evolve(revision=50))
    await handle(bed).signal("told", lost)
    await bed.fulfils("1042", lambda value: value.standing == lost)


async def test_an_order_goes_on_where_a_ledger_that_was_restored_has_it(bed: Bed) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await knows_more(bed)
    await paid(bed)
    assert (await stands(bed, OrderStage.RELEASED)).standing.order.revision < 50
    await answered(bed)
    assert (await handle(bed).result()).stage is OrderStage.FULFILLED


async def test_an_order_that_is_told_of_while_it_asks_the_ledger_asks_again_at_once(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await knows_more(bed)
    read, is_read, goes_on = bed.ledger.order, asyncio.Event(), asyncio.Event()

    async def slow(number: str) -> OrderStanding | None:
        found = await read(number)
        is_read.set()
        await goes_on.wait()
        return found

    standing = await read("1042")
    monkeypatch.setattr(bed.ledger, "order", slow)
    await handle(bed).signal("told", standing)
    await is_read.wait()
    await handle(bed).signal("told", standing)
    goes_on.set()
    assert (await bed.fulfils("1042", lambda value: not value.is_doubted)).standing == standing


async def test_an_order_expires_by_a_ledger_that_was_restored(bed: Bed) -> None:
    expires_at = now() + timedelta(days=3)
    await bed.order(request(expires_at=expires_at))
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await knows_more(bed)
    await bed.timeline.reach(handle(bed), expires_at + OVERSHOOT)
    assert (await handle(bed).result()).stage is OrderStage.EXPIRED


@pytest.mark.parametrize("payload", [["nonsense"], [], [{"order": {}}]])
async def test_a_signal_that_cannot_be_read_changes_nothing(bed: Bed, payload: list[object]) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await handle(bed).signal("told", args=payload)
    await paid(bed)
    await stands(bed, OrderStage.RELEASED)


async def test_a_request_to_cancel_the_workflow_does_not_cancel_the_order(bed: Bed) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    await handle(bed).cancel()
    await paid(bed)
    await answered(bed)

    async def ended() -> WorkflowExecutionStatus | None:
        status = (await handle(bed).describe()).status
        return status if status is not WorkflowExecutionStatus.RUNNING else None

    assert await until(ended, SECONDS) is WorkflowExecutionStatus.COMPLETED


async def test_the_temporal_ui_shows_the_order_without_its_buyers_name(bed: Bed) -> None:
    await bed.order(request())
    await stands(bed, OrderStage.AWAITING_PAYMENT)
    metadata = await handle(bed).describe()
    assert await metadata.static_summary() == "looks after order 1042 of buyer"
