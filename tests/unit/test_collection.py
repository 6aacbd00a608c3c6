"""What is owed: tries and reminders on their days, money that arrives by any way, and what people may do to it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from billing.collection import KEPT_ENTRIES, Collection, CollectionStage, CollectionStep
from billing.collection_review import COLLECTION_COMMANDS, decide
from billing.collection_summary import summary
from billing.dunning import FEW_TRIES
from billing.messages import parse_command
from billing.payment import ChargeResult, ChargeStatus
from tests.unit.months import DAY, HOUR, charging

POOR, ODD, STOLEN, HESITANT = "insufficient_funds", "a_code_of_next_year", "stolen_card", "do_not_honor"
Answers = Callable[[Collection, datetime], ChargeResult]


def answer(code: str, at: datetime, **fields: Any) -> ChargeResult:
    """The processor's answer: a status, or the code of a decline."""
    known = code in list(ChargeStatus)
    status = ChargeStatus(code) if known else ChargeStatus.DECLINED
    codes = {} if known else {"code": "card_declined", "decline_code": code}
    return ChargeResult.model_validate({"status": status, "at": at, "payment_id": "pi_1", **codes, **fields})


def always(code: str) -> Answers:
    return lambda _, at: answer(code, at)


def opened(code: str = POOR, **terms: Any) -> Collection:
    """120.00 EUR for October, not paid on 8 November."""
    month = charging(12_000, terms=terms)
    return Collection.open(month.charged(answer(code, month.charge_at)))


def lived(collection: Collection, days: float, answers: Answers | None = None) -> tuple[Collection, list[str]]:
    """The collection so many days after it was opened, and what was done until then: ``3 try``, ``21 alert`` …"""
    until = collection.opened_at + days * DAY
    now = max([collection.opened_at, *(entry.at for entry in collection.entries)])
    now = max(now, collection.contacted_at or now, collection.alerted_at or now)
    done: list[str] = []
    for _ in range(100):
        due = collection.due(now)
        if due.step is CollectionStep.WAIT:
            if due.at is None or due.at > until:
                return collection, done
            now = due.at
            continue
        if due.step is CollectionStep.CLOSE:
            return collection, done
        if due.step is not CollectionStep.CONTACT:
            done.append(f"{(now - collection.opened_at) / DAY:g} {due.step}")
        collection = stepped(collection, due.step, now, answers or always(POOR))
    raise AssertionError("it makes no progress")


def stepped(collection: Collection, step: CollectionStep, now: datetime, answers: Answers) -> Collection:
    match step:
        case CollectionStep.CONTACT:
            after = collection.contacting(now)
        case CollectionStep.REMIND:
            after = collection.reminded()
        case CollectionStep.ALERT:
            after = collection.alerted(now)
        case _:
            after = collection.answered(answers(collection, now), collection)
    assert after.revision > collection.revision
    return after


def say(collection: Collection, name: str, now: datetime, **fields: Any) -> tuple[Collection, str, bool]:
    command = parse_command(name, [{"by": "ann", "reason": "as agreed", **fields}], COLLECTION_COMMANDS)
    return decide(collection, command, name, now, "update")


def accepted(collection: Collection, name: str, now: datetime, **fields: Any) -> Collection:
    after, text, yes = say(collection, name, now, **fields)
    assert yes, text
    assert after.revision > collection.revision
    assert after.entry_count == collection.entry_count + 1
    assert after.entries[-1].text == f"as agreed: {text}"
    return after


def refused(collection: Collection, name: str, now: datetime, **fields: Any) -> str:
    """Why a command is refused; it must leave its trace and nothing else."""
    after, text, yes = say(collection, name, now, **fields)
    assert not yes, text
    trail = {"entries", "entry_count", "revision"}
    assert after.model_dump(exclude=trail) == collection.model_dump(exclude=trail)
    assert after.revision > collection.revision
    assert (after.entries[-1].accepted, after.entries[-1].text) == (False, f"as agreed: {text}")
    return text


def on(collection: Collection, day: float) -> datetime:
    return collection.opened_at + day * DAY


CARD = {"payment_method_id": "pm_2", "stripe_customer_id": "cus_1", "card_last4": "1881"}
TRANSFER = {"reference": "bank 1", "amount_minor": 12_000}


# -- the schedule


def test_month_that_was_not_paid_is_owed_in_full() -> None:
    collection = opened()
    assert collection.outstanding == "120.00 EUR"
    assert collection.stage(collection.opened_at) is CollectionStage.COLLECTING
    assert collection.due(collection.opened_at) == (CollectionStep.WAIT, on(collection, 3), "try the card again")


