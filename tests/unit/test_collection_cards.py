"""Cards of a collection: which new one is tried and when, and which nobody may try."""

import pytest

from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage, CollectionStep, RequestedTry, ScheduledTry
from billing.commands import Refusal
from billing.payments.payment import ChargeStatus
from tests.debts import is_payable, only, with_fields
from tests.unit.collecting import (
    CARD,
    HESITANT,
    ODD,
    POOR,
    STOLEN,
    accepted,
    always,
    answer,
    lived,
    on,
    opened,
    refused,
    say,
)

# -- cards


@pytest.mark.parametrize("code", [STOLEN, POOR, ODD, ChargeStatus.NEEDS_CARD, ChargeStatus.AUTHENTICATION_REQUIRED])
def test_new_card_is_tried_at_once_and_has_all_its_tries_before_it(code: str) -> None:
    collection, _ = lived(opened(code), 5, always(code))
    collection = accepted(collection, "replace_card", on(collection, 5.5), card=CARD)
    assert collection.customer.card_on_file.last4 == "1881"
    collection, done = lived(collection, 20)
    assert [step for step in done if step.endswith("try")] == (
        ["5.5 try", "7 try", "14 try"] if code != ODD else ["5.5 try", "6.5 try", "7.5 try", "14 try"]
    )


def test_new_card_that_comes_while_the_customer_pays_is_tried_all_the_same() -> None:
    asked = opened()
    now = on(asked, 1)
    collection = accepted(asked, "replace_card", now, card=CARD)
    collection = collection.answered_customer(answer(STOLEN, now), asked, asked.period)
    assert collection.due(now) == (CollectionStep.TRY, None, "new card")


@pytest.mark.parametrize("later", [ScheduledTry(day=3), RequestedTry(by="ann")], ids=["day 3", "ann"])
def test_try_that_was_planned_while_the_customer_paid_is_not_made_after_their_own(
    later: ScheduledTry | RequestedTry,
) -> None:
    asked = opened()
    now = on(asked, 3)
    collection = asked.contacting(now) if isinstance(later, ScheduledTry) else accepted(asked, "retry", now)
    assert only(collection).attempt == later
    collection = collection.answered_customer(answer(STOLEN, now), asked, asked.period)
    assert only(collection).attempt is None
    assert collection.reminding == isinstance(later, ScheduledTry)


def test_card_of_another_id_at_the_processor_is_tried_once_the_old_payment_is_cancelled() -> None:
    collection = with_fields(opened(), answer=answer(POOR, on(opened(), 0), attempt_id="ch_1"))
    now = on(collection, 1)
    collection = accepted(collection, "replace_card", now, card=CARD.evolve(payer_id="cus_2"))
    assert _payer_of(collection) == "cus_1"
    assert collection.due(now).step is CollectionStep.RELEASE
    collection = collection.answered(answer("canceled", now), collection)
    assert (_payer_of(collection), only(collection).series) == ("cus_2", 2)
    assert collection.due(now) == (CollectionStep.TRY, None, "new card")
    before = only(collection).answer
    assert before is not None
    assert before.attempt_id == "", "the new payment has not been tried"


def test_known_card_is_refused() -> None:
    known = opened().customer.card_on_file
    assert say(opened(), "replace_card", on(opened(), 1), card=known)[2] is Refusal.UNCHANGED
    assert refused(opened(), "replace_card", on(opened(), 1), card=known) == ("this card is known already")


def test_new_digits_of_the_known_card_are_taken_over_and_it_is_not_tried() -> None:
    before = accepted(opened(), "halt", on(opened(), 1))
    after = accepted(before, "replace_card", on(before, 2), card=CARD.evolve(card_id="pm_1"))
    assert after.customer.card_on_file == only(after).method == CARD.evolve(card_id="pm_1")
    assert (only(after).attempt, only(after).untried_card, only(after).tries) == (None, False, only(before).tries)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (STOLEN, "the customer has to register a new one"),
        (ChargeStatus.NEEDS_CARD, "the customer has to register a new one"),
        (ChargeStatus.AUTHENTICATION_REQUIRED, "only the customer can confirm this payment"),
    ],
)
def test_nobody_may_try_a_card_that_the_bank_forbids(code: str, why: str) -> None:
    assert why in refused(opened(code), "retry", on(opened(), 1))


def test_customer_who_pays_at_our_page_recovers_the_month() -> None:
    collection = opened(POOR)
    assert is_payable(collection)
    collection = collection.answered_customer(answer("succeeded", on(collection, 1)), collection, collection.period)
    assert collection.outcome is CollectionStage.RECOVERED
    assert (collection.entries[0].by, collection.entries[0].text) == ("the customer", "succeeded")


def test_customer_whose_own_try_is_declined_is_not_reminded_at_once() -> None:
    collection = opened()
    collection = collection.answered_customer(answer(HESITANT, on(collection, 1)), collection, collection.period)
    assert collection.due(on(collection, 1)).step is None


# -- what a review with fresh eyes has found


def test_card_that_the_bank_forbids_cannot_be_used_at_our_page_either() -> None:
    assert not is_payable(opened(STOLEN))


def test_card_that_comes_while_halted_is_tried_only_once_people_resume() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1))
    collection = accepted(collection, "replace_card", on(collection, 2), card=CARD)
    assert collection.customer.card_on_file.card_id == CARD.card_id
    assert only(collection).attempt is None
    resumed = accepted(collection, "resume", on(collection, 3))
    assert resumed.due(on(resumed, 3)).step is CollectionStep.TRY


# -- limits


def _payer_of(collection: Collection) -> str | None:
    method = only(collection).method
    return method.payer_id if method else None
