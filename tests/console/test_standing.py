"""What the customer's page says, for every way a month can stand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.collections.collection import Collection
from billing.collections.dunning import REMEDIES, CardRemedy
from billing.collections.stages import ScheduledTry
from billing.customers.customer import Customer
from billing.customers.ways_to_pay import WaysToPay
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Closed, Stage
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.payments.ports import ChargeRow
from billing.period import Period
from billing.progress import Braked, Failure, Outage
from console.customers.customer_view import CustomersPage, CustomerView, Situation, customer_view
from console.customers.promise import OwnPromise
from console.customers.wording import values
from console.web.pages import Pages
from tests.debts import only, with_fields

NOW = datetime(2026, 11, 8, 9, tzinfo=UTC)
CUSTOMER = Customer(
    customer_id="acme",
    email="ann@example.com",
    name="Acme",
    currency="eur",
    timezone="Europe/Paris",
    payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
)
LINE = LineItem(line_id="row-2", description="Sale", amount_minor=10000)
MONTH = Month.open(CUSTOMER, Period("2026-10")).evolve(
    invoice=Invoice(currency="eur", imported_at=NOW, lines=(LINE,)),
    closed=Closed(
        outcome=Stage.PAST_DUE,
        at=NOW,
        charge=ChargeResult(status=ChargeStatus.DECLINED, at=NOW, decline_code="insufficient_funds"),
    ),
)
OWED = Collection.open(MONTH)
DAY_3, FAILED = ScheduledTry(day=3), Failure(text="PaymentMismatch")
SUCCEEDED = ChargeRow(
    payment_id="pi_1",
    key="key",
    customer_id="acme",
    period=Period("2026-10"),
    status="succeeded",
    amount_minor=10000,
    currency="eur",
    code="",
    decline_code="",
    at=NOW,
)


def said(collection: Collection | None, shown: CustomerView, month: Month = MONTH) -> str:
    page: dict[str, object] = {"here": "/pay/x", "next_look": 1, "refresh_seconds": None, "gateways": {}}
    page |= {"takes_requests": False, "ways": WaysToPay(), "promise": OwnPromise()}
    of_month = values(CustomersPage(month, collection, shown, ()))
    answer = Pages("Acme", "billing@example.com").page("pay.html", page | of_month)
    return bytes(answer.body).decode()


@pytest.mark.parametrize(
    ("changes", "situation"),
    [
        ({}, Situation.PAYABLE),
        ({"attempt": DAY_3}, Situation.PENDING),
        ({"looking": 1, "trouble": Outage(error="PaymentUnknown", text="no answer")}, Situation.PENDING),
        ({"looking": 1, "trouble": FAILED}, Situation.PERSON),
        ({"by_card": False, "paid_otherwise_minor": 1000}, Situation.OTHERWISE),
    ],
)
def test_what_is_open(changes: dict[str, Any], situation: Situation) -> None:
    owed = with_fields(OWED, **changes)
    shown = customer_view(MONTH, owed, [])
    assert shown.situation is situation
    assert shown.can_change_card == shown.can_pay == (situation is Situation.PAYABLE)
    assert ("<form" in said(owed, shown)) is shown.can_pay
    assert "€100.00" in said(owed, shown)


def test_a_payment_that_succeeded_counts_before_the_collection_has_heard_of_it() -> None:
    assert customer_view(MONTH, OWED, [SUCCEEDED]).situation is Situation.PAID


@pytest.mark.parametrize(
    ("outcome", "situation"),
    [
        (None, Situation.NOTHING),
        (Stage.SKIPPED, Situation.NOTHING),
        (Stage.PAID, Situation.PAID),
        (Stage.PAST_DUE, Situation.PENDING),  # its collection is about to begin
    ],
)
def test_a_month_without_a_collection(outcome: Stage | None, situation: Situation) -> None:
    month = MONTH.evolve(closed=Closed(outcome=outcome, at=NOW) if outcome else None)
    shown = customer_view(month, None, [])
    assert shown.situation is situation
    text = said(None, shown, month)
    assert "<form" not in text
    assert "€0.00" not in text


@pytest.mark.parametrize(
    ("changes", "situation"),
    [
        ({}, Situation.PAUSED),
        ({"attempt": DAY_3, "brake": Braked(text="it is on")}, Situation.PAUSED),
        ({"looking": 1}, Situation.PENDING),  # what has begun is found out all the same
        ({"trouble": FAILED}, Situation.PERSON),
    ],
)
def test_under_the_emergency_brake_no_payment_is_offered(changes: dict[str, Any], situation: Situation) -> None:
    owed = with_fields(OWED, **changes)
    shown = customer_view(MONTH, owed, [], paused=True)
    assert shown.situation is situation
    assert not shown.can_pay
    assert not shown.can_change_card
    text = said(owed, shown)
    assert "<form" not in text
    assert "€100.00" in text
    assert ("Nothing is wrong with your card" in text) == (situation is Situation.PAUSED)


def test_what_a_closed_workflow_would_collect_is_looked_into_by_us() -> None:
    shown = customer_view(MONTH, OWED, [], is_stopped=True)
    assert (shown.situation, shown.outstanding_minor) == (Situation.PERSON, only(OWED).outstanding_minor)
    assert "<form" not in said(OWED, shown)
    assert customer_view(MONTH, OWED, [SUCCEEDED], is_stopped=True).situation is Situation.PAID
    before_its_first_record = customer_view(MONTH, None, [], is_stopped=True)
    assert before_its_first_record.situation is Situation.PERSON


@pytest.mark.parametrize("code", [*REMEDIES, "a code of next year"])
def test_no_refusal_is_put_in_words_that_tell_of_loss_theft_or_fraud(code: str) -> None:
    answer = ChargeResult(status=ChargeStatus.DECLINED, at=NOW, decline_code=code)
    owed = with_fields(OWED, answer=answer)
    shown = customer_view(MONTH, owed, [])
    text = said(owed, shown).lower()
    for word in ("lost", "stolen", "fraud", "pickup", "security", code):
        assert word not in text
    assert shown.can_pay is (shown.remedy is not CardRemedy.NEW_CARD)
