"""What is due of an order at an instant; pure."""

from datetime import timedelta

import pytest

from orders.fulfilment import REMINDER, REST_REMINDER, Fulfilment, FulfilmentStep
from orders.order import Answered, End, EndKind, Order, OrderStage, OrderStanding, Rejected, Release, ReleaseKind
from orders.summary import summary
from tests.ordering import AT, LATER, agreement, request

RELEASE = Release(kind=ReleaseKind.PRODUCTION, version=1, at=AT, position=7, owed_minor=0)


def fulfilment(owed_minor: int = 10000, deposit: int | None = None, **changes: object) -> Fulfilment:
    wanted = request()
    order = Order(
        number="1042",
        customer_id="buyer",
        currency="eur",
        agreed=wanted.agreed,
        opened_at=AT,
        opened_by="",
    ).evolve(**changes)
    if deposit:
        order = order.evolve(agreed=agreement(10000, deposit_percent=deposit))
    return Fulfilment(standing=OrderStanding(order=order, owed_minor=owed_minor), since=AT)


def test_an_order_without_an_expiry_waits_for_as_long_as_it_takes() -> None:
    due = fulfilment().due(LATER)
    assert (due.step, due.at, due.what) == (None, None, "payment: 100.00 EUR of 100.00 EUR")


def test_it_expires_at_its_expiry_and_not_before() -> None:
    value = fulfilment(expires_at=LATER)
    assert value.due(AT)[:2] == (None, LATER)
    assert value.due(LATER).step is FulfilmentStep.EXPIRE


def test_what_is_paid_enough_is_released_and_does_not_expire() -> None:
    value = fulfilment(0, expires_at=LATER)
    assert value.due(LATER).step is FulfilmentStep.RELEASE
    assert value.braked().due(LATER).step is FulfilmentStep.AWAIT_RELEASE
    assert value.braked().brake_released().due(LATER).step is FulfilmentStep.RELEASE


def test_a_rejection_stays_one_on_its_way_through_temporal() -> None:
    rejected = fulfilment(0, releases=(RELEASE.evolve(answer=Rejected(at=AT, text="no")),))
    assert Fulfilment.model_validate_json(rejected.model_dump_json()) == rejected
    assert rejected.stage is OrderStage.REJECTED


def test_a_closed_order_ends_it() -> None:
    done = RELEASE.evolve(answer=Answered(at=AT, text=""))
    end = End(kind=EndKind.EXPIRED, by=None, reason="late", at=AT)
    for value in (fulfilment(0, releases=(done,)), fulfilment(end=end)):
        assert value.due(LATER).step is FulfilmentStep.END


def test_the_rest_of_a_deposit_is_asked_for_once_a_week() -> None:
    done = RELEASE.evolve(answer=Answered(at=AT, text=""))
    value = fulfilment(7000, 30, releases=(done,))
    assert value.stage is OrderStage.IN_PRODUCTION
    assert value.due(AT + REST_REMINDER).step is FulfilmentStep.REMIND
    assert value.reminded(AT + REST_REMINDER).due(AT + REST_REMINDER + REMINDER).step is None


def test_nobody_is_reminded_of_a_rest_that_was_written_off() -> None:
    done = RELEASE.evolve(answer=Answered(at=AT, text=""))
    value = fulfilment(7000, 30, releases=(done,))
    given_up = value.evolve(standing=value.standing.evolve(given_up_minor=7000))
    due = given_up.due(AT + REST_REMINDER)
    assert (due.step, due.what) == (None, "the rest: 70.00 EUR of 100.00 EUR are not paid, and were written off")


def test_a_release_that_the_brake_has_stopped_follows_as_soon_as_its_end_is_told() -> None:
    paid = fulfilment(0)
    assert paid.due(AT).step is FulfilmentStep.RELEASE
    braked = paid.braked()
    assert braked.due(AT).step is FulfilmentStep.AWAIT_RELEASE
    assert braked.told(paid.standing, AT) == paid


def test_what_is_not_newer_than_what_is_known_is_looked_up_in_the_ledger_which_may_be_behind() -> None:
    value = fulfilment(revision=5)
    assert value.told(value.standing, LATER) is value
    for revision in (4, 5):
        other = fulfilment(4000, revision=revision).standing
        doubted = value.told(other, LATER)
        assert (doubted.stage, doubted.due(LATER).step) == (value.stage, FulfilmentStep.LOOK_UP)
        assert doubted.answered(value.standing, LATER) == value
        restored = doubted.answered(other, LATER)
        assert (restored.standing, restored.due(LATER).step) == (other, None)
    newer = value.told(fulfilment(4000, revision=6).standing, LATER)
    assert (newer.stage, newer.since) == (OrderStage.PART_PAID, LATER)


@pytest.mark.parametrize("owed_minor", [10000, 4000, 0])
def test_the_summary_names_the_buyer_by_id_only(owed_minor: int) -> None:
    text = summary(fulfilment(owed_minor, releases=(RELEASE,) if not owed_minor else ()), LATER + timedelta(days=1))
    assert text.startswith("### order 1042 · buyer · ")
    assert request().buyer.name not in text
