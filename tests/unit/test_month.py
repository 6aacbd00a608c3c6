"""How a month goes, and what happens to it when something goes wrong."""

from datetime import timedelta
from typing import Any

import pytest

from billing.customers.schedule import Schedule
from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.invoices.stages import Stage, Step
from billing.invoices.summary import summary
from billing.money import MAX_AMOUNT_MINOR
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.progress import Due
from tests.stops import text_of
from tests.unit.months import DAY, HOUR, accepted, announced, at, charged, charging, customer, drafted, opened, refused


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


# -- once and for all


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
