"""How a month goes, and what happens to it when something goes wrong."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.customers.schedule import Schedule
from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.invoices.stages import OUTCOMES, Stage, Step
from billing.invoices.summary import summary
from billing.money import MAX_AMOUNT_MINOR
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.progress import Due
from tests.stops import text_of
from tests.unit.months import DAY, HOUR, accepted, announced, charged, charging, customer, drafted, opened, refused


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def test_an_uneventful_month_is_imported_announced_and_charged() -> None:
    month = opened()
    start = at("2026-10-15 12:00")
    assert month.due(start) == Due(None, at("2026-11-01 01:00"), "import the sales")
    assert month.stage(start) is Stage.SCHEDULED
    assert month.due(month.import_at).step is Step.IMPORT

    month = drafted(10000, 2050)
    assert month.due(month.import_at) == Due(None, at("2026-11-04 09:00"), "send the charge notice")
    assert month.stage(month.import_at) is Stage.MONITORING
    assert month.due(month.notice_at).step is Step.NOTIFY

    month = month.announcing(month.notice_at)
    assert month.notice is not None
    assert (month.notice.number, month.notice.total_minor) == (1, 12050)
    assert month.notice.charge_at == at("2026-11-08 09:00")
    month = month.delivered(Delivered(at=month.notice_at))
    assert month.due(month.notice_at) == Due(None, at("2026-11-08 09:00"), "charge the card")
    assert month.stage(month.notice_at) is Stage.LAST_CALL
    assert month.due(month.charge_at).step is Step.CHARGE

    month = charged(ChargeStatus.SUCCEEDED, 10000, 2050)
    assert month.outcome is Stage.PAID
    assert month.due(month.charge_at).step is Step.CLOSE
    following = month.next_month()
    assert following == Month.open(month.customer, month.period.next()).evolve(first=False, usual_minor=12050)


def test_what_is_carried_on_is_the_customer_and_the_balance_only() -> None:
    month = accepted(drafted(30), "halt", at("2026-11-02 12:00"))
    month = accepted(month, "skip", at("2026-11-02 13:00"))
    assert month.next_month() == Month.open(month.customer, month.period.next())
    with pytest.raises(AssertionError, match="no successor"):
        opened().next_month()


# -- the table of what may go wrong


def test_an_unreadable_worksheet_is_tried_again_and_reviewers_are_alerted() -> None:
    month = opened().delayed("SalesUnavailable", "the worksheet is missing")
    now = month.import_at
    assert month.stage(now) is Stage.AWAITING_SALES
    assert "the worksheet is missing" in summary(month, now)
    assert month.due(now).step is Step.ALERT
    month = month.alerted(now)
    assert month.due(now).step is Step.IMPORT
    month = month.delayed("SalesUnavailable", "the worksheet is missing").alerted(now)
    assert month.due(now + 23 * HOUR).step is Step.IMPORT
    assert month.due(now + 24 * HOUR).step is Step.ALERT
    assert month.invoice is None


def test_a_failure_before_the_draft_waits_for_a_person_instead_of_retrying_forever() -> None:
    now = opened().import_at
    month = opened().failed("two customers have this email").alerted(now)
    assert month.due(now) == Due(None, now + DAY, "remind the reviewers")
    month = accepted(month, "resume", now)
    assert month.due(now).step is Step.IMPORT


def test_no_rows_make_a_month_with_nothing_due() -> None:
    month = drafted()
    closed = month.announcing(month.notice_at)
    assert closed.outcome is Stage.NOTHING_DUE
    assert closed.notice is None
    assert closed.balance_forward_minor == 0


def test_an_unreadable_row_halts_the_draft_until_a_reviewer_edits() -> None:
    month = drafted(10000, unreadable=True)
    now = month.import_at
    assert month.stage(now) is Stage.HALTED
    assert text_of(month.stopped) == "row 4 of worksheet 2026-10 cannot be read: no amount"
    assert month.due(now).step is Step.ALERT
    month = month.alerted(now)
    assert month.due(month.notice_at - 10 * HOUR).step is Step.ALERT
    assert month.alerted(month.charge_at).due(month.charge_at) == Due(
        None, month.charge_at + DAY, "remind the reviewers"
    )
    late = month.charge_at
    change = {"op": "change", "line_id": "row-9", "amount_minor": 500}
    month = accepted(month, "edit", late, version=1, changes=[change])
    assert month.due(late) == Due(None, late + 48 * HOUR, "send the charge notice")
    assert month.stage(late) is Stage.MONITORING


def test_a_negative_total_is_carried_forward_as_credit() -> None:
    month = drafted(-2000, carried_minor=500)
    closed = month.announcing(month.notice_at)
    assert closed.outcome is Stage.CARRIED_FORWARD
    assert closed.balance_forward_minor == -1500


def test_a_total_under_the_minimum_is_carried_forward_as_debt() -> None:
    month = drafted(49)
    closed = month.announcing(month.notice_at)
    assert closed.outcome is Stage.CARRIED_FORWARD
    assert closed.balance_forward_minor == 49
    month = drafted(1, carried_minor=49)
    assert month.announcing(month.notice_at).notice is not None


def test_a_total_that_the_processor_finds_too_small_is_carried_forward() -> None:
    closed = charged(ChargeStatus.TOO_SMALL, 60)
    assert closed.outcome is Stage.CARRIED_FORWARD
    assert closed.balance_forward_minor == 60


def test_a_total_over_the_maximum_waits_for_a_reviewer() -> None:
    month = drafted(MAX_AMOUNT_MINOR, 1).alerted(opened().import_at)
    assert text_of(month.stopped) == "10000000000.00 EUR is more than can be charged at once"
    assert month.due(month.import_at).what == "remind the reviewers"
    month = accepted(month, "edit", month.notice_at, version=1, changes=[{"op": "remove", "line_id": "row-3"}])
    assert text_of(month.stopped) == ""


def test_a_halt_stops_the_clock_and_a_resume_gives_the_minimum_window_back() -> None:
    month = accepted(drafted(10000), "halt", at("2026-11-04 08:59"))
    assert month.stage(at("2026-11-04 09:00")) is Stage.HALTED
    assert month.due(at("2026-11-04 09:00")).step is Step.ALERT
    month = month.alerted(at("2026-11-04 09:00"))
    assert month.due(at("2026-11-04 09:00")).step is None
    assert month.due(at("2026-11-05 09:00")).step is Step.ALERT
    month = accepted(month, "resume", at("2026-11-20 12:00"))
    assert month.due(at("2026-11-20 12:00")) == Due(None, at("2026-11-22 12:00"), "send the charge notice")


@pytest.mark.parametrize(
    ("draft", "halted", "told"),
    [
        (drafted(10000), "2026-11-02 12:00", ("2026-11-03 12:00", "2026-11-03 21:00", "2026-11-04 21:00")),
        (drafted(10000), "2026-11-03 12:00", ("2026-11-03 21:00", "2026-11-04 21:00", "2026-11-05 21:00")),
        (announced(10000), "2026-11-07 20:00", ("2026-11-07 21:00", "2026-11-08 21:00", "2026-11-09 21:00")),
    ],
)
def test_reviewers_are_told_of_a_halt_half_a_reminder_before_it_delays_the_customer(
    draft: Month, halted: str, told: tuple[str, ...]
) -> None:
    month = accepted(draft, "halt", at(halted))
    for instant in told:
        before = at(instant) - timedelta(seconds=1)
        assert month.due(before) == Due(None, at(instant), "remind the reviewers")
        assert month.due(at(instant)).step is Step.ALERT
        month = month.alerted(at(instant))


def test_reviewers_are_told_at_once_of_a_halt_that_soon_delays_the_customer() -> None:
    month = accepted(drafted(10000), "halt", at("2026-11-04 08:59"))
    assert month.due(at("2026-11-04 08:59")).step is Step.ALERT
    told_at = at("2026-11-04 08:59") + timedelta(milliseconds=1)
    month = month.alerted(told_at)
    assert month.due(told_at) == Due(None, told_at + DAY, "remind the reviewers")


def test_a_halt_that_delays_already_is_told_after_a_day_and_then_every_day() -> None:
    overdue = drafted(10000).alerted(at("2026-11-01 03:00"))
    month = accepted(overdue, "halt", at("2026-11-04 09:00"))
    assert month.due(at("2026-11-04 09:00")) == Due(None, at("2026-11-05 09:00"), "remind the reviewers")


def test_an_early_resume_keeps_the_planned_instants() -> None:
    month = accepted(drafted(10000), "halt", at("2026-11-01 02:00"))
    month = accepted(month, "resume", at("2026-11-01 03:00"))
    assert month.due(at("2026-11-01 03:00")).at == at("2026-11-04 09:00")


def test_a_halt_in_the_last_call_that_ends_in_time_keeps_the_notice() -> None:
    month = accepted(announced(10000), "halt", at("2026-11-05 12:00"))
    assert month.due(at("2026-11-08 09:00")).step is Step.ALERT
    resumed = accepted(month, "resume", at("2026-11-06 09:00"))
    assert resumed.notice == month.notice
    assert resumed.due(at("2026-11-06 09:00")) == Due(None, at("2026-11-08 09:00"), "charge the card")


def test_a_halt_in_the_last_call_that_ends_late_makes_a_new_notice() -> None:
    month = accepted(announced(10000), "halt", at("2026-11-05 12:00"))
    now = at("2026-11-06 10:00")
    month = accepted(month, "resume", now)
    assert month.due(now).step is Step.NOTIFY
    month = month.announcing(now).delivered(Delivered(at=now))
    assert month.notice is not None
    assert month.notice.number == 2
    assert month.due(now) == Due(None, now + 73 * HOUR, "charge the card")


def test_a_resume_while_the_notice_is_on_its_way_still_gives_the_window() -> None:
    terms = {"min_notice_hours": 1, "schedule": {"charge_days": 0, "charge_time": "12:00"}}
    month = drafted(10000, terms=terms)
    now = month.notice_at
    month = sending = month.announcing(now)
    month = accepted(accepted(month, "halt", now), "resume", now)
    assert month.notice != sending.notice
    assert month.due(now) == Due(None, now + 48 * HOUR, "send the charge notice")


def test_a_skip_closes_the_month_without_a_charge_and_keeps_the_balance() -> None:
    month = accepted(announced(10000, carried_minor=300), "skip", at("2026-11-05 12:00"))
    assert month.outcome is Stage.SKIPPED
    assert month.balance_forward_minor == 300


def test_an_edit_in_the_last_call_voids_the_notice_and_restarts_the_notice_period() -> None:
    now = at("2026-11-08 08:00")
    change = {"op": "change", "line_id": "row-2", "amount_minor": 9000}
    month = accepted(announced(10000), "edit", now, version=1, changes=[change])
    assert month.due(now).step is Step.NOTIFY
    month = month.announcing(now)
    assert month.notice is not None
    assert (month.notice.number, month.notice.total_minor) == (2, 9000)
    month = month.delivered(Delivered(at=now + HOUR))
    assert month.due(now + HOUR).at == now + 73 * HOUR


def test_a_notice_that_leaves_late_moves_the_charge() -> None:
    month = drafted(10000)
    month = month.announcing(month.notice_at).delivered(Delivered(at=month.notice_at + 48 * HOUR))
    assert month.charge_at == month.notice_at + (48 + 72) * HOUR
    assert month.notice is not None
    assert month.notice.charge_at == month.charge_at


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (ChargeStatus.DECLINED, Stage.PAST_DUE),
        (ChargeStatus.AUTHENTICATION_REQUIRED, Stage.AUTHENTICATION_REQUIRED),
        (ChargeStatus.NEEDS_CARD, Stage.NEEDS_CARD),
    ],
)
def test_a_charge_that_fails_closes_the_month_and_leaves_its_debt_beside_the_chain(
    status: ChargeStatus, outcome: Stage
) -> None:
    closed = charged(status, 10000, carried_minor=200)
    assert closed.outcome is outcome
    assert closed.balance_forward_minor == 0


def test_a_charge_whose_outcome_is_unknown_is_looked_up_until_it_is_known() -> None:
    month = charging(10000).delayed("SalesUnavailable", "no answer")
    now = month.charge_at
    assert month.stage(now) is Stage.UNRESOLVED
    assert month.due(now).step is Step.ALERT
    month = month.alerted(now)
    assert month.due(now).step is Step.CHARGE
    assert month.begin_charge(now) == month
    commands: dict[str, dict[str, Any]] = {
        "halt": {},
        "skip": {},
        "resume": {},
        "edit": {"version": 1, "changes": [{"op": "remove", "line_id": "row-2"}]},
        "approve": {"digest": "x"},
        "update_customer": {"changes": {"name": "New"}},
    }
    for name, fields in commands.items():
        assert "has begun; its outcome has to be known first" in refused(month, name, now, **fields)


def test_a_charge_that_needs_a_person_is_tried_again_or_given_up_as_the_person_says() -> None:
    month = charging(10000).failed("pi_1 was cancelled at the processor")
    now = month.charge_at
    assert month.stage(now) is Stage.UNRESOLVED
    assert month.due(now).step is Step.ALERT
    assert month.alerted(now).due(now) == Due(None, now + DAY, "remind the reviewers")
    assert accepted(month, "resume", now).due(now).step is Step.CHARGE
    given_up = accepted(month, "skip", now)
    assert given_up.outcome is None
    assert given_up.due(now) == Due(Step.CHARGE, None, "cancel the charge")
    assert given_up.decisions[-1].result == (
        "its payment is cancelled first, then the month is skipped; if it has succeeded, it is paid"
    )
    for status, outcome in ((ChargeStatus.CANCELED, Stage.SKIPPED), (ChargeStatus.SUCCEEDED, Stage.PAID)):
        assert given_up.charged(ChargeResult(status=status, at=now)).outcome is outcome


def test_a_refused_notice_waits_for_a_person_and_then_has_its_window() -> None:
    month = drafted(10000)
    now = month.notice_at
    month = month.announcing(now).failed("no such mailbox")
    assert month.stage(now) is Stage.HALTED
    month = accepted(month, "update_customer", now, changes={"email": "new@example.com"})
    assert month.due(now).step is Step.ALERT
    month = accepted(month, "resume", now)
    assert month.due(now).at == now + 48 * HOUR


def test_a_late_start_has_its_window_and_its_notice_period() -> None:
    month = drafted(10000, late=60 * DAY)
    drafted_at = month.import_at + 60 * DAY
    assert month.due(drafted_at).at == drafted_at + 48 * HOUR
    now = month.notice_at + 5 * DAY
    month = month.announcing(now).delivered(Delivered(at=now))
    assert month.due(now).at == now + 73 * HOUR  # an hour is left for handing the notice over


def test_months_that_were_missed_are_caught_up_with_one_after_the_other() -> None:
    month = charged(ChargeStatus.SUCCEEDED, 10000, late=60 * DAY)
    assert month.closed is not None
    following = month.next_month()
    assert following.period == "2026-11"
    assert following.due(month.closed.at).step is Step.IMPORT


# -- review modes


def test_without_an_approval_nothing_is_announced() -> None:
    month = drafted(10000, terms={"review_mode": "approve"})
    now = month.notice_at
    assert month.stage(now - HOUR) is Stage.MONITORING
    assert month.stage(now) is Stage.AWAITING_APPROVAL
    assert month.due(now).step is Step.ALERT
    assert month.alerted(now).due(now).what == "remind the reviewers"
    assert month.invoice is not None
    month = accepted(month, "approve", now, digest=month.invoice.digest)
    assert month.due(now).step is Step.NOTIFY


def test_what_needs_no_charge_needs_no_approval() -> None:
    month = drafted(terms={"review_mode": "approve"})
    assert month.announcing(month.notice_at).outcome is Stage.NOTHING_DUE


def test_in_manual_mode_the_month_waits_until_one_enters_and_another_approves() -> None:
    month = drafted(terms={"review_mode": "manual"})
    now = month.notice_at
    assert month.stage(now) is Stage.AWAITING_APPROVAL
    assert "no amount has been entered" in refused(month, "approve", now, digest=month.invoice and month.invoice.digest)
    add = {"op": "add", "description": "Consulting", "amount_minor": 5000}
    month = accepted(month, "edit", now, version=1, changes=[add])
    assert month.invoice is not None
    assert "somebody else" in refused(month, "approve", now, digest=month.invoice.digest)
    month = accepted(month, "approve", now, by="ben", digest=month.invoice.digest)
    assert month.due(now).step is Step.NOTIFY


def test_a_month_whose_amounts_nobody_has_entered_does_not_become_one_of_nothing_due() -> None:
    month = drafted(terms={"review_mode": "manual"})
    monitor = {"terms": {"review_mode": "monitor"}}
    assert "nobody has entered the amounts" in refused(month, "update_customer", month.import_at, changes=monitor)
    add = {"op": "add", "description": "Consulting", "amount_minor": 5000}
    month = accepted(month, "edit", month.import_at, version=1, changes=[add])
    month = accepted(month, "update_customer", month.import_at, changes=monitor)
    assert month.due(month.notice_at).step is Step.NOTIFY


def test_an_approval_from_before_a_change_to_manual_does_not_stand_for_an_entered_amount() -> None:
    month = drafted(10000, terms={"review_mode": "approve"})
    assert month.invoice is not None
    month = accepted(month, "approve", month.import_at, digest=month.invoice.digest)
    month = accepted(month, "update_customer", month.import_at, changes={"terms": {"review_mode": "manual"}})
    assert month.stage(month.notice_at) is Stage.AWAITING_APPROVAL


# -- once and for all


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_a_closed_month_cannot_get_another_outcome(outcome: Stage) -> None:
    closed = charged(ChargeStatus.SUCCEEDED, 10000)
    with pytest.raises(AssertionError, match="is Paid already"):
        closed.close(outcome, closed.charge_at)


def test_work_that_fails_after_a_skip_leaves_the_closed_month_as_it_is() -> None:
    month = drafted(10000)
    closed = accepted(month.announcing(month.notice_at), "skip", month.notice_at)
    assert closed.failed("no such mailbox") == closed
    assert closed.delayed("SalesUnavailable", "the mail server is down") == closed


def test_a_run_that_was_reset_goes_on_as_the_ledger_has_the_month() -> None:
    month = accepted(opened(), "close_account", at("2026-11-05 12:00"), reason="moved away")
    known = announced(10000).evolve(revision=40)
    adopted = month.adopt(known)
    assert adopted.due(at("2026-11-05 13:00")) == known.due(at("2026-11-05 13:00"))
    assert (adopted.leaving, adopted.decisions) == ("ann: moved away", month.decisions)
    assert adopted.revision > 40


def test_a_command_that_came_while_an_activity_closed_the_month_stays_on_record() -> None:
    said = at("2026-11-04 09:01")
    month = announced(10000)
    known = month.close(Stage.BILLED, said + timedelta(seconds=1))  # by the activity, which knew of no command
    adopted = accepted(month, "halt", said).adopt(known)
    assert adopted.outcome is Stage.BILLED
    assert [decision.command for decision in adopted.decisions] == ["halt"]
    assert adopted.decision_count == 1


def test_what_was_said_to_a_run_that_had_been_reset_halts_the_month() -> None:
    known = announced(10000).evolve(revision=40)
    told = accepted(drafted(10000), "halt", at("2026-11-05 12:00"))
    adopted = told.adopt(known)
    assert adopted.stage(at("2026-11-05 13:00")) is Stage.HALTED
    assert "give it again" in text_of(adopted.stopped)
    assert adopted.decisions[-1].command == "halt"
    leaving = accepted(drafted(10000), "close_account", at("2026-11-05 12:00")).adopt(known)
    assert leaving.halt is None
    assert leaving.leaving


def test_a_month_is_not_charged_before_its_instant_unannounced_or_halted() -> None:
    with pytest.raises(AssertionError):
        announced(10000).begin_charge(announced(10000).charge_at - HOUR)
    with pytest.raises(AssertionError):
        drafted(10000).begin_charge(drafted(10000).charge_at)
    with pytest.raises(AssertionError):
        accepted(announced(10000), "halt", at("2026-11-05 12:00")).begin_charge(at("2026-11-09 12:00"))


def test_the_summary_shows_the_invoice_and_what_comes_next_but_nobodys_address() -> None:
    month = drafted(*[100] * 22, carried_minor=-50)
    text = summary(month, month.import_at)
    assert text.startswith("### acme · 2026-10 · Monitoring")
    assert "| … 2 more lines | |" in text
    assert "| carried forward | -0.50 EUR |" in text
    assert "| **total** | **21.50 EUR** |" in text
    assert text.endswith("Next: send the charge notice at 2026-11-04 09:00 UTC")
    assert "example.com" not in text
    assert "**A person is needed**: row 4" in summary(drafted(unreadable=True), month.import_at)


def test_a_customer_who_is_spread_is_told_the_instant_of_the_charge_and_has_the_same_windows() -> None:
    plain, spread = opened(), opened(terms={"schedule": {"spread_minutes": 60}})
    share = spread.import_at - plain.import_at
    assert timedelta() < share < HOUR
    assert (spread.notice_at, spread.charge_at) == (plain.notice_at + share, plain.charge_at + share)
    assert spread.import_opens_at == plain.import_opens_at == plain.import_at
    told = announced(10000, terms={"schedule": {"spread_minutes": 60}})
    assert told.notice is not None
    assert told.notice.charge_at == spread.charge_at
    following = told.begin_charge(told.charge_at).charged(
        ChargeResult(status=ChargeStatus.SUCCEEDED, at=told.charge_at)
    )
    assert following.next_month().import_at - following.next_month().import_opens_at == share


def test_newcomers_are_spread_unless_their_schedule_says_so_itself() -> None:
    assert customer().spread_over(60).terms.schedule.spread_minutes == 60
    assert customer(terms={"schedule": {"import_day": 3}}).spread_over(60).terms.schedule == Schedule(
        import_day=3, spread_minutes=60
    )
    asked = customer(terms={"schedule": {"spread_minutes": 0}})
    assert asked.spread_over(60) == asked
