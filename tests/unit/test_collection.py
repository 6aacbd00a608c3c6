"""What is owed: tries and reminders on their days, outages, trouble, and what is told of it."""

import pytest

from billing.collections.collection import KEPT_ENTRIES
from billing.collections.dunning import FEW_TRIES
from billing.collections.stages import CollectionStage, CollectionStep
from billing.collections.summary import summary
from billing.payments.payment import ChargeStatus
from tests.debts import is_payable, news, only
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
    stepped,
)
from tests.unit.months import DAY, HOUR

# -- the schedule


def test_month_that_was_not_paid_is_owed_in_full() -> None:
    collection = opened()
    assert collection.outstanding == "120.00 EUR"
    assert collection.stage(only(collection).opened_at) is CollectionStage.COLLECTING
    assert collection.due(only(collection).opened_at) == (None, on(collection, 3), "try the card again")


def test_declined_card_is_tried_and_its_customer_reminded_on_days_3_5_7_and_14_and_people_decide_on_day_21() -> None:
    collection, done = lived(opened(), 100)
    expected = [f"{day} {step}" for day in (3, 5, 7, 14) for step in ("try", "remind")]
    assert done == [*expected, "21 alert"]
    assert collection.stage(on(collection, 21)) is CollectionStage.EXHAUSTED
    assert "120.00 EUR are still owed after all tries" in text_of(collection.waits_for(on(collection, 21)))
    assert (only(collection).tries, collection.reminders) == (4, 4)


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
    assert collection.due(only(collection).opened_at).what == "remind the customer"
    assert collection.stage(only(collection).opened_at) is stage
    assert lived(collection, 100)[1] == ["3 remind", "5 remind", "7 remind", "14 remind", "21 alert"]


def test_bank_that_does_not_say_why_is_asked_few_times() -> None:
    collection, done = lived(opened(HESITANT), 20, always(HESITANT))
    assert done == ["3 try", "3 remind", "5 try", "5 remind", "7 remind", "14 remind"]
    assert only(collection).tries == FEW_TRIES


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
    assert (only(collection).outstanding_minor, only(collection).paid_by) == (0, "pi_1")
    assert collection.closed_at == on(collection, 3)
    assert news(collection).startswith("120.00 EUR of acme, 2026-10: recovered\n")


def test_after_an_outage_of_ten_days_one_contact_follows_not_three() -> None:
    collection = opened()
    now = on(collection, 12.5)
    steps = []
    for _ in range(10):
        due = collection.due(now)
        if due.step is None:
            break
        steps.append(due.step)
        collection = stepped(collection, due.step, now, always(POOR))
    assert steps == [CollectionStep.CONTACT, CollectionStep.TRY, CollectionStep.REMIND]
    assert collection.due(now).at == on(collection, 14)
    assert lived(collection, 100)[1] == ["14 try", "14 remind", "21 alert"]


def test_contact_that_was_late_keeps_a_day_from_the_next() -> None:
    collection = opened(STOLEN).contacting(on(opened(), 13.75)).reminded(on(opened(), 13.75))
    assert collection.due(on(collection, 13.75)).at == on(collection, 14.75)


# -- outages and trouble


def test_try_without_an_answer_is_unresolved_and_nothing_else_happens_before_it_is_known() -> None:
    collection = opened().contacting(on(opened(), 3)).delayed("SalesUnavailable", "Stripe is down")
    now = on(collection, 3)
    assert collection.stage(now) is CollectionStage.UNRESOLVED
    assert collection.due(now).step is CollectionStep.ALERT
    collection = collection.alerted(now)
    collection = collection.to_look_up(collection.period)
    for day in (3, 7, 30):
        assert collection.due(on(collection, day)).step in (CollectionStep.TRY, CollectionStep.ALERT)
    assert not is_payable(collection)
    assert "has to be known first" in refused(collection, "retry", now)
    assert "has to be known first" in refused(collection, "replace_card", now, card=CARD)
    known = collection.answered(answer(POOR, now), collection)
    assert known.stage(now) is CollectionStage.COLLECTING
    assert known.due(now).step is CollectionStep.REMIND


def test_a_failure_stops_everything_until_a_person_resumes() -> None:
    collection = opened().contacting(on(opened(), 3)).failed("two payments")
    now = on(collection, 3)
    assert collection.due(now).step is CollectionStep.ALERT
    collection = collection.alerted(now)
    assert collection.due(now) == (None, now + DAY, "remind the reviewers")
    assert collection.stage(now) is CollectionStage.UNRESOLVED
    assert accepted(collection, "retry", now).due(now).step is CollectionStep.TRY
    resumed = accepted(collection, "resume", now)
    assert resumed.due(now).step is CollectionStep.COUNT, "the ledger is asked first"
    assert counted(resumed, 3, 12_000).due(now).step is CollectionStep.TRY


