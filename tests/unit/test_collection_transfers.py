"""Money that comes by other means: it counts once beside the card, parts leave a rest, and what goes back is owed."""

import pytest

from billing.collections.stages import CollectionStage, CollectionStep, Counted
from tests.debts import is_payable, news, only
from tests.unit.collecting import (
    CARD,
    STOLEN,
    accepted,
    always,
    answer,
    arrived,
    counted,
    lived,
    on,
    opened,
    refused,
    say,
)


def test_transfer_counts_once_the_card_cannot_pay_any_more() -> None:
    collection = say(opened(), "count_again", on(opened(), 4))[0]
    assert collection.due(on(collection, 4)).step is CollectionStep.COUNT
    collection = collection.counted(Counted(at=on(collection, 4), owed_minor={collection.period: 0}), collection)
    assert only(collection).outstanding_minor == 12_000
    assert collection.due(on(collection, 4)).step is CollectionStep.RELEASE
    collection = arrived(opened(), 4, 12_000)
    assert (collection.outcome, only(collection).outstanding_minor) == (CollectionStage.RECOVERED, 0)
    assert "120.00 EUR were owed, 0.00 EUR are owed now" in news(collection)


def test_part_leaves_the_rest_to_be_transferred_and_the_card_alone() -> None:
    collection, done = lived(arrived(lived(opened(), 4)[0], 4, 5000), 100)
    assert done == ["5 remind", "7 remind", "14 remind", "21 alert"]
    assert collection.stage(on(collection, 20)) is CollectionStage.AWAITING_PAYMENT
    assert collection.outstanding == "70.00 EUR"
    now = on(collection, 30)
    assert "not charged to the card" in refused(collection, "retry", now)
    replaced = accepted(collection, "replace_card", now, card=CARD)
    assert "not charged to the card" in replaced.entries[-1].text
    assert (only(replaced), replaced.customer.card_on_file) == (only(collection), CARD)
    assert not is_payable(collection)
    assert collection.to_look_up(collection.period) is collection, (
        "its payment is cancelled, which would look like somebody's doing"
    )
    assert arrived(collection, 30, 7000).outcome is CollectionStage.RECOVERED


def test_two_parts_that_arrive_while_the_cards_payment_cannot_be_cancelled_both_count() -> None:
    now = on(opened(), 4)
    collection = say(opened(), "count_again", now)[0]
    collection = collection.counted(Counted(at=now, owed_minor={collection.period: 7000}), collection)
    collection = say(collection.delayed("PaymentUnknown", "Stripe is down"), "count_again", now)[0]
    collection = collection.answered(answer("canceled", now), collection)
    collection = collection.counted(Counted(at=now, owed_minor={collection.period: 0}), collection)
    assert collection.outcome is CollectionStage.RECOVERED


def test_a_part_that_goes_back_is_owed_again_and_the_card_may_pay_it_by_another_payment() -> None:
    collection = counted(arrived(opened(), 1, 5000), 2, 12_000)
    assert (collection.outstanding, collection.due(on(collection, 2)).step) == ("120.00 EUR", None)
    assert "70.00 EUR were owed, 120.00 EUR are owed now" in collection.entries[-1].text
    assert (only(collection).by_card, only(collection).series) == (True, 2)
    assert lived(collection, 3, always("succeeded"))[0].outcome is CollectionStage.RECOVERED


@pytest.mark.parametrize("payer_id", ["cus_1", "cus_2"])
def test_what_is_wholly_owed_again_is_charged_to_the_card_that_was_registered_meanwhile(payer_id: str) -> None:
    card = CARD.evolve(payer_id=payer_id)
    collection = accepted(arrived(opened(STOLEN), 1, 5000), "replace_card", on(opened(), 2), card=card)
    halted = accepted(collection, "halt", on(collection, 2.5))
    collection = counted(collection, 3, 12_000)
    assert (only(collection).series, only(collection).method) == (2, card)
    assert collection.due(on(collection, 3)).step is CollectionStep.TRY
    waiting = counted(halted, 3, 12_000)
    assert waiting.acting is None
    resumed = accepted(waiting, "resume", on(waiting, 4))
    assert (resumed.due(on(waiting, 4)).step, only(resumed).method) == (CollectionStep.TRY, card)


def test_a_card_that_waits_for_the_end_of_a_halt_is_not_tried_once_a_part_has_arrived() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1))
    card = CARD.evolve(payer_id="cus_2")
    collection = accepted(collection, "replace_card", on(collection, 1), card=card)
    collection = collection.answered(answer("canceled", on(collection, 1)), collection)
    assert only(collection).untried_card
    collection = accepted(arrived(collection, 2, 5000), "resume", on(collection, 3))
    assert only(collection).attempt is None


def test_what_was_paid_while_it_was_being_written_off_is_recovered_and_a_part_is_not_given_up() -> None:
    given_up = accepted(opened(), "write_off", on(opened(), 4))
    assert given_up.due(on(given_up, 4)).step is CollectionStep.RELEASE
    paid = counted(given_up, 4, 0)
    paid = paid.answered(answer("canceled", on(paid, 4)), paid)
    assert counted(paid, 4, 0).outcome is CollectionStage.RECOVERED
    part = counted(given_up, 4, 7000)
    part = part.answered(answer("canceled", on(part, 4)), part)
    assert (part.outcome, only(part).outstanding) == (CollectionStage.WRITTEN_OFF, "70.00 EUR")


def test_money_that_changes_nothing_lifts_no_failure() -> None:
    failing = opened().failed("two payments have succeeded").alerted(on(opened(), 1))
    assert counted(failing, 1, 12_000).failure
    now = on(failing, 1)
    asked = say(failing, "count_again", now)[0]
    assert asked.due(now).step is CollectionStep.COUNT
    charged = asked.counted(Counted(at=now, owed_minor={asked.period: 0}, charged=(asked.period,)), asked)
    assert charged.failure
    assert not counted(failing, 1, 0).failure, "its card is not charged any more"


def test_a_count_that_is_no_use_is_made_again_once_a_person_resumes() -> None:
    asked = say(opened(), "count_again", on(opened(), 1))[0]
    refused_ = asked.failed("the ledger has no bill").uncounted(asked).alerted(on(opened(), 1))
    assert refused_.due(on(opened(), 1)).step is None
    assert accepted(refused_, "resume", on(opened(), 1)).due(on(opened(), 1)).step is CollectionStep.COUNT


def test_a_card_that_has_paid_by_what_the_ledger_says_is_looked_up_and_not_cancelled() -> None:
    now = on(opened(), 4)
    collection = say(opened(), "count_again", now)[0]
    period = collection.period
    collection = collection.counted(Counted(at=now, owed_minor={period: 0}, charged=(period,)), collection)
    assert collection.due(now).step is CollectionStep.LOOK_UP
    assert collection.answered(answer("succeeded", now), collection).outcome is CollectionStage.RECOVERED


def test_look_up_that_is_asked_for_by_the_cancelled_payment_itself_is_not_made() -> None:
    collection = arrived(opened(), 1, 5000)
    assert collection.to_look_up(collection.period).due(on(collection, 1)).step is None


def test_halt_outlasts_a_part_that_arrives() -> None:
    collection = arrived(accepted(opened(), "halt", on(opened(), 1)), 2, 5000)
    assert collection.stage(on(collection, 3)) is CollectionStage.HALTED
    assert collection.outstanding == "70.00 EUR"
