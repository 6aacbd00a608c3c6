"""What releases an order and what production answers, on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from billing.errors import BrakeOn, InvalidInput
from billing.events.event import Destination
from billing.receivables.incoming import PaymentKind
from orders.order import Answered, OrderStage, Rejected, ReleaseKind
from tests.contract.ledger_fixtures import run
from tests.contract.order_fixtures import claimed, credit, ledger, released, sent, standing
from tests.ordering import (
    AT,
    LATER,
    back,
    cancel,
    halt,
    log_of,
    payment,
    request,
    resume,
    send_again,
)

__all__ = ["ledger"]  # fixture


async def test_the_payment_that_settles_an_order_releases_exactly_what_was_agreed(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    assert ((await standing(ledger)).stage, await released(ledger)) == (OrderStage.PART_PAID, [])
    assert await sent(ledger) == []
    await ledger.book(payment(6000, "two"), LATER)
    paid = await standing(ledger)
    (release,) = paid.order.releases
    assert (paid.stage, release.version, release.owed_minor, release.at) == (OrderStage.RELEASED, 1, 0, LATER)
    (data,) = await sent(ledger)
    assert (data["number"], data["version"], data["kind"]) == ("1042", 1, "production")
    assert data["lines"] == [line.model_dump() for line in request().agreed.lines]
    assert (data["file_digest"], data["price_minor"], data["owed_minor"]) == ("a" * 64, 10000, 0)
    assert await log_of(ledger) == ["opened", "released"]


async def test_a_repeated_payment_releases_nothing_again(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    assert [await ledger.book(payment(10000), AT) for _ in range(2)] == [True, False]
    await ledger.book(payment(10000, "twice"), AT)
    assert (await released(ledger), len(await sent(ledger)), await credit(ledger)) == (["production"], 1, 10000)


async def test_the_position_of_a_release_is_that_of_the_money(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    (release,) = (await standing(ledger)).order.releases
    rows = [row async for page in ledger.journal(AT, LATER) for row in page if row.number == release.position]
    assert {row.cause for row in rows} == {"payment"}


async def test_what_is_within_the_tolerance_is_paid_enough(ledger: SqlLedger) -> None:
    await ledger.open_order(request(tolerance_minor=100), AT)
    await ledger.book(payment(9899), AT)
    assert await released(ledger) == []
    await ledger.book(payment(1, "two"), AT)
    (release,) = (await standing(ledger)).order.releases
    assert release.owed_minor == 100


async def test_a_deposit_starts_the_work_and_the_rest_ships_it(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(3000), AT)
    assert (await released(ledger), (await standing(ledger)).stage) == (["production"], OrderStage.RELEASED)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "ok", AT)
    assert (await standing(ledger)).stage is OrderStage.IN_PRODUCTION
    await ledger.book(payment(7000, "two"), LATER)
    assert await released(ledger) == ["production", "shipment"]
    assert [data["kind"] for data in await sent(ledger)] == ["production", "shipment"]
    await ledger.note_answer("1042", ReleaseKind.SHIPMENT, True, "ok", LATER)
    assert (await standing(ledger)).stage is OrderStage.FULFILLED


async def test_an_order_with_a_deposit_that_is_paid_whole_is_released_whole(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    assert await released(ledger) == ["production", "shipment"]


async def test_a_part_pays_although_the_clock_of_the_other_process_is_ahead(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), LATER)
    await ledger.book(payment(4000), AT)
    assert (await standing(ledger)).owed_minor == 6000


async def test_nothing_is_released_while_the_brake_is_on(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.pull_brake("ann", "a drill", "cli", AT)
    await ledger.book(payment(10000), AT)
    assert (await standing(ledger)).stage is OrderStage.AWAITING_RELEASE
    with pytest.raises(BrakeOn):
        await ledger.release_due("1042", LATER)
    await ledger.release_brake("ann", "over", "cli", LATER)
    assert (await ledger.release_due("1042", LATER)).stage is OrderStage.RELEASED
    assert len((await ledger.release_due("1042", LATER)).order.releases) == len(await sent(ledger)) == 1


async def test_nothing_is_released_while_an_order_is_halted(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", halt(), AT)
    await ledger.book(payment(10000), AT)
    assert ((await standing(ledger)).stage, await sent(ledger)) == (OrderStage.HALTED, [])
    resumed, _ = await ledger.change_order("1042", resume(), LATER)
    assert (resumed.stage, len(await sent(ledger))) == (OrderStage.RELEASED, 1)
    assert await log_of(ledger) == ["opened", "halted", "resumed", "released"]


@pytest.mark.parametrize("kind", [PaymentKind.REFUND, PaymentKind.CHARGEBACK])
async def test_money_that_goes_back_after_a_release_is_owed_again_and_told_once(
    ledger: SqlLedger, kind: PaymentKind
) -> None:
    await ledger.open_order(request(), AT)
    paid = payment(10000)
    await ledger.book(paid, AT)
    for _ in range(2):
        await ledger.book(back(4000, paid, kind), LATER)
    assert ((await standing(ledger)).owed_minor, await released(ledger)) == (4000, ["production"])
    (alert,) = await ledger.alerts()
    assert (alert.order_number, alert.amount_minor) == ("1042", 4000)
    assert alert.text.startswith("money has gone back after the release, and 40.00 EUR of 100.00 EUR are owed again")
    assert await ledger.released_unpaid([]) == [await standing(ledger)]
    await ledger.book(payment(4000, "anew"), LATER)
    assert ((await standing(ledger)).owed_minor, await released(ledger)) == (0, ["production"])
    assert await ledger.released_unpaid([]) == []


async def test_money_that_goes_back_before_a_release_is_owed_again(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    paid = payment(6000)
    await ledger.book(paid, AT)
    await ledger.book(back(6000, paid), AT)
    assert (await standing(ledger)).owed_minor == 10000
    await ledger.book(payment(6000, "two"), LATER)
    assert await released(ledger) == []


async def test_an_acceptance_stays_and_a_rejection_is_told_once(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    for _ in range(2):
        await ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "410 gone", LATER)
    rejected = await standing(ledger)
    assert (rejected.stage, rejected.order.releases[0].answer) == (
        OrderStage.REJECTED,
        Rejected(at=LATER, text="410 gone"),
    )
    (alert,) = await ledger.alerts()
    assert (alert.order_number, alert.kind) == ("1042", "person")
    again, _ = await ledger.change_order("1042", send_again(), LATER)
    assert again.stage is OrderStage.RELEASED
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", LATER)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "410 gone", LATER)
    done = await standing(ledger)
    assert (done.stage, done.order.releases[0].answer) == (OrderStage.FULFILLED, Answered(at=LATER, text="made"))
    assert await log_of(ledger) == ["opened", "released", "rejected", "sent_again", "answered"]


async def test_what_production_refuses_to_make_can_be_cancelled(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    with pytest.raises(InvalidInput, match="was released already: it cannot be cancelled"):
        await ledger.change_order("1042", cancel(), AT)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "cannot be made", AT)
    ended, text = await ledger.change_order("1042", cancel(), LATER)
    assert (ended.stage, await credit(ledger)) == (OrderStage.CANCELLED, 10000)
    assert text == "cancelled; 100.00 EUR of what was paid is credit of buyer"
    with pytest.raises(InvalidInput, match="was cancelled by ann"):
        await ledger.change_order("1042", send_again(), LATER)
    assert await ledger.released_unpaid([]) == []


async def test_what_production_makes_cannot_be_cancelled_although_it_refuses_to_ship(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "ok", AT)
    await ledger.note_answer("1042", ReleaseKind.SHIPMENT, False, "no", AT)
    with pytest.raises(InvalidInput, match="was released already: it cannot be cancelled"):
        await ledger.change_order("1042", cancel(), AT)


async def test_a_release_that_was_rejected_is_delivered_again_under_the_same_id(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    with pytest.raises(InvalidInput, match="has rejected no release"):
        await ledger.change_order("1042", send_again(), AT)
    (event,) = await ledger.claim_events(Destination.PRODUCTION, LATER, LATER + timedelta(minutes=1), 10)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "no", LATER)
    await ledger.events_are_done([event], LATER)
    much_later = LATER + timedelta(hours=1)
    assert await ledger.claim_events(Destination.PRODUCTION, much_later, much_later + timedelta(minutes=1), 10) == []
    await ledger.change_order("1042", send_again(), much_later)
    (again,) = await ledger.claim_events(Destination.PRODUCTION, much_later, much_later + timedelta(minutes=1), 10)
    assert again.event_id == event.event_id


async def test_a_release_whose_event_is_forgotten_is_sent_again_all_the_same(ledger: SqlLedger, url: str) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    (event,) = await claimed(ledger, LATER)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "no", LATER)
    run(url, lambda connection: connection.execute(text("DELETE FROM outgoing_events")))
    await ledger.change_order("1042", send_again(), LATER)
    (again,) = await claimed(ledger, LATER)
    assert (again.event_id, again.payload) == (event.event_id, event.payload)


async def test_what_is_sent_again_before_its_first_delivery_has_ended_is_delivered(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    (event,) = await claimed(ledger, LATER)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "no", LATER)
    await ledger.change_order("1042", send_again(), LATER)
    await ledger.events_are_done([event], LATER)
    (again,) = await claimed(ledger, LATER)
    await ledger.events_are_done([again], LATER)
    assert await claimed(ledger, LATER + timedelta(days=1)) == []


async def test_an_order_that_production_does_not_take_holds_up_no_other_of_its_customer(ledger: SqlLedger) -> None:
    for number in ("1", "2"):
        await ledger.open_order(request(number), AT)
        await ledger.book(payment(10000, number, number), AT)
    events = await ledger.claim_events(Destination.PRODUCTION, AT, LATER, 10)
    assert [dict(event.payload["data"])["number"] for event in events] == ["1", "2"]  # type: ignore[call-overload]
