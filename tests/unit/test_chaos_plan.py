"""The plan of chaos: a seed repeats it, another seed has another, and every failure that we know of is in it."""

from typing import get_args

from pydantic import BaseModel

from billing.money import parse_amount
from sandbox.chaos.plan import WEBHOOKS, FaultPlan, Occasion, Plan, Sending, _typed
from sandbox.chaos.stalls import Place
from sandbox.chaos.subscribers.subscriber_plan import is_subscriber, planned_service
from sandbox.judge.expected import minor_of
from sandbox.stand_ins.faults import FaultRule
from sandbox.stand_ins.mailbox import MailFault
from sandbox.stripe.webhooks import WebhookFault

FAULT_PLANS = [Plan(1, 20, 2).faults(step) for step in range(400)]


def kinds(fault: type[BaseModel], field: str = "kind") -> set[str]:
    """Everything that a stand-in can be told to do wrong."""
    return set(get_args(fault.model_fields[field].annotation))


def told(plan: Plan) -> tuple[object, ...]:
    sales = [plan.sales(each.customer_id, each.currency, "2026-11") for each in plan.members()]
    refunds = [plan.refund(each.customer_id, month) for each in plan.members() for month in ("2026-11", "2026-12")]
    return plan.members(), sales, sendings(plan), refunds, [plan.faults(step) for step in range(50)]


def sendings(plan: Plan) -> list[Sending]:
    months = [(each.customer_id, month) for each in plan.members() for month in ("2026-11", "2026-12")]
    drawn = [plan.sending(occasion, *month) for occasion in Occasion for month in months]
    return [sending for sending in drawn if sending]


def test_a_seed_repeats_its_plan_and_another_seed_has_another() -> None:
    assert told(Plan(7, 20, 2)) == told(Plan(7, 20, 2))
    assert all(one != other for one, other in zip(told(Plan(7, 20, 2)), told(Plan(8, 20, 2)), strict=True))


def test_customers_send_too_much_too_little_in_parts_twice_without_a_name_and_without_a_month() -> None:
    drawn = sendings(Plan(1, 100, 2))
    assert {sending.share for sending in drawn} == {0.34, 0.4, 1.0, 1.5}
    assert {sending.copies for sending in drawn} == {1, 2, 3}
    assert {(sending.is_named, sending.names_month) for sending in drawn} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }
    assert {sending.is_recorded_twice for sending in drawn} == {True, False}
    assert {sending.returned for sending in drawn} == {0.0, 0.5, 1.0}


def test_every_third_customer_is_a_subscriber_who_may_pay_late() -> None:
    plan = Plan(1, 9, 2)
    assert [number for number, member in enumerate(plan.members(), start=1) if is_subscriber(member.customer_id)] == [
        3,
        6,
        9,
    ]
    late = {plan.is_late(member.customer_id, "2026-11") for member in Plan(1, 90, 2).members()}
    assert late == {True, False}
    services = [planned_service(plan.draw("service", number)) for number in range(50)]
    assert {service.discount_percent for service in services} == {None, 15}
    assert {service.change_on is None for service in services} == {True, False}


def test_texts_and_provisioning_fail_in_every_way() -> None:
    texts = {rule["kind"] for plan in FAULT_PLANS for rule in plan.texts}
    assert texts == {"status", "drop_before", "drop_after", "garbage_200", "slow"}
    assert {rule["kind"] for plan in FAULT_PLANS for rule in plan.provisioning} == texts
    assert {plan.forgotten is None for plan in FAULT_PLANS} == {True, False}


def test_every_wrong_answer_that_the_stand_in_for_stripe_can_give_is_given() -> None:
    rules = [rule for plan in FAULT_PLANS for rule in plan.stripe]
    assert {rule["kind"] for rule in rules} == kinds(FaultRule)
    assert all(0 < rule["probability"] < 1 for rule in rules)
    assert {rule["status"] for rule in rules if rule["kind"] == "status"} == {409, 500}
    assert {(rule["cached"], rule.get("executed", False)) for rule in rules if "cached" in rule} == {
        (True, False),
        (True, True),
    }


def test_webhooks_come_twice_late_in_another_order_or_never() -> None:
    assert {rule["kind"] for rule in WEBHOOKS} == kinds(WebhookFault)
    assert all(0 < rule["probability"] < 1 for rule in WEBHOOKS)


def test_mail_sheet_ledger_workers_their_threads_and_server_fail_too() -> None:
    assert {rule["action"] for plan in FAULT_PLANS for rule in plan.mail} == kinds(MailFault, "action")
    assert {"drop_before", "drop_after", "status", "rate_limit", "garbage_200"} == {
        rule["kind"] for plan in FAULT_PLANS for rule in plan.sheets
    }
    assert {kill.worker for plan in FAULT_PLANS for kill in plan.kills} == {0, 1}
    assert {kill.at_payment for plan in FAULT_PLANS for kill in plan.kills} == {False, True}
    assert {place for plan in FAULT_PLANS for place in plan.stalls} == set(Place)
    assert all(2 < seconds < 5 for plan in FAULT_PLANS for seconds in plan.stalls.values())
    for something in (has_killed_server, has_locked_ledger, has_no_worksheet):
        assert 0 < sum(map(something, FAULT_PLANS)) < len(FAULT_PLANS) / 2


def has_killed_server(plan: FaultPlan) -> bool:
    return plan.server_dies_after_seconds is not None


def has_locked_ledger(plan: FaultPlan) -> bool:
    return plan.ledger_locked_seconds > 0


def has_no_worksheet(plan: FaultPlan) -> bool:
    return plan.no_worksheet


def test_the_judge_reads_what_the_plan_types_as_the_product_does() -> None:
    for currency, factor in (("eur", 1), ("jpy", 1), ("bhd", 10)):
        for minor in (0, 99_999, 100_000, 123_455, 1_999_995):
            typed = _typed(minor, currency)
            assert minor_of(typed, currency) == parse_amount(typed, currency) == minor * factor
    assert "," in _typed(123_455, "eur")
    assert [minor_of(typed, "eur") for typed in ("1,23", "0,123", "1,2345", "12,50")] == [None] * 4