def test_declined_card_is_tried_and_its_customer_reminded_on_days_3_5_7_and_14_and_people_decide_on_day_21() -> None:
    collection, done = lived(opened(), 100)
    expected = [f"{day} {step}" for day in (3, 5, 7, 14) for step in ("try", "remind")]
    assert done == [*expected, "21 alert"]
    assert collection.stage(on(collection, 21)) is CollectionStage.EXHAUSTED
    assert "120.00 EUR are still owed after all tries" in collection.needs_person(on(collection, 21))
    assert (collection.tries, collection.reminders) == (4, 4)


@pytest.mark.parametrize(
    ("code", "stage"),
    [
        (STOLEN, CollectionStage.AWAITING_CARD),
        (ChargeStatus.NEEDS_CARD, CollectionStage.AWAITING_CARD),
        (ChargeStatus.AUTHENTICATION_REQUIRED, CollectionStage.AWAITING_AUTHENTICATION),
    ],
)
def test_card_that_cannot_help_is_never_tried_and_its_customer_reminded(code: str, stage: CollectionStage) -> None:
    collection = opened(code)
    assert collection.due(collection.opened_at).what == "remind the customer"
    assert collection.stage(collection.opened_at) is stage
    assert lived(collection, 100)[1] == ["3 remind", "5 remind", "7 remind", "14 remind", "21 alert"]


def test_bank_that_does_not_say_why_is_asked_few_times() -> None:
    collection, done = lived(opened(HESITANT), 20, always(HESITANT))
    assert done == ["3 try", "3 remind", "5 try", "5 remind", "7 remind", "14 remind"]
    assert collection.tries == FEW_TRIES


def test_longest_schedule_stays_within_the_limit_of_tries() -> None:
    _, done = lived(opened(dunning_days=(1, 2, 3, 4, 5, 6, 7)), 20)
    assert [step for step in done if step.endswith("try")] == [f"{day} try" for day in range(1, 8)]


def test_card_that_is_reported_stolen_meanwhile_is_not_tried_again() -> None:
    collection, done = lived(opened(), 20, always(STOLEN))
    assert done == ["3 try", "3 remind", "5 remind", "7 remind", "14 remind"]
    assert collection.stage(on(collection, 20)) is CollectionStage.AWAITING_CARD


def test_without_a_schedule_people_decide_in_the_end() -> None:
    assert lived(opened(dunning_days=()), 100)[1] == ["21 alert"]


def test_try_that_succeeds_recovers_the_month_without_a_reminder() -> None:
    collection, done = lived(opened(), 100, always("succeeded"))
    assert done == ["3 try"]
    assert collection.outcome is CollectionStage.RECOVERED
    assert (collection.outstanding_minor, collection.received[0].reference) == (0, "pi_1")
    assert collection.closed_at == on(collection, 3)
    assert collection.news.startswith("120.00 EUR of acme, 2026-10: recovered\n")


def test_after_an_outage_of_ten_days_one_contact_follows_not_three() -> None:
    collection = opened()
    now = on(collection, 12.5)
    steps = []
    for _ in range(10):
        due = collection.due(now)
        if due.step is CollectionStep.WAIT:
            break
        steps.append(due.step)
        collection = stepped(collection, due.step, now, always(POOR))
    assert steps == [CollectionStep.CONTACT, CollectionStep.TRY, CollectionStep.REMIND]
    assert collection.due(now).at == on(collection, 14)
    assert lived(collection, 100)[1] == ["14 try", "14 remind", "21 alert"]


def test_contact_that_was_late_keeps_a_day_from_the_next() -> None:
    collection = opened(STOLEN).contacting(on(opened(), 13.75)).reminded()
    assert collection.due(on(collection, 13.75)).at == on(collection, 14.75)


# -- outages and trouble


def test_try_without_an_answer_is_unresolved_and_nothing_else_happens_before_it_is_known() -> None:
    collection = opened().contacting(on(opened(), 3)).delayed("Stripe is down")
    now = on(collection, 3)
    assert collection.stage(now) is CollectionStage.UNRESOLVED
    assert collection.due(now).step is CollectionStep.ALERT
    collection = collection.alerted(now).to_look_up()
    for day in (3, 7, 30):
        assert collection.due(on(collection, day)).step in (CollectionStep.TRY, CollectionStep.ALERT)
    assert not collection.payable
    assert "has to be known first" in refused(collection, "retry", now)
    assert "has to be known first" in refused(collection, "replace_card", now, **CARD)
    known = collection.answered(answer(POOR, now), collection)
    assert known.stage(now) is CollectionStage.COLLECTING
    assert known.due(now).step is CollectionStep.REMIND


