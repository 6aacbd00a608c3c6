"""The judge's own reading of a procedure: where steps lead, and what has to come before them."""

from datetime import timedelta

from bootstrap_procedures import connect_procedures
from sandbox.judge.service_orders.plan import Plan, answers
from settings import Settings


def _plan(name: str) -> Plan:
    return Plan(connect_procedures(Settings(_env_file=None))[name].model_dump(mode="json"))


def test_nobody_is_switched_on_before_fee_installation_and_documents() -> None:
    assert _plan("connect").needs("activate") == ["feasibility", "fee", "plan_visit", "installation", "documents"]


def test_nobody_is_switched_off_before_debt_visit_equipment_and_documents() -> None:
    assert _plan("disconnect").needs("switch_off") == ["debt", "plan_visit", "dismantle", "equipment", "documents"]


def test_a_step_leads_where_its_answers_say() -> None:
    plan = _plan("connect")
    known = dict(answers("feasibility", {"possible": "yes", "equipment": "no"}))
    assert plan.after("feasibility", known) == "ask_for_fee"
    assert plan.after("feasibility", {**known, "feasibility.possible": False}) == "tell_impossible"
    assert plan.undone_at({"feasibility.equipment": True}) == "give_back"


def test_a_fee_is_waited_for_two_weeks_and_debts_for_ever() -> None:
    assert _plan("connect").expires("fee") == timedelta(weeks=2)
    assert _plan("disconnect").expires("debt") is None


def test_a_cancellation_comes_too_late_once_the_visit_is_announced() -> None:
    assert [step for step in ("fee", "tell_visit", "installation") if _plan("connect").may_be_cancelled(step)] == [
        "fee",
        "tell_visit",
    ]
