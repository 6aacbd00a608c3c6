"""The judge of charges: what a payment asks for, unless it was cancelled before anybody tried it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from sandbox.judge.judge import _amounts
from sandbox.judge.rails.stripe_journal import Intent

AT = datetime(2026, 12, 9, tzinfo=UTC)


def broken(*intents: Intent) -> str:
    """What is said of the amounts of a month of 7.00 EUR that is paid."""
    customer = SimpleNamespace(currency="eur", payer_id="cus_1")
    month = SimpleNamespace(customer=customer, invoice=None)
    due, received = SimpleNamespace(total_minor=700), sum(intent.now["amount_received"] for intent in intents)
    case = SimpleNamespace(
        name="acme, 2026-11",
        month=month,
        due=due,
        received_minor=received,
        expected_minor=700,
        tried=[i for i in intents if not i.came_to_nothing],
    )
    evidence: Any = SimpleNamespace(cases=[case])
    return " ".join(_amounts(evidence))


def intent(amount: int, status: str, charge: str | None) -> Intent:
    fields = {"id": f"pi_{amount}", "amount": amount, "currency": "eur", "customer": "cus_1", "latest_charge": charge}
    received = amount if status == "succeeded" else 0
    return Intent([(AT, fields | {"status": status, "amount_received": received})])


PAID = intent(700, "succeeded", "ch_1")


def test_a_payment_that_was_cancelled_untried_may_have_asked_for_what_was_announced_before() -> None:
    assert broken(intent(510, "canceled", None), PAID) == ""


def test_a_payment_that_was_tried_asks_for_what_is_due() -> None:
    assert "pi_510 asks for" in broken(intent(510, "canceled", "ch_0"), PAID)
    assert "pi_510 asks for" in broken(intent(510, "requires_payment_method", None), PAID)