def test_trouble_stops_everything_until_a_person_goes_on() -> None:
    collection = opened().contacting(on(opened(), 3)).in_trouble("two payments")
    now = on(collection, 3)
    assert collection.due(now).step is CollectionStep.ALERT
    collection = collection.alerted(now)
    assert collection.due(now) == (CollectionStep.WAIT, now + DAY, "remind the reviewers")
    assert collection.stage(now) is CollectionStage.UNRESOLVED
    for name in ("resume", "retry"):
        assert accepted(collection, name, now).due(now).step is CollectionStep.TRY


def test_outage_that_reviewers_knew_of_does_not_hide_that_all_is_used_up() -> None:
    collection = opened(STOLEN).contacting(on(opened(), 14)).delayed("no mail")
    collection = collection.alerted(on(collection, 14)).reminded()
    assert lived(collection, 100)[1] == ["21 alert"]


def test_trouble_that_a_transfer_has_settled_does_not_hide_that_all_is_used_up() -> None:
    collection, _ = lived(opened(STOLEN), 14)
    collection = collection.in_trouble("wrong").alerted(on(collection, 14))
    collection = accepted(collection, "record_payment", on(collection, 15), reference="bank 1", amount_minor=5000)
    assert lived(collection, 100, always("canceled"))[1] == ["15 release", "21 alert"]


def test_look_up_that_was_asked_for_during_another_follows_it() -> None:
    asked = opened().to_look_up()
    now = on(asked, 1)
    meanwhile = asked.to_look_up()
    collection = meanwhile.answered(answer(POOR, now), asked)
    assert collection.due(now).step is CollectionStep.LOOK_UP
    assert lived(collection, 2, always("succeeded"))[0].outcome is CollectionStage.RECOVERED


def test_answer_after_the_end_changes_nothing() -> None:
    collection, _ = lived(opened(), 3, always("succeeded"))
    assert collection.answered(answer(POOR, on(collection, 4)), collection) is collection
    assert collection.delayed("down") is collection.in_trouble("wrong") is collection.to_look_up() is collection


# -- unknown codes


def test_unknown_code_asks_a_person_once_and_reminds_them() -> None:
    collection = opened(ODD)
    assert collection.stage(collection.opened_at) is CollectionStage.AWAITING_PERSON
    assert "which we do not know" in collection.needs_person(collection.opened_at)
    assert lived(collection, 3)[1] == ["0 alert", "1 alert", "2 alert", "3 alert"]


def test_person_may_try_a_card_with_an_unknown_code() -> None:
    collection = accepted(opened(ODD), "retry", on(opened(), 2))
    collection, done = lived(collection, 4)
    assert done == ["2 try", "3 try", "3 remind"]
    assert collection.tries == 1, "those that people ask for do not count"


def test_unknown_code_of_a_try_is_told_to_the_customer_and_to_the_reviewers() -> None:
    _, done = lived(opened(), 4, always(ODD))
    assert sorted(done[:3]) == ["3 alert", "3 remind", "3 try"]
    assert done[3:] == ["4 alert"]


# -- halt and resume


def test_halt_stops_tries_and_reminders_and_resume_goes_on() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1))
    assert collection.stage(on(collection, 1)) is CollectionStage.HALTED
    assert "halted by ann: as agreed" in collection.needs_person(on(collection, 1))
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
    collection = accepted(collection, "replace_card", on(collection, 5.5), **CARD)
    assert collection.customer.card_last4 == "1881"
    collection, done = lived(collection, 20)
    assert [step for step in done if step.endswith("try")] == (
        ["5.5 try", "7 try", "14 try"] if code != ODD else ["5.5 try", "6.5 try", "7.5 try", "14 try"]
    )


def test_new_card_that_comes_while_the_customer_pays_is_tried_all_the_same() -> None:
    asked = opened()
    now = on(asked, 1)
    collection = accepted(asked, "replace_card", now, **CARD)
    collection = collection.answered_customer(answer(STOLEN, now), asked)
    assert collection.due(now) == (CollectionStep.TRY, None, "new card")


