"""Orders in the ledger: what opens, pays, releases, changes and ends them, on SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables import journal
from billing.errors import BrakeOn, InvalidInput, NotFound
from billing.events.event import Destination, OutgoingEvent
from billing.money import format_amount
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import Subject
from orders.order import Answered, EndKind, OrderStage, OrderStanding, Rejected, ReleaseKind
from orders.ports import OrderFilter
from tests.contract.event_fixtures import listed
from tests.contract.ledger_fixtures import ACME, drafted, leave, run
from tests.ordering import (
    AT,
    BUYER,
    LATER,
    agreement,
    amend,
    back,
    cancel,
    halt,
    log_of,
    payment,
    request,
    resume,
    send_again,
)

ALL = (Destination.COLLECTION, Destination.RECEIVER, Destination.ORDER, Destination.PRODUCTION)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells everybody."""
    ledger = await SqlLedger.connect(url, ALL)
    yield ledger
    await ledger.close()


async def standing(ledger: SqlLedger, number: str = "1042") -> OrderStanding:
    found = await ledger.order(number)
    assert found is not None
    return found


async def released(ledger: SqlLedger, number: str = "1042") -> list[str]:
    return [str(release.kind) for release in (await standing(ledger, number)).order.releases]


async def sent(ledger: SqlLedger) -> list[dict[str, object]]:
    """What production is told, oldest first."""
    events = [event for event in await listed(ledger) if event.destination is Destination.PRODUCTION]
    return [dict(event.payload["data"]) for event in events]  # type: ignore[call-overload]


async def credit(ledger: SqlLedger, customer_id: str = "buyer") -> int:
    return -(await ledger.balance(customer_id)).carried_minor("eur")


async def told(ledger: SqlLedger) -> list[str]:
    return [alert.text for alert in await ledger.alerts()]


# -- taken in


async def test_an_order_is_taken_in_once_and_billed(ledger: SqlLedger) -> None:
    opened = await ledger.open_order(request(), AT, "ann", "cli")
    again = await ledger.open_order(request(), LATER)
    assert (opened.is_new, again.is_new) == (True, False)
    assert opened.standing == again.standing == await standing(ledger)
    assert (again.standing.stage, again.standing.owed_minor) == (OrderStage.AWAITING_PAYMENT, 10000)
    (owed,) = (await ledger.balance("buyer")).owed
    assert (owed.subject, owed.amount_minor, owed.due_at) == (Subject.order("1042"), 10000, AT)
    assert await ledger.buyer("buyer") == BUYER
    (entry,) = await ledger.order_log("1042")
    assert (entry.what, entry.by, entry.via, entry.text) == ("opened", "ann", "cli", "100.00 EUR")


