"""Several months that are owed by one customer: one schedule, one reminder, a payment of each."""

from datetime import datetime
from typing import Any

import pytest

from billing.collections.collection import KEPT_SETTLED, Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage, CollectionStep, Counted, NewCardTry, ScheduledTry
from billing.payments.payment import ChargeStatus
from billing.period import Period
from tests.stops import text_of
from tests.unit.collecting import CARD, ODD, POOR, STOLEN, accepted, always, answer, lived, on, opened, refused, say

OCTOBER, NOVEMBER, DECEMBER = Period("2026-10"), Period("2026-11"), Period("2026-12")


def debt(collection: Collection, period: Period, code: str = POOR, day: float = 30, **fields: Any) -> Debt:
    """30.00 EUR of another month, not paid so many days after the first."""
    at = on(collection, day)
    return Debt(
        period=period,
        amount_minor=3_000,
        currency="eur",
        opened_at=at,
        method=collection.customer.card_on_file,
        answer=answer(code, at),
    ).evolve(**fields)


def owing(collection: Collection, period: Period = NOVEMBER, code: str = POOR, day: float = 2) -> Collection:
    return collection.owing(debt(collection, period, code, day), on(collection, day))


def of(collection: Collection, period: Period) -> Debt:
    found = collection.debt(period)
    assert found is not None
    return found


# -- the schedule


def test_three_unpaid_months_give_one_set_of_reminders() -> None:
    collection = owing(owing(opened(), NOVEMBER), DECEMBER)
    collection, done = lived(collection, 100)
    expected = [f"{day} {step}" for day in (3, 5, 7, 14) for step in ("try", "try", "try", "remind")]
    assert done == [*expected, "21 alert"]
    assert collection.reminders == 4
    assert "180.00 EUR are still owed" in text_of(collection.waits_for(on(collection, 21)))


def test_month_that_joins_is_tried_with_the_others_on_the_next_day_of_the_schedule() -> None:
    collection, _ = lived(opened(), 6)
    collection = owing(collection, day=6)
    assert collection.since == of(collection, OCTOBER).opened_at
    assert lived(collection, 8)[1] == ["7 try", "7 try", "7 remind"]


def test_schedule_with_no_day_left_begins_again_from_the_month_that_joins() -> None:
    collection, _ = lived(opened(STOLEN), 25)
    assert collection.stage(on(collection, 25)) is CollectionStage.EXHAUSTED
    collection = owing(collection, day=30)
    assert (collection.since, collection.contacts) == (on(opened(), 30), 0)
    assert collection.stage(on(opened(), 30)) is CollectionStage.AWAITING_CARD
    collection, done = lived(collection, 100)
    assert done == [f"{day} {step}" for day in (3, 5, 7, 14) for step in ("try", "remind")] + ["21 alert"]
    assert collection.reminders == 8


def test_month_that_joins_in_the_last_moment_keeps_the_collection_open() -> None:
    collection, _ = lived(opened(), 3, always("succeeded"))
    assert collection.outcome is CollectionStage.RECOVERED
    collection = owing(collection, day=3)
    assert collection.outcome is None
    assert collection.due(on(opened(), 3)).step is CollectionStep.SETTLE, "October's receipt was not sent yet"
    collection = collection.told(collection)
    assert collection.due(on(opened(), 3)).at == on(opened(), 6)


def test_month_that_is_known_changes_nothing_and_leaves_no_entry() -> None:
    collection = owing(opened())
    again = debt(collection, NOVEMBER, day=2)
    assert say(collection, "owe", on(collection, 3), debt=again)[0] is collection
    settled = collection.answered_customer(answer("succeeded", on(collection, 3)), collection, NOVEMBER)
    assert say(settled, "owe", on(collection, 4), debt=again)[0] is settled


def test_reminder_that_was_late_keeps_a_day_from_the_next() -> None:
    collection = opened(STOLEN).contacting(on(opened(), 3)).reminded(on(opened(), 4.75))
    assert collection.due(on(opened(), 4.75)).at == on(opened(), 5.75)


# -- each has its payment


