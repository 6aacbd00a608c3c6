"""A halt stops a month's clock: whom it delays is told, and whoever resumes gives back the time to look."""

from datetime import timedelta

import pytest

from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.invoices.stages import Stage, Step
from billing.progress import Due
from tests.unit.months import DAY, HOUR, accepted, announced, at, drafted


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
