"""Which of several payments is gone on with, and when a person has to look."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import PaymentMismatch
from billing.payments.methods import CardOnFile
from billing.payments.payment import Payment, PaymentRequest, PaymentStatus, keep_one
from billing.period import Period

CREATED = datetime(2026, 11, 8, tzinfo=UTC)
REQUEST = PaymentRequest(
    key="k",
    customer_id="acme",
    method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
    period=Period("2026-10"),
    amount_minor=1250,
    currency="eur",
)


def payment(number: int, status: PaymentStatus = PaymentStatus.NEW, age_hours: int = 0, **fields: Any) -> Payment:
    values: dict[str, object] = {
        "rail": "stripe",
        "payment_id": f"pi_{number}",
        "status": status,
        "amount_minor": 1250,
        "currency": "eur",
        "payer_id": "cus_1",
        "created_at": CREATED - timedelta(hours=age_hours),
    }
    return Payment.model_validate(values | fields)


def test_nothing_found_means_that_nothing_was_created() -> None:
    assert keep_one([], REQUEST) is None


def test_an_orphan_whose_creation_was_never_answered_is_gone_on_with() -> None:
    orphan = payment(1)
    assert keep_one([orphan], REQUEST) == orphan


@pytest.mark.parametrize("status", [PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING])
def test_a_payment_that_moves_money_wins_over_older_ones(status: PaymentStatus) -> None:
    moving = payment(3, status)
    others = [payment(1, PaymentStatus.DECLINED, 9), payment(2, PaymentStatus.AUTHENTICATION_REQUIRED, 8), payment(4)]
    assert keep_one([*others, moving], REQUEST) == moving


def test_of_payments_that_moved_nothing_the_oldest_is_kept_whatever_the_order() -> None:
    oldest, newer = payment(2, PaymentStatus.DECLINED, 9), payment(1, PaymentStatus.NEW, 3)
    assert keep_one([newer, oldest], REQUEST) == keep_one([oldest, newer], REQUEST) == oldest


def test_of_two_created_at_once_everybody_keeps_the_same() -> None:
    assert keep_one([payment(2), payment(1)], REQUEST) == keep_one([payment(1), payment(2)], REQUEST) == payment(1)


def test_a_cancelled_one_beside_another_is_ignored() -> None:
    assert keep_one([payment(1, PaymentStatus.CANCELED, 9), payment(2)], REQUEST) == payment(2)


def test_cancelled_behind_our_back_needs_a_person() -> None:
    with pytest.raises(PaymentMismatch, match="pi_1 of acme, 2026-10 was cancelled at the processor"):
        keep_one([payment(1, PaymentStatus.CANCELED)], REQUEST)


@pytest.mark.parametrize("second", [PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING])
def test_two_that_move_money_need_a_person(second: PaymentStatus) -> None:
    with pytest.raises(PaymentMismatch, match="charged more than once: pi_1, pi_2; refund all but one"):
        keep_one([payment(1, PaymentStatus.SUCCEEDED), payment(2, second)], REQUEST)


@pytest.mark.parametrize(
    "other", [{"amount_minor": 1251}, {"currency": "usd"}, {"payer_id": "cus_2"}, {"payer_id": ""}]
)
@pytest.mark.parametrize("status", [PaymentStatus.NEW, PaymentStatus.SUCCEEDED, PaymentStatus.DECLINED])
def test_another_amount_currency_or_customer_than_announced_needs_a_person(
    other: dict[str, Any], status: PaymentStatus
) -> None:
    with pytest.raises(PaymentMismatch, match="compare both before anything else is charged"):
        keep_one([payment(1, status, **other)], REQUEST)


@given(st.lists(st.tuples(st.sampled_from(PaymentStatus), st.integers(0, 5)), max_size=5), st.randoms())
def test_the_choice_is_safe_and_does_not_depend_on_the_order(found: list[tuple[PaymentStatus, int]], random) -> None:
    payments = [payment(number, status, age) for number, (status, age) in enumerate(found)]
    shuffled = random.sample(payments, len(payments))
    moving = [one for one in payments if one.status in (PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING)]
    try:
        kept = keep_one(payments, REQUEST)
    except PaymentMismatch:
        assert len(moving) > 1 or all(one.status is PaymentStatus.CANCELED for one in payments)
        with pytest.raises(PaymentMismatch):
            keep_one(shuffled, REQUEST)
        return
    assert keep_one(shuffled, REQUEST) == kept
    assert (kept is None) == (not payments)
    assert moving in ([], [kept])
    assert kept is None or kept.status is not PaymentStatus.CANCELED