def test_the_payments_come_one_after_the_other_and_each_answer_goes_to_its_own() -> None:
    collection = owing(opened()).contacting(on(opened(), 3))
    assert [each.attempt for each in collection.debts] == [ScheduledTry(day=3)] * 2
    assert collection.acting == of(collection, OCTOBER)
    now = on(collection, 3)
    collection = collection.answered(answer("succeeded", now), collection)
    assert (of(collection, OCTOBER).outcome, of(collection, NOVEMBER).outcome) == (CollectionStage.RECOVERED, None)
    assert collection.acting == of(collection, NOVEMBER)
    collection = collection.answered(answer(POOR, now, attempt_id="ch_2"), collection)
    assert of(collection, NOVEMBER).answer == answer(POOR, now, attempt_id="ch_2")
    assert [collection.due(now).step, collection.untold] == [CollectionStep.SETTLE, (of(collection, OCTOBER),)]
    collection = collection.told(collection)
    assert collection.due(now).step is CollectionStep.REMIND
    assert [(entry.month, entry.what) for entry in collection.entries] == [
        (OCTOBER, "tried on schedule"),
        (OCTOBER, "paid"),
        (NOVEMBER, "tried on schedule"),
    ]
    assert collection.news_of(of(collection, OCTOBER)).startswith("120.00 EUR of acme, 2026-10: recovered\npaid:")


def test_card_that_cannot_help_one_is_not_tried_for_it_and_the_other_has_its_tries() -> None:
    _, done = lived(owing(opened(STOLEN)), 4)
    assert done == ["3 try", "3 remind"]


def test_new_card_is_tried_for_everything_that_a_card_may_pay() -> None:
    collection = owing(owing(opened(STOLEN), NOVEMBER, STOLEN), DECEMBER)
    collection = collection.with_debt(of(collection, NOVEMBER).evolve(by_card=False))
    collection = accepted(collection, "replace_card", on(collection, 3), card=CARD)
    assert [each.attempt for each in collection.debts] == [NewCardTry(), None, NewCardTry()]
    assert collection.customer.card_on_file == of(collection, OCTOBER).method == CARD


def test_what_is_wholly_owed_again_is_charged_to_the_card_with_which_others_were_tried_meanwhile() -> None:
    collection = owing(opened())
    now = on(collection, 2)
    part = Counted(at=now, owed_minor={OCTOBER: 7_000, NOVEMBER: 3_000})
    whole = Counted(at=now, owed_minor={OCTOBER: 12_000, NOVEMBER: 3_000})
    collection = collection.to_count()
    collection = collection.counted(part, collection)
    collection = collection.answered(answer("canceled", now), collection)
    collection = accepted(collection.counted(part, collection), "replace_card", now, card=CARD)
    collection = collection.answered(answer(POOR, now), collection).to_count()
    collection = collection.counted(whole, collection)
    assert [owed.method for owed in collection.open_debts] == [CARD, CARD]
    assert of(collection, OCTOBER).attempt == NewCardTry()


def test_card_of_another_id_is_tried_once_each_payment_is_cancelled() -> None:
    collection = owing(opened(), code=STOLEN)
    now = on(collection, 1)
    collection = accepted(collection, "replace_card", now, card=CARD.evolve(payer_id="cus_2"))
    for period in (OCTOBER, NOVEMBER):
        assert collection.due(now).step is CollectionStep.RELEASE
        assert collection.acting == of(collection, period)
        collection = collection.answered(answer("canceled", now), collection)
    assert [(each.series, each.method and each.method.payer_id) for each in collection.debts] == [(2, "cus_2")] * 2
    assert collection.due(now).step is CollectionStep.TRY


def test_an_answer_that_nobody_knows_asks_a_person_about_its_own_month() -> None:
    collection = owing(opened(), code=ODD)
    now = on(collection, 2)
    assert collection.concern == of(collection, NOVEMBER)
    stages = [collection.stage_of(each, now) for each in collection.debts]
    assert stages == [CollectionStage.COLLECTING, CollectionStage.AWAITING_PERSON]
    assert collection.stage(now) is CollectionStage.AWAITING_PERSON


def test_the_brake_stops_every_try_and_a_halt_beneath_it_takes_all_of_them_back() -> None:
    collection = owing(opened()).contacting(on(opened(), 3)).braked("ann: stop")
    now = on(collection, 3)
    assert collection.due(now).step is CollectionStep.AWAIT_RELEASE
    looking = collection.to_look_up(NOVEMBER)
    assert looking.acting == of(looking, NOVEMBER), "what was asked for is looked up all the same"
    halted = accepted(collection, "halt", now)
    assert [(each.attempt, each.tries) for each in halted.debts] == [(None, 0)] * 2


# -- what people say