@pytest.mark.parametrize("later", ["day 3", "ann asked for it"])
def test_try_that_was_planned_while_the_customer_paid_is_not_made_after_their_own(later: str) -> None:
    asked = opened()
    now = on(asked, 3)
    collection = asked.contacting(now) if later == "day 3" else accepted(asked, "retry", now)
    assert collection.attempt == later
    collection = collection.answered_customer(answer(STOLEN, now), asked)
    assert collection.attempt == ""
    assert collection.reminding == (later == "day 3")


def test_card_of_another_id_at_the_processor_is_tried_once_the_old_payment_is_cancelled() -> None:
    collection = opened().evolve(answer=answer(POOR, on(opened(), 0), attempt_id="ch_1"))
    now = on(collection, 1)
    collection = accepted(collection, "replace_card", now, **CARD | {"stripe_customer_id": "cus_2"})
    assert collection.customer.stripe_customer_id == "cus_1"
    assert collection.due(now).step is CollectionStep.RELEASE
    collection = collection.answered(answer("canceled", now), collection)
    assert (collection.customer.stripe_customer_id, collection.series) == ("cus_2", 2)
    assert collection.due(now) == (CollectionStep.TRY, None, "new card")
    assert collection.answer is not None
    assert collection.answer.attempt_id == "", "the new payment has not been tried"


def test_known_card_is_refused() -> None:
    assert refused(opened(), "replace_card", on(opened(), 1), **CARD | {"payment_method_id": "pm_1"}) == (
        "this card is known already"
    )


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
    collection = opened(STOLEN)
    assert collection.payable
    collection = collection.answered_customer(answer("succeeded", on(collection, 1)), collection)
    assert collection.outcome is CollectionStage.RECOVERED
    assert (collection.entries[0].by, collection.entries[0].text) == ("the customer", "succeeded")


def test_customer_whose_own_try_is_declined_is_not_reminded_at_once() -> None:
    collection = opened()
    collection = collection.answered_customer(answer(HESITANT, on(collection, 1)), collection)
    assert collection.due(on(collection, 1)).step is CollectionStep.WAIT


# -- payments by other means


def test_transfer_counts_once_the_card_cannot_pay_any_more() -> None:
    collection = accepted(opened(), "record_payment", on(opened(), 4), **TRANSFER)
    assert collection.outstanding_minor == 12_000
    collection, done = lived(collection, 4.5, always("canceled"))
    assert done[-1] == "4 release"
    assert (collection.outcome, collection.outstanding_minor) == (CollectionStage.RECOVERED, 0)
    assert collection.received[0].reference == "bank 1"


def test_part_leaves_the_rest_to_be_transferred_and_the_card_alone() -> None:
    collection, _ = lived(opened(), 4)
    collection = accepted(collection, "record_payment", on(opened(), 4), reference="bank 1", amount_minor=5000)
    collection, done = lived(collection, 100, always("canceled"))
    assert done == ["4 release", "5 remind", "7 remind", "14 remind", "21 alert"]
    assert collection.stage(on(collection, 20)) is CollectionStage.AWAITING_PAYMENT
    assert collection.outstanding == "70.00 EUR"
    now = on(collection, 30)
    assert "not charged to the card" in refused(collection, "retry", now)
    assert "not charged to the card" in refused(collection, "replace_card", now, **CARD)
    assert not collection.payable
    assert collection.to_look_up() is collection, "its payment is cancelled, which would look like somebody's doing"
    assert "on record already" in refused(collection, "record_payment", now, reference="bank 1", amount_minor=7000)
    assert "only 70.00 EUR are owed" in refused(collection, "record_payment", now, reference="b", amount_minor=7001)
    collection = accepted(collection, "record_payment", now, reference="bank 2", amount_minor=7000)
    assert lived(collection, 31, always("canceled"))[0].outcome is CollectionStage.RECOVERED


def test_look_up_that_is_asked_for_by_the_cancelled_payment_itself_is_not_made() -> None:
    asked = accepted(opened(), "record_payment", on(opened(), 1), reference="bank 1", amount_minor=5000)
    collection = asked.to_look_up().answered(answer("canceled", on(asked, 1)), asked)
    assert collection.due(on(asked, 1)).step is CollectionStep.WAIT


def test_halt_outlasts_a_part_that_arrives() -> None:
    collection = accepted(opened(), "halt", on(opened(), 1))
    collection = accepted(collection, "record_payment", on(opened(), 2), reference="bank 1", amount_minor=5000)
    collection, _ = lived(collection, 3, always("canceled"))
    assert collection.stage(on(collection, 3)) is CollectionStage.HALTED
    assert collection.outstanding == "70.00 EUR"


