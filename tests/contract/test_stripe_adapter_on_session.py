"""What the application relies on when the customer is there: the bank may ask them to authenticate a payment."""

import pytest

from billing.payments.payment import PaymentStatus
from services.cashier import Cashier
from tests.contract.payment_fixtures import Stripe, cashier, gateway, stripe

__all__ = ["cashier", "gateway", "stripe"]  # fixtures

RETURN_URL = "https://shop.example/back"


async def test_card_that_asks_for_nothing_is_charged_with_the_customer_there(
    gateway, cashier: Cashier, stripe: Stripe
) -> None:
    request = await stripe.request()
    created = await gateway.create(request)
    paid = await cashier.confirm(created, request, RETURN_URL)
    assert (paid.status, paid.authenticate_url) == (PaymentStatus.SUCCEEDED, "")
    assert await cashier.confirm(created, request, RETURN_URL) == paid
    assert await stripe.charges() == 1


@pytest.mark.parametrize("tried_before", [False, True])
async def test_customer_authenticates_at_the_bank_and_a_double_click_changes_nothing(
    gateway, cashier: Cashier, stripe: Stripe, tried_before: bool
) -> None:
    request = await stripe.request("pm_card_authenticationRequired")
    payment = await gateway.create(request)
    if tried_before:
        payment = await gateway.confirm(payment, request)
    asked = await cashier.confirm(payment, request, RETURN_URL)
    assert (asked.status, asked.attempt_id) == (PaymentStatus.AUTHENTICATION_REQUIRED, payment.attempt_id)
    for reading in (payment, asked, payment.evolve(attempt_id="ch_older")):
        assert await cashier.confirm(reading, request, RETURN_URL) == asked
    assert len(await stripe.sent("/confirm$")) == 1 + tried_before
    answer = await stripe.http.post(asked.authenticate_url, data={"authentication": "complete"})
    assert answer.headers["location"].startswith(RETURN_URL)
    (paid,) = await gateway.find(request)
    assert paid.status is PaymentStatus.SUCCEEDED
    assert await cashier.confirm(asked, request, RETURN_URL) == paid


async def test_customer_who_comes_from_another_page_returns_to_that_one(
    gateway, cashier: Cashier, stripe: Stripe
) -> None:
    request = await stripe.request("pm_card_authenticationRequired")
    payment = await gateway.create(request)
    await cashier.confirm(payment, request, RETURN_URL)
    asked = await cashier.confirm(payment, request, f"{RETURN_URL}/other")
    answer = await stripe.http.post(asked.authenticate_url, data={"authentication": "complete"})
    assert answer.headers["location"].startswith(f"{RETURN_URL}/other")
    assert await stripe.charges() == 1


async def test_customer_who_fails_at_the_bank_may_try_again(gateway, cashier: Cashier, stripe: Stripe) -> None:
    request = await stripe.request("pm_card_authenticationRequired")
    payment = await gateway.create(request)
    asked = await cashier.confirm(payment, request, RETURN_URL)
    await stripe.http.post(asked.authenticate_url, data={"authentication": "fail"})
    (refused,) = await gateway.find(request)
    assert (refused.status, refused.code) == (PaymentStatus.DECLINED, "payment_intent_authentication_failure")
    asked = await cashier.confirm(refused, request, RETURN_URL)
    assert asked.status is PaymentStatus.AUTHENTICATION_REQUIRED
    assert asked.authenticate_url


async def test_refused_card_is_an_answer_with_the_customer_there_too(gateway, cashier: Cashier, stripe: Stripe) -> None:
    request = await stripe.request("pm_card_chargeCustomerFail")
    created = await gateway.create(request)
    refused = await cashier.confirm(created, request, RETURN_URL)
    assert (refused.status, refused.decline_code) == (PaymentStatus.DECLINED, "generic_decline")
    assert refused.authenticate_url == ""
    assert await cashier.confirm(created, request, RETURN_URL) == refused
    assert await stripe.tries() == 1
