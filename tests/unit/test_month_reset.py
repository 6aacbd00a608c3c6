"""Once and for all: a closed month keeps its outcome, and a run that was reset goes on as the ledger has it."""

from datetime import timedelta

import pytest

from billing.invoices.stages import OUTCOMES, Stage
from billing.payments.payment import ChargeStatus
from tests.stops import text_of
from tests.unit.months import accepted, announced, at, charged, drafted, opened


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
