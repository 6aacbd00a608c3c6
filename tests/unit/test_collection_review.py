"""What people may do to what is owed: halt, try, take another card, record money, give it up; and what refuses it."""

from datetime import timedelta

import pytest

from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage, CollectionStep, Counted, RequestedTry, ScheduledTry
from billing.commands import Refusal
from billing.payments.payment import ChargeStatus
from tests.debts import is_payable, news, only, with_fields
from tests.stops import text_of
from tests.unit.collecting import (
    CARD,
    HESITANT,
    ODD,
    POOR,
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

# -- halt and resume


def test_halt_stops_tries_and_reminders_and_resume_goes_on() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1))
    assert collection.stage(on(collection, 1)) is CollectionStage.HALTED
    assert "halted by ann: as agreed" in text_of(collection.waits_for(on(collection, 1)))
    collection, done = lived(collection, 9)
    assert done == [f"{day} alert" for day in range(1, 10)]
    collection = accepted(collection, "resume", on(collection, 9.5))
    assert lived(collection, 15)[1] == ["9.5 try", "9.5 remind", "14 try", "14 remind"]


def test_try_that_has_begun_ends_although_halted_and_its_reminder_waits() -> None:
    collection = opened().contacting(on(opened(), 3))
    collection = accepted(collection, "halt", on(collection, 3))
    assert "the try that has begun ends first" in collection.entries[-1].text
    collection, done = lived(collection, 4)
    assert done == ["3 alert", "3 try", "3 alert", "4 alert"]
    assert lived(accepted(collection, "resume", on(collection, 4)), 4.5)[1] == ["4 remind"]


def test_resume_of_what_is_not_halted_is_refused() -> None:
    assert refused(opened(), "resume", on(opened(), 1)) == "it is not halted"


def test_person_may_have_a_halted_collection_tried() -> None:
    halted = accepted(opened(), "halt", on(opened(), 1))
    asked = accepted(halted.alerted(on(halted, 1)), "retry", on(halted, 1))
    assert lived(asked, 1)[1] == ["1 try", "1 alert"]


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


# -- payments by other means


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


# -- giving up


def test_write_off_cancels_the_payment_first() -> None:
    collection = accepted(opened(), "write_off", on(opened(), 30))
    now = on(collection, 30)
    assert collection.outcome is None
    assert collection.due(now).step is CollectionStep.RELEASE
    assert not is_payable(collection)
    assert only(accepted(collection, "halt", now)).release is not None
    assert "is being cancelled" in refused(collection, "replace_card", now, card=CARD)
    assert say(collection, "replace_card", now, card=CARD)[2] is Refusal.LATER
    collection = collection.answered(answer("canceled", now), collection)
    assert collection.outcome is CollectionStage.WRITTEN_OFF
    assert only(collection).outstanding == "120.00 EUR"
    assert "written off\nann: as agreed" in news(collection)
    assert "settled already: WrittenOff" in refused(collection, "retry", now)


def test_card_that_has_paid_before_it_was_given_up_is_recovered_and_noted() -> None:
    collection = accepted(opened(), "write_off", on(opened(), 4))
    collection, _ = lived(collection, 4, always("succeeded"))
    assert (collection.outcome, only(collection).paid_by) == (CollectionStage.RECOVERED, "pi_1")
    assert "ann wanted to give it up, but the card has paid" in news(collection)


def test_card_that_has_paid_beside_a_transfer_is_recovered_and_noted() -> None:
    now = on(opened(), 4)
    collection = say(opened(), "count_again", now)[0]
    collection = collection.counted(Counted(at=now, owed_minor={collection.period: 0}), collection)
    collection = collection.answered(answer("succeeded", now), collection)
    assert (collection.outcome, only(collection).paid_by) == (CollectionStage.RECOVERED, "pi_1")
    assert "the card has paid beside another rail; what is too much is credit" in news(collection)