def test_outage_that_reviewers_knew_of_does_not_hide_that_all_is_used_up() -> None:
    collection = opened(STOLEN).contacting(on(opened(), 14)).delayed("SalesUnavailable", "no mail")
    collection = collection.alerted(on(collection, 14)).reminded(on(collection, 14))
    assert lived(collection, 100)[1] == ["21 alert"]


def test_a_failure_that_a_transfer_has_settled_does_not_hide_that_all_is_used_up() -> None:
    collection, _ = lived(opened(STOLEN), 14)
    collection = collection.failed("wrong").alerted(on(collection, 14))
    assert lived(arrived(collection, 15, 5000), 100)[1] == ["21 alert"]


def test_look_up_that_was_asked_for_during_another_follows_it() -> None:
    asked = opened()
    asked = asked.to_look_up(asked.period)
    now = on(asked, 1)
    meanwhile = asked.to_look_up(asked.period)
    collection = meanwhile.answered(answer(POOR, now), asked)
    assert collection.due(now).step is CollectionStep.LOOK_UP
    assert lived(collection, 2, always("succeeded"))[0].outcome is CollectionStage.RECOVERED


def test_answer_after_the_end_changes_nothing() -> None:
    collection, _ = lived(opened(), 3, always("succeeded"))
    assert collection.answered(answer(POOR, on(collection, 4)), collection) is collection
    assert (
        collection.delayed("SalesUnavailable", "down")
        is collection.failed("wrong")
        is collection.to_look_up(collection.period)
        is collection
    )


# -- unknown codes


def test_unknown_code_asks_a_person_once_and_reminds_them() -> None:
    collection = opened(ODD)
    assert collection.stage(only(collection).opened_at) is CollectionStage.AWAITING_PERSON
    assert "which we do not know" in text_of(collection.waits_for(only(collection).opened_at))
    assert lived(collection, 3)[1] == ["0 alert", "1 alert", "2 alert", "3 alert"]


def test_person_may_try_a_card_with_an_unknown_code() -> None:
    collection = accepted(opened(ODD), "retry", on(opened(), 2))
    collection, done = lived(collection, 4)
    assert done == ["2 try", "3 try", "3 remind"]
    assert only(collection).tries == 1, "those that people ask for do not count"


def test_unknown_code_of_a_try_is_told_to_the_customer_and_to_the_reviewers() -> None:
    _, done = lived(opened(), 4, always(ODD))
    assert sorted(done[:3]) == ["3 alert", "3 remind", "3 try"]
    assert done[3:] == ["4 alert"]


# -- the diary


def test_repeated_command_gets_the_first_answer_again() -> None:
    collection, text, yes = say(opened(), "write_off", on(opened(), 1), command_id="c1")
    assert say(collection, "write_off", on(opened(), 2), command_id="c1") == (collection, text, yes)


def test_look_ups_are_not_in_the_diary() -> None:
    collection, _, refusal = say(opened(), "look_up", on(opened(), 1))
    assert refusal is None
    assert collection.entries == ()
    assert collection.due(on(opened(), 1)).step is CollectionStep.LOOK_UP


def test_diary_tells_tries_and_their_answers() -> None:
    collection, _ = lived(opened(), 5)
    assert [(each.number, each.by, each.what, each.text) for each in collection.entries] == [
        (1, None, "tried on schedule", "day 3: declined by the bank, insufficient_funds"),
        (2, None, "tried on schedule", "day 5: declined by the bank, insufficient_funds"),
    ]


def test_only_the_newest_of_a_recorded_diary_is_carried_on() -> None:
    collection = opened()
    for number in range(KEPT_ENTRIES + 5):
        collection = collection.noted(only(collection).opened_at + number * HOUR, "ann", "says", str(number))
    assert collection.recorded(3) == collection
    kept = collection.recorded(collection.entry_count)
    assert [each.number for each in kept.entries] == list(range(6, KEPT_ENTRIES + 6))
    assert kept.noted(only(kept).opened_at, "ann", "says", "more").entries[-1].number == KEPT_ENTRIES + 6


def test_summary_tells_what_is_owed_what_waits_and_what_is_next_but_no_personal_data() -> None:
    collection, _ = lived(opened(), 4)
    shown = summary(collection, on(collection, 4))
    assert "acme · 2026-10 · Collecting" in shown
    assert "120.00 EUR of 120.00 EUR are owed since 2026-11-08" in shown
    assert "Next: try the card again at 2026-11-13" in shown
    assert "day 3: declined by the bank, insufficient_funds" in shown
    assert "example.com" not in shown
    halted = accepted(collection, "halt", on(collection, 4))
    assert "**A person is needed**: halted by ann" in summary(halted, on(collection, 4))