# -- giving up


def test_write_off_cancels_the_payment_first() -> None:
    collection = accepted(opened(), "write_off", on(opened(), 30))
    now = on(collection, 30)
    assert collection.outcome is None
    assert collection.due(now).step is CollectionStep.RELEASE
    assert not collection.payable
    assert "has to end first" in refused(collection, "halt", now)
    assert "has to end first" in refused(collection, "record_payment", now, **TRANSFER)
    assert "has to end first" in refused(collection, "replace_card", now, **CARD)
    collection = collection.answered(answer("canceled", now), collection)
    assert collection.outcome is CollectionStage.WRITTEN_OFF
    assert collection.outstanding == "120.00 EUR"
    assert "written off\nann: as agreed" in collection.news
    assert "settled already: WrittenOff" in refused(collection, "retry", now)


@pytest.mark.parametrize(("name", "fields"), [("write_off", {}), ("record_payment", TRANSFER)])
def test_card_that_has_paid_before_it_was_given_up_is_recovered_and_noted(name: str, fields: dict[str, Any]) -> None:
    collection = accepted(opened(), name, on(opened(), 4), **fields)
    collection, _ = lived(collection, 4, always("succeeded"))
    assert collection.outcome is CollectionStage.RECOVERED
    assert [each.reference for each in collection.received] == ["pi_1"]
    assert "ann wanted to give it up, but the card has paid" in collection.news
    assert ("refund 120.00 EUR, which has also arrived as bank 1" in collection.news) == (name == "record_payment")


def test_giving_up_that_fails_waits_for_a_person() -> None:
    collection = accepted(opened(), "write_off", on(opened(), 4)).in_trouble("Stripe refuses the API key")
    now = on(collection, 4)
    collection = collection.alerted(now)
    assert collection.stage(now) is CollectionStage.UNRESOLVED
    assert collection.due(now).step is CollectionStep.WAIT
    assert accepted(collection, "resume", now).due(now).step is CollectionStep.RELEASE


def test_what_is_used_up_can_still_be_tried_and_is_told_again() -> None:
    collection, _ = lived(opened(), 22)
    assert collection.due(on(collection, 22)) == (CollectionStep.WAIT, None, "give up")
    collection = accepted(collection, "retry", on(collection, 40))
    assert lived(collection, 100)[1] == ["40 try", "40 alert"]


# -- the diary


def test_repeated_command_gets_the_first_answer_again() -> None:
    collection, text, yes = say(opened(), "write_off", on(opened(), 1), command_id="c1")
    assert say(collection, "write_off", on(opened(), 2), command_id="c1") == (collection, text, yes)


def test_look_ups_are_not_in_the_diary() -> None:
    collection, _, yes = say(opened(), "look_up", on(opened(), 1))
    assert yes
    assert collection.entries == ()
    assert collection.due(on(opened(), 1)).step is CollectionStep.LOOK_UP


def test_diary_tells_tries_and_their_answers() -> None:
    collection, _ = lived(opened(), 5)
    assert [(each.number, each.by, each.what, each.text) for each in collection.entries] == [
        (1, "", "tried", "day 3: declined insufficient_funds"),
        (2, "", "tried", "day 5: declined insufficient_funds"),
    ]


def test_only_the_newest_of_a_recorded_diary_is_carried_on() -> None:
    collection = opened()
    for number in range(KEPT_ENTRIES + 5):
        collection = collection.noted(collection.opened_at + number * HOUR, "ann", "says", str(number))
    assert collection.recorded(3) == collection
    kept = collection.recorded(collection.entry_count)
    assert [each.number for each in kept.entries] == list(range(6, KEPT_ENTRIES + 6))
    assert kept.noted(kept.opened_at, "ann", "says", "more").entries[-1].number == KEPT_ENTRIES + 6


def test_summary_tells_what_is_owed_what_waits_and_what_is_next_but_no_personal_data() -> None:
    collection, _ = lived(opened(), 4)
    shown = summary(collection, on(collection, 4))
    assert "acme · 2026-10 · Collecting" in shown
    assert "120.00 EUR of 120.00 EUR are owed since 2026-11-08" in shown
    assert "Next: try the card again at 2026-11-13" in shown
    assert "day 3: declined insufficient_funds" in shown
    assert "example.com" not in shown
    halted = accepted(collection, "halt", on(collection, 4))
    assert "**A person is needed**: halted by ann" in summary(halted, on(collection, 4))
