"""What people may do to what is owed: halt, try, resume, give it up; and what refuses it."""

from datetime import timedelta

from billing.collections.stages import CollectionStage, CollectionStep, Counted
from billing.commands import Refusal
from tests.debts import is_payable, news, only
from tests.stops import text_of
from tests.unit.collecting import (
    CARD,
    STOLEN,
    accepted,
    always,
    answer,
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