def test_giving_up_that_fails_waits_for_a_person() -> None:
    collection = accepted(opened(), "write_off", on(opened(), 4)).failed("Stripe refuses the API key")
    now = on(collection, 4)
    collection = collection.alerted(now)
    assert collection.stage(now) is CollectionStage.UNRESOLVED
    assert collection.due(now).step is None
    resumed = accepted(collection, "resume", now)
    assert resumed.due(now).step is CollectionStep.COUNT
    assert counted(resumed, 4, 12_000).due(now).step is CollectionStep.RELEASE


def test_what_is_used_up_can_still_be_tried_and_is_told_again() -> None:
    collection, _ = lived(opened(), 22)
    assert collection.due(on(collection, 22)) == (None, None, "tell the reviewers")
    collection = accepted(collection, "retry", on(collection, 40))
    assert lived(collection, 100)[1] == ["40 try", "40 alert"]


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


def test_command_id_of_another_command_is_refused() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1), command_id="T-1")
    assert "used for another command" in refused(collection, "write_off", on(collection, 1), command_id="T-1")


def test_news_that_all_is_used_up_comes_again_if_it_could_not_be_told() -> None:
    collection, _ = lived(opened(STOLEN), 20.5)
    now = on(collection, 21)
    assert collection.due(now).step is CollectionStep.ALERT
    collection = collection.alerted(now, is_told=False)
    assert collection.due(now).step is None
    again = collection.due(now).at
    assert again is not None
    assert collection.due(again).step is CollectionStep.ALERT
    collection = collection.alerted(again)
    assert collection.due(on(collection, 300)).at is None


def test_people_are_told_again_if_what_was_settled_has_moved_the_end_behind_the_news() -> None:
    collection, _ = lived(opened(STOLEN), 20.5)
    now = on(collection, 21)
    told = collection.alerted(now)
    assert told.due(now).step is None
    moved = told.evolve(alerted_at=told.give_up_at - timedelta(days=1))
    assert moved.due(now).step is CollectionStep.ALERT
    assert moved.alerted(now).due(now).step is None, "once"


def test_what_was_said_to_a_run_that_had_been_reset_halts_it_and_is_in_the_diary() -> None:
    known, _ = lived(opened(), 4)
    told = accepted(opened(), "write_off", on(known, 5))
    adopted = told.adopt(known)
    assert adopted.stage(on(known, 5)) is CollectionStage.HALTED
    assert "repeat the command" in text_of(adopted.waits_for(on(known, 5)))
    assert adopted.entries[-1].what == "lost: write_off"
    assert only(adopted).outstanding_minor == only(known).outstanding_minor
    assert opened().adopt(known) == known.to_count()


def test_outage_of_the_ledger_alone_is_over_once_it_answers() -> None:
    collection = opened().delayed("SalesUnavailable", "the ledger is down")
    assert collection.reachable().waits_for(on(collection, 1)) is None
    trying = collection.contacting(on(collection, 3)).delayed("SalesUnavailable", "the processor is down")
    assert trying.reachable() == trying


# -- limits


def test_an_id_that_was_used_for_another_command_is_refused() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1), command_id="c-1")
    collection = accepted(collection, "resume", on(collection, 1))
    after, text, refusal = say(collection, "halt", on(collection, 2), command_id="c-1", reason="another one")
    assert text == "this command id was used for another command already; give a new one"
    assert refusal is Refusal.OTHER
    assert after.halt is None
    assert say(collection, "halt", on(collection, 2), command_id="c-1")[0] is collection


def test_what_a_collection_carries_fits_into_a_payload_whatever_is_said_before_the_ledger_answers() -> None:
    collection = opened()
    longest = {"by": "\U0001f600" * 200, "reason": "\U0001f600" * 1000}
    for _ in range(1000):
        collection = say(collection, "resume", on(collection, 1), **longest)[0]
    assert collection.entry_count == 1000
    assert len(collection.model_dump_json()) < 1_000_000
    assert accepted(collection, "halt", on(collection, 1)).halt is not None
    assert len(collection.recorded(collection.entry_count).model_dump_json()) < 200_000


def _payer_of(collection: Collection) -> str | None:
    method = only(collection).method
    return method.payer_id if method else None
