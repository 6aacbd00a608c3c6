"""Ladders that are walked: which rung on which day, what moves it, and what is never done twice."""

from billing.collections.stages import CollectionStage, CollectionStep
from billing.collections.summary import summary
from billing.customers.contact_hours import ContactHours
from billing.customers.ladder import RungAction, parse_ladder
from tests.unit.collecting import POOR, accepted, always, on, stepped
from tests.unit.ladder_walks import ALWAYS, LADDER, another, on_ladder, paid, until, walked
from tests.unit.months import HOUR

# -- its order


def test_rungs_follow_on_their_days_until_people_decide() -> None:
    collection, done = walked(on_ladder(), on(on_ladder(), 100))
    assert done == ["1 remind", "7 warn", "14 suspend", "30 disconnect", "31 alert"]
    assert collection.restricted is RungAction.DISCONNECT
    assert collection.stage(on(collection, 40)) is CollectionStage.EXHAUSTED
    assert [entry.what for entry in collection.entries] == ["suspend", "disconnect"]


def test_ladder_of_the_terms_comes_before_that_of_everybody() -> None:
    collection = on_ladder("1 remind", ladder="3 try, 5 remind")
    assert collection.rungs == parse_ladder("3 try, 5 remind")


def test_without_any_ladder_the_days_of_the_terms_are_one_at_any_hour() -> None:
    collection = on_ladder("", ContactHours(), POOR)
    assert [rung.text for rung in collection.rungs] == ["3 try", "5 try", "7 try", "14 try"]
    assert collection.hours is None


def test_card_is_tried_only_on_days_that_say_so() -> None:
    collection = on_ladder("1 remind, 3 try", code=POOR)
    assert walked(collection, on(collection, 20))[1] == ["1 remind", "3 try", "3 try"]


def test_what_comes_next_is_named() -> None:
    collection = on_ladder("7 warn, 14 suspend")
    assert collection.due(collection.since).what == "warn the customer"
    warned, _ = walked(collection, on(collection, 8))
    assert (warned.due(on(warned, 8)).what, warned.due(on(warned, 8)).at) == ("suspend the service", on(warned, 14))


# -- contact hours


def test_nothing_happens_in_the_night_or_at_weekends_and_a_late_warning_moves_what_it_warns_of() -> None:
    collection = on_ladder("6 warn, 12 suspend, 20 disconnect", ContactHours())
    # day 6 is Saturday, the warning goes on Monday, 9:00; so day 12, Friday, becomes Sunday, and that becomes Monday
    done = walked(collection, on(collection, 100))[1]
    assert done[:2] == ["7.958 warn", "14.96 suspend"]
    suspended = walked(collection, on(collection, 15))[0]
    assert suspended.due(on(collection, 15)).at == on(collection, 22.958333333333332)


def test_warning_names_the_day_of_what_it_warns_of() -> None:
    collection = on_ladder("6 warn, 12 suspend", ContactHours())
    sent_at = on(collection, 8)
    begun = collection.contacting(sent_at)
    coming = begun.coming_restriction(sent_at)
    assert coming is not None
    assert (coming.rung.action, coming.at) == (RungAction.SUSPEND, on(collection, 15) - HOUR)
    assert begun.reminded(sent_at).coming_restriction(sent_at) == coming


def test_warning_that_was_held_up_is_not_sent_in_the_night() -> None:
    collection = on_ladder("7 warn, 14 suspend", ContactHours()).contacting(on(on_ladder(), 7))
    due = collection.due(on(collection, 7.5))
    assert (due.step, due.at) == (None, on(collection, 8) - HOUR)


# -- outages


def test_days_missed_in_an_outage_are_not_made_up_at_once() -> None:
    collection = on_ladder("1 remind, 3 remind, 5 remind, 7 warn, 14 suspend, 30 disconnect", ALWAYS)
    _, done = walked(collection, on(collection, 100), on(collection, 40))
    assert done == ["40 remind", "41 warn", "48 suspend", "64 disconnect", "65 alert"]


def test_missed_day_on_which_the_card_is_tried_is_made_up_with_the_last_reminder() -> None:
    collection = on_ladder("1 try, 3 remind", ALWAYS, POOR)
    assert walked(collection, on(collection, 15), on(collection, 10))[1] == ["10 try", "10 remind"]


# -- restrictions