async def test_another_order_of_the_same_number_is_refused(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    with pytest.raises(InvalidInput, match="1042 is another order already"):
        await ledger.open_order(request(price_minor=9000), AT)
    assert (await standing(ledger)).owed_minor == 10000


async def test_a_customer_who_is_billed_monthly_keeps_their_name(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    known = await ledger.buyer("acme")
    assert known is not None
    assert (known.name, known.email) == (ACME.name, ACME.email)


async def test_a_buyer_may_become_a_customer(ledger: SqlLedger) -> None:
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    await ledger.record(drafted(), AT)
    assert await ledger.customer("acme") == ACME
    await ledger.book(payment(10000, customer_id="acme"), LATER)
    assert await released(ledger) == ["production"]


async def test_credit_pays_a_new_order(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1"), AT)
    await leave(ledger, "buyer", -15000, "eur")
    opened = await ledger.open_order(request("2"), AT)
    assert (opened.standing.owed_minor, await credit(ledger)) == (0, 5000)
    assert await released(ledger, "2") == ["production"]
    assert (await ledger.open_order(request("3"), LATER)).standing.owed_minor == 5000


async def test_money_that_came_before_its_order_pays_it_and_is_owed_again_if_it_goes_back(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1", 500), AT)
    early = payment(10000)
    await ledger.book(early, AT)
    assert (await ledger.open_order(request(), LATER)).standing.stage is OrderStage.RELEASED
    await ledger.book(back(10000, early), LATER)
    assert ((await standing(ledger)).owed_minor, await credit(ledger)) == (10000, 0)


# -- paid and released


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


# -- amended


async def test_an_amendment_changes_what_is_due(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    changed, text = await ledger.change_order("1042", amend(12000), LATER)
    assert (changed.order.version, changed.owed_minor, text) == (2, 8000, "amended to version 2, 120.00 EUR")
    (owed,) = (await ledger.balance("buyer")).owed
    assert (owed.amount_minor, owed.due_at) == (8000, AT)
    await ledger.book(payment(8000, "two"), LATER)
    ((data,), (release,)) = await sent(ledger), (await standing(ledger)).order.releases
    assert (data["version"], data["price_minor"], release.version) == (2, 12000, 2)


async def test_an_amendment_below_what_is_paid_releases_and_the_excess_is_credit(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    changed, text = await ledger.change_order("1042", amend(3000), LATER)
    assert (changed.stage, changed.owed_minor, await credit(ledger)) == (OrderStage.RELEASED, 0, 1000)
    assert text == "amended to version 2, 30.00 EUR; 10.00 EUR of what was paid is credit of buyer"
    assert [data["version"] for data in await sent(ledger)] == [2]


async def test_credit_pays_an_order_that_is_amended_to_a_higher_price(ledger: SqlLedger) -> None:
    await ledger.open_order(request(tolerance_minor=50), AT)
    await ledger.change_order("1042", halt(), AT)
    await ledger.book(payment(10000), AT)
    await ledger.change_order("1042", amend(4000), LATER)
    assert await credit(ledger) == 6000
    changed, _ = await ledger.change_order("1042", amend(9000, 2, "change-2"), LATER)
    assert (changed.owed_minor, await credit(ledger)) == (0, 1000)


async def test_an_amendment_of_what_somebody_else_has_amended_is_refused(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", amend(12000), AT)
    with pytest.raises(InvalidInput, match="has version 2 by now"):
        await ledger.change_order("1042", amend(11000, 1, "change-2"), AT)
    assert (await standing(ledger)).order.price_minor == 12000


async def test_a_repeated_change_has_no_second_effect(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    answers = [await ledger.change_order("1042", amend(12000), AT) for _ in range(2)]
    assert answers[0] == answers[1]
    assert await log_of(ledger) == ["opened", "amended"]
    with pytest.raises(InvalidInput, match="was another change"):
        await ledger.change_order("1042", amend(13000), AT)


async def test_what_is_released_is_neither_amended_nor_cancelled(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    for change in (amend(12000), cancel()):
        with pytest.raises(InvalidInput, match="was released already"):
            await ledger.change_order("1042", change, LATER)
    assert await log_of(ledger) == ["opened", "released"]


async def test_an_amendment_that_cannot_be_paid_is_refused(ledger: SqlLedger) -> None:
    await ledger.open_order(request(tolerance_minor=50), AT)
    with pytest.raises(InvalidInput, match="cannot be amended: tolerance_minor"):
        await ledger.change_order("1042", amend(40), AT)
    with pytest.raises(InvalidInput, match="agreed like that already"):
        await ledger.change_order("1042", amend(10000), AT)
    with pytest.raises(NotFound):
        await ledger.change_order("9999", amend(40), AT)


async def test_every_version_of_what_was_agreed_stays_readable(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT, "ann")
    await ledger.change_order("1042", amend(12000), LATER)
    first, second = await ledger.order_versions("1042")
    assert (first.agreed, first.by, first.version) == (agreement(10000), "ann", 1)
    assert (second.agreed.price_minor, second.at) == (12000, LATER)


# -- ended


async def test_cancelling_makes_credit_of_what_was_paid(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    ended, text = await ledger.change_order("1042", cancel(), LATER)
    assert (ended.stage, await credit(ledger)) == (OrderStage.CANCELLED, 4000)
    assert text == "cancelled; 40.00 EUR of what was paid is credit of buyer"
    balance = await ledger.balance("buyer")
    assert (balance.owed, balance.credit_from(Subject.order("1042"), "eur")) == ((), 4000)
    with pytest.raises(InvalidInput, match="was cancelled by ann at"):
        await ledger.change_order("1042", halt(), LATER)


async def test_money_after_a_cancellation_is_credit_and_releases_nothing(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", cancel(), AT)
    await ledger.book(payment(10000), LATER)
    assert (await credit(ledger), await released(ledger)) == (10000, [])


async def test_an_order_expires_unless_enough_is_paid(ledger: SqlLedger) -> None:
    for number in ("1", "2", "3"):
        await ledger.open_order(request(number, expires_at=LATER), AT)
    await ledger.book(payment(4000, "part", "1"), AT)
    await ledger.change_order("2", halt(), AT)
    await ledger.book(payment(10000, "whole", "2"), AT)
    assert (await ledger.expire_order("1", LATER - timedelta(seconds=1))).order.end is None
    for _ in range(2):
        ended = (await ledger.expire_order("1", LATER)).order.end
        assert ended is not None
        assert ended.kind is EndKind.EXPIRED
    assert await credit(ledger) == 4000
    assert (await ledger.expire_order("2", LATER)).stage is OrderStage.HALTED
    await ledger.book(payment(10000, "late", "3"), LATER)
    assert (await ledger.expire_order("3", LATER)).stage is OrderStage.RELEASED
    assert await log_of(ledger, "1") == ["opened", "expired"]


async def claimed(ledger: SqlLedger, at: datetime) -> list[OutgoingEvent]:
    return await ledger.claim_events(Destination.PRODUCTION, at, at + timedelta(minutes=1), 10)


# -- production's answer


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


# -- lists


async def test_orders_are_listed_with_their_money(ledger: SqlLedger) -> None:
    for minute, number in enumerate(("1", "2", "3")):
        await ledger.open_order(request(number), AT + timedelta(minutes=minute))
    await ledger.book(payment(4000, "part", "1"), LATER)
    await ledger.book(payment(10000, "whole", "2"), LATER)
    page = await ledger.orders(OrderFilter())
    assert [(row.number, row.owed_minor, row.stage) for row in page.rows] == [
        ("3", 10000, OrderStage.AWAITING_PAYMENT),
        ("2", 0, OrderStage.RELEASED),
        ("1", 6000, OrderStage.PART_PAID),
    ]
    assert (page.rows[1].released_at, page.rows[2].since, page.rows[0].buyer) == (LATER, LATER, BUYER.name)
    assert page.stages == {OrderStage.AWAITING_PAYMENT: 1, OrderStage.RELEASED: 1, OrderStage.PART_PAID: 1}
    assert [row.number for row in (await ledger.orders(OrderFilter(), 1, 1)).rows] == ["2"]
    part = await ledger.orders(OrderFilter(stage=OrderStage.PART_PAID))
    assert ([row.number for row in part.rows], part.count, len(part.stages)) == (["1"], 1, 3)
    for search in ("BO A", "buye", "3"):
        assert (await ledger.orders(OrderFilter(search=search))).rows[0].number == "3"
    assert (await ledger.orders(OrderFilter(search="%"))).count == 0
    assert (await ledger.orders(OrderFilter(customer_id="other"))).count == 0
    await ledger.note_answer("2", ReleaseKind.PRODUCTION, True, "ok", LATER + timedelta(seconds=2))
    assert (await ledger.orders(OrderFilter(open_only=True))).count == 2
    assert await ledger.release_times(AT, LATER + timedelta(hours=1)) == [(LATER, 2.0)]


async def test_what_is_paid_and_not_released_is_found_from_the_journal(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.open_order(request(), AT)
    monkeypatch.setattr(journal, "release_what_is_paid", lambda connection, posted: None)
    await ledger.book(payment(10000), AT)
    (found,) = await ledger.paid_unreleased(LATER, [])
    assert (found.order.number, found.owed_minor) == ("1042", 0)
    assert await ledger.paid_unreleased(AT, []) == []
    assert format_amount(found.paid_minor, "eur") == "100.00 EUR"


# -- doubts


async def test_people_hear_of_more_than_was_owed_once(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    for _ in range(2):
        await ledger.book(payment(12000), AT)
    (alert,) = await ledger.alerts()
    assert alert.text == (
        "20.00 EUR of payment one (transfer) is credit of buyer: it is more than was owed for the order 1042; give it "
        "back, or their next order uses it"
    )
    assert (alert.order_number, [remedy.action for remedy in alert.remedies]) == ("1042", ["refund_payment"])


async def test_people_hear_of_money_that_comes_after_the_end(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", cancel(), AT)
    await ledger.book(payment(10000), LATER)
    assert await told(ledger) == [
        "100.00 EUR of payment one (transfer) is credit of buyer: the order 1042 is not open any more; give it back, "
        "or their next order uses it"
    ]


async def test_people_hear_of_money_for_an_order_that_its_payer_does_not_have(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1"), AT)
    await ledger.book(payment(10000, number="2"), AT)
    (text,) = await told(ledger)
    assert "buyer, who has no order 2; if it is opened for them, this pays it" in text


@pytest.mark.parametrize("amount_minor", [4000, 10000])
async def test_money_that_pays_what_is_owed_leaves_no_doubt(ledger: SqlLedger, amount_minor: int) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(amount_minor), AT)
    assert await told(ledger) == []


@pytest.mark.parametrize("kind", [PaymentKind.REFUND, PaymentKind.CHARGEBACK])
async def test_an_order_that_credit_has_paid_is_owed_again_once_that_money_goes_back(
    ledger: SqlLedger, kind: PaymentKind
) -> None:
    paid = payment(10000, "first", "1")
    await ledger.open_order(request("1"), AT)
    await ledger.book(paid.evolve(amount_minor=4000), AT)
    await ledger.change_order("1", cancel(), AT)
    await ledger.open_order(request("2", 4000), AT)
    assert await released(ledger, "2") == ["production"]
    for _ in range(2):
        await ledger.book(back(4000, paid, kind), LATER)
    assert ((await standing(ledger, "2")).owed_minor, await credit(ledger)) == (4000, 0)
    assert [alert.order_number for alert in await ledger.alerts()] == ["2"]


# -- beside months


async def test_an_order_is_no_part_of_a_customers_month(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    balance = await ledger.balance("acme")
    assert balance.carried_minor("eur") == 0, "no draft takes it over"
    assert balance.owed_for(Subject.order("1042"), "eur") == 10000
    assert await ledger.debts(customer_id="acme") == [], "nobody collects it"
    await ledger.book(payment(10000, number=None, customer_id="acme"), LATER)
    assert await released(ledger) == ["production"], "no month is announced"


async def test_the_journal_of_an_order_is_exported_under_its_name(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", cancel(), AT)
    rows = [row async for page in ledger.journal(AT, LATER) for row in page]
    assert {(row.cause, row.subject) for row in rows} == {("notice", "order 1042"), ("void", "order 1042")}
    assert sum(row.amount_minor for row in rows) == 0
    assert [total.closing_minor for total in await ledger.trial_balance()] == [0, 0]
