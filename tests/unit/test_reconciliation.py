"""The books compared: every way in which Stripe and the ledger can differ is found, and nothing else is."""

from datetime import timedelta
from typing import Any

import pytest

from billing.accounting.discrepancy import DiscrepancyKind, Repair
from billing.accounting.reconciliation import PeriodBooks, compare
from billing.collections.stages import CollectionStage
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import Stage
from billing.payments.payment import Payment, PaymentStatus
from billing.payments.ports import ChargeRow
from tests.unit.november_books import AT, DEBT, MONTH, NOVEMBER, PAYMENT


def charge(payment: Payment = PAYMENT, **changes: Any) -> ChargeRow:
    names = ChargeRow.model_fields.keys() & Payment.model_fields.keys()
    row = ChargeRow.model_validate({**{name: getattr(payment, name) for name in names}, "at": AT})
    return row.evolve(**changes)


def found(
    *payments: Payment, charges: tuple[ChargeRow, ...] | None = None, month: InvoiceRow = MONTH, **more: Any
) -> list[tuple[DiscrepancyKind, Repair | None]]:
    books = PeriodBooks(
        period=NOVEMBER,
        months=(month,),
        charges=tuple(charge(payment) for payment in payments if payment.key) if charges is None else charges,
        debts=more.get("debts", ()),
        payments=payments,
        payers={"cus_1": "acme"},
        refunded_minor=more.get("refunded_minor", {}),
    )
    return [(each.kind, each.repair) for each in compare(books)]


def test_books_that_agree_have_no_findings() -> None:
    assert found(PAYMENT) == []
    refused = PAYMENT.evolve(status=PaymentStatus.DECLINED)
    past_due = MONTH.evolve(stage=Stage.PAST_DUE)
    assert found(refused, month=past_due, debts=(DEBT,)) == []
    recovered = DEBT.evolve(stage=CollectionStage.RECOVERED, closed_at=AT)
    assert found(PAYMENT, month=past_due, debts=(recovered,)) == []
    assert found(month=MONTH.evolve(stage=Stage.NOTHING_DUE)) == []
    assert found(PAYMENT.evolve(status=PaymentStatus.NEW), month=MONTH.evolve(stage=Stage.CHARGING)) == []


def test_a_payment_that_the_ledger_lacks_is_taken_in() -> None:
    assert found(PAYMENT, charges=()) == [(DiscrepancyKind.MISSING, Repair.TAKE_IN)]


def test_a_payment_that_stripe_lacks_is_reported() -> None:
    kinds = found(charges=(charge(),))
    assert kinds == [
        (DiscrepancyKind.MISSING, None),
        (DiscrepancyKind.MISSING, None),
    ]  # and so the month is paid by nothing


def test_a_status_that_differs_is_taken_in() -> None:
    row = charge(status="authentication_required")
    past_due = MONTH.evolve(stage=Stage.AUTHENTICATION_REQUIRED)
    kinds = found(PAYMENT, charges=(row,), month=past_due, debts=(DEBT,))
    assert kinds == [(DiscrepancyKind.STATUS, Repair.TAKE_IN)]


def test_a_success_that_the_collection_has_not_noticed_is_told_to_it() -> None:
    past_due = MONTH.evolve(stage=Stage.PAST_DUE)
    assert found(PAYMENT, month=past_due, debts=(DEBT,)) == [(DiscrepancyKind.STATUS, Repair.TAKE_IN)]


def test_two_payments_that_succeeded_are_reported_whatever_their_keys() -> None:
    other = PAYMENT.evolve(payment_id="pi_2", key="monthly-billing-v1:acme:2026-11:2")
    assert found(PAYMENT, other) == [(DiscrepancyKind.DOUBLE, None)]


def test_an_amount_that_differs_is_reported() -> None:
    assert found(PAYMENT.evolve(amount_minor=1251)) == [(DiscrepancyKind.AMOUNT, None)]


@pytest.mark.parametrize("stage", [Stage.PAID, Stage.SKIPPED, Stage.CARRIED_FORWARD, Stage.NOTHING_DUE])
@pytest.mark.parametrize("status", [PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED])
def test_a_payment_that_could_still_be_made_for_a_settled_month_is_cancelled(
    stage: Stage, status: PaymentStatus
) -> None:
    orphan = PAYMENT.evolve(payment_id="pi_2", status=status)
    paid = [PAYMENT] if stage is Stage.PAID else []
    assert found(*paid, orphan, month=MONTH.evolve(stage=stage)) == [(DiscrepancyKind.ORPHAN, Repair.CANCEL)]


def test_a_charge_of_a_month_that_ought_not_to_be_charged_is_reported() -> None:
    assert found(PAYMENT, month=MONTH.evolve(stage=Stage.SKIPPED)) == [(DiscrepancyKind.UNKNOWN, None)]


def test_a_payment_of_a_month_that_the_ledger_does_not_know_is_reported() -> None:
    assert found(PAYMENT, PAYMENT.evolve(payment_id="pi_2", customer_id="ghost")) == [(DiscrepancyKind.UNKNOWN, None)]


def test_what_is_not_known_yet_is_reported() -> None:
    under_way = PAYMENT.evolve(status=PaymentStatus.PROCESSING)
    assert found(under_way, month=MONTH.evolve(stage=Stage.UNRESOLVED)) == [(DiscrepancyKind.UNRESOLVED, None)]


def test_a_payment_by_hand_as_high_as_the_invoice_is_reported_and_other_business_is_not() -> None:
    by_hand = PAYMENT.evolve(payment_id="pi_2", key="", customer_id="", period="")
    assert found(PAYMENT, by_hand) == [(DiscrepancyKind.UNKNOWN, None)]
    assert found(PAYMENT, by_hand.evolve(amount_minor=999)) == []
    assert found(PAYMENT, by_hand.evolve(payer_id="cus_9")) == []


def test_what_is_owed_is_never_cancelled_also_before_its_collection_is_on_record() -> None:
    refused = PAYMENT.evolve(status=PaymentStatus.DECLINED)
    assert found(refused, month=MONTH.evolve(stage=Stage.PAST_DUE)) == []


def test_a_payment_too_many_that_was_refunded_is_no_finding_any_more() -> None:
    other = PAYMENT.evolve(payment_id="pi_2")
    assert found(PAYMENT, other, refunded_minor={"pi_2": 1249}) == [(DiscrepancyKind.DOUBLE, None)]
    assert found(PAYMENT, other, refunded_minor={"pi_2": 1250}) == []


def test_the_same_price_charged_elsewhere_months_ago_is_no_finding() -> None:
    by_hand = PAYMENT.evolve(payment_id="pi_2", key="", customer_id="", period="", created_at=AT - timedelta(days=30))
    assert found(PAYMENT, by_hand) == []