def test_restriction_for_which_the_ledger_has_the_money_is_put_off_and_counted() -> None:
    collection = on_ladder("7 warn, 14 suspend")
    warned, _ = walked(collection, on(collection, 8))
    begun = warned.contacting(on(collection, 14))
    assert begun.due(on(collection, 14)).step is CollectionStep.RESTRICT
    doubted = begun.put_off(on(collection, 14))
    assert doubted.due(on(collection, 14)).step is CollectionStep.COUNT
    again = stepped(doubted, CollectionStep.COUNT, on(collection, 14), always(POOR))
    assert (again.due(on(collection, 14)).at, again.due(on(collection, 14)).what) == (
        on(collection, 15),
        "suspend the service",
    )
    assert paid(doubted, on(collection, 14)).outcome is CollectionStage.RECOVERED


def test_halt_holds_a_restriction_up() -> None:
    collection = walked(on_ladder(), on(on_ladder(), 13))[0]
    halted = accepted(collection, "halt", on(collection, 13))
    assert walked(halted, on(collection, 40), on(collection, 13))[1].count("15 suspend") == 0
    resumed = accepted(halted, "resume", on(collection, 40))
    assert walked(resumed, on(collection, 41), on(collection, 40))[1] == ["40 suspend"]


# -- one ladder for the account


def test_another_bill_joins_the_ladder_of_the_oldest() -> None:
    collection = walked(on_ladder(), on(on_ladder(), 8))[0]
    joined = collection.owing(another(collection, on(collection, 9)), on(collection, 9))
    assert walked(joined, on(collection, 100))[1] == ["14 suspend", "30 disconnect", "31 alert"]


def test_once_the_oldest_is_paid_days_count_from_the_next_and_it_is_warned_of_again() -> None:
    collection = walked(on_ladder("1 remind, 40 warn, 50 suspend"), on(on_ladder(), 41))[0]
    joined = collection.owing(another(collection, on(collection, 30)), on(collection, 41))
    left = paid(joined, on(collection, 42))
    assert left.since == on(collection, 30)
    assert walked(left, on(left, 100), on(left, 12))[1] == ["12 remind", "40 warn", "50 suspend", "51 alert"]


def test_suspended_account_is_neither_warned_nor_suspended_again_while_something_is_overdue() -> None:
    collection = walked(on_ladder(), on(on_ladder(), 20))[0]
    joined = collection.owing(another(collection, on(collection, 18)), on(collection, 20))
    left = paid(joined, on(collection, 21))
    assert left.restricted is RungAction.SUSPEND
    assert walked(left, on(left, 100), on(left, 3))[1] == ["3 remind", "7 warn", "30 disconnect", "31 alert"]


def test_restored_account_is_warned_anew_before_it_is_suspended_again() -> None:
    collection = walked(on_ladder("-3 remind, 7 warn, 14 suspend"), on(on_ladder(), 20))[0]
    bill = another(collection, on(collection, 25))
    left = paid(collection.owing(bill, on(collection, 20)), on(collection, 21))
    assert left.restricted is None
    assert walked(left, on(left, 20), on(left, -4))[1] == ["7 warn", "14 suspend"]


def test_reminder_from_before_the_bill_is_not_made_up() -> None:
    collection = walked(on_ladder("-3 remind, 7 warn, 14 suspend"), on(on_ladder(), 20))[0]
    bill = another(collection, on(collection, 22))
    left = paid(collection.owing(bill, on(collection, 20)), on(collection, 21))
    assert walked(left, on(left, 20), on(left, -1))[1] == ["7 warn", "14 suspend"]


def test_bill_that_comes_while_the_last_rung_is_under_way_begins_the_ladder_again() -> None:
    collection = walked(on_ladder(), on(on_ladder(), 20))[0].contacting(on(on_ladder(), 30))
    assert collection.rung.action is RungAction.DISCONNECT
    joined = collection.owing(another(collection, on(collection, 30)), on(collection, 30))
    assert joined.due(on(collection, 30)).step is None
    assert walked(joined, on(joined, 100))[1] == ["1 remind", "7 warn", "30 disconnect", "31 alert"]


# -- what people see


def test_temporal_ui_shows_the_ladder_what_is_in_force_and_what_comes_next() -> None:
    collection = walked(on_ladder(), on(on_ladder(), 20))[0]
    promised = accepted(collection, "promise", on(collection, 20), until=until(collection, 25))
    text = summary(promised, on(collection, 20)).replace("\\", "")
    assert f"Ladder from 2026-11-08: {LADDER}; 3 of 4 begun" in text
    assert "Done for not paying: suspend" in text
    assert "Ann promised payment by 2026-12-03; 120.00 EUR are owed" in text
    assert "as was warned: disconnect" in text
    assert "Next: the day ends by which payment is promised" in text