@pytest.mark.parametrize(("name", "fields"), [("retry", {}), ("write_off", {}), ("look_up", {})])
def test_command_about_a_payment_names_the_month_if_several_are_owed(name: str, fields: dict[str, Any]) -> None:
    collection = owing(opened())
    text = refused(collection, name, on(collection, 3), **fields)
    assert text == "2026-10, 2026-11 are owed; name one of them as the period"
    text = refused(collection, name, on(collection, 3), period="2027-01", **fields)
    assert text == "2027-01 is not owed here; 2026-10, 2026-11 is"
    if name != "look_up":
        collection = accepted(collection, name, on(collection, 3), period=NOVEMBER, **fields)
        assert collection.entries[-1].month == NOVEMBER
        assert collection.acting == of(collection, NOVEMBER)


def test_written_off_month_leaves_the_others() -> None:
    collection = accepted(owing(opened()), "write_off", on(opened(), 4), period=OCTOBER)
    collection = collection.answered(answer("canceled", on(opened(), 4)), collection)
    assert (of(collection, OCTOBER).outcome, collection.outcome) == (CollectionStage.WRITTEN_OFF, None)
    assert refused(collection, "retry", on(opened(), 4), period=OCTOBER) == "2026-10 is settled already: WrittenOff"
    collection = accepted(collection, "retry", on(opened(), 5))
    collection = collection.answered(answer("succeeded", on(opened(), 5)), collection)
    assert collection.outcome is CollectionStage.WRITTEN_OFF, "not all of it was recovered"


def test_money_of_another_rail_counts_for_its_month_only() -> None:
    collection, now = owing(opened()).to_count(), on(opened(), 4)
    counted = Counted(at=now, owed_minor={OCTOBER: 12_000, NOVEMBER: 0})
    collection = collection.counted(counted, collection)
    assert collection.acting == of(collection, NOVEMBER)
    collection = collection.answered(answer(ChargeStatus.CANCELED, now), collection)
    collection = collection.counted(counted, collection)
    assert [each.outcome for each in collection.debts] == [None, CollectionStage.RECOVERED]
    assert of(collection, OCTOBER).by_card


def test_a_command_for_a_month_that_is_not_owed_here_is_in_the_diary_of_the_account() -> None:
    after, text, refusal = say(opened(), "write_off", on(opened(), 1), period=DECEMBER)
    assert (refusal is not None, after.entries[-1].month, after.entries[-1].text) == (True, None, text)


def test_a_count_that_is_asked_for_while_another_is_under_way_is_made() -> None:
    now = on(opened(), 1)
    first = say(opened(), "count_again", now)[0]
    closed = first.answered_customer(answer("succeeded", now), first, OCTOBER)
    joined = say(owing(closed), "count_again", now)[0]
    assert joined.counted(Counted(at=now, owed_minor={OCTOBER: 12_000}), first).counting


def test_halt_is_for_the_account() -> None:
    collection = accepted(owing(opened()), "halt", on(opened(), 2.5))
    assert {collection.stage_of(each, on(opened(), 3)) for each in collection.debts} == {CollectionStage.HALTED}
    assert lived(collection, 4)[1] == ["2.5 alert", "3.5 alert"]


# -- what is kept


def test_settled_months_are_dropped_once_they_are_told_but_the_newest_stay_known() -> None:
    collection, period = opened(), OCTOBER
    for number in range(KEPT_SETTLED + 5):
        period = period.next()
        collection = owing(collection, period, day=2 + number)
        now: datetime = on(opened(), 2 + number)
        collection = collection.answered_customer(answer("succeeded", now), collection, period)
        assert collection.recorded(collection.entry_count).debt(period), "its receipt is still due"
        collection = collection.told(collection).recorded(collection.entry_count)
    assert len(collection.debts) == KEPT_SETTLED + 1
    assert collection.debts[0].period == OCTOBER
    assert collection.outcome is None


def test_what_the_application_itself_has_said_to_a_run_that_was_reset_halts_nothing() -> None:
    known, _ = lived(opened(), 4)
    joined = say(opened(), "owe", on(known, 5), debt=debt(known, NOVEMBER, day=5), by="billing")[0]
    joined = say(joined, "count_again", on(known, 5), by="billing")[0]
    adopted = joined.adopt(known)
    assert adopted.halt is None
    assert [each.period for each in adopted.open_debts] == [OCTOBER, NOVEMBER]


def test_months_that_have_joined_a_run_that_was_reset_stay() -> None:
    known, _ = lived(opened(), 4)
    assert of(owing(opened()).adopt(known), NOVEMBER).outstanding_minor == 3_000
    assert owing(opened()).adopt(known).since == known.since
