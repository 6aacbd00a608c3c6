"""Lost answers, refusals and nonsense from the card's processor: what the Stripe adapter makes of them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from adapters.stripe.payments import StripePayments
from billing.errors import (
    PaymentBusy,
    PaymentError,
    PaymentForbidden,
    PaymentRejected,
    PaymentUnknown,
)
from billing.payments.payment import Payment, PaymentStatus
from sandbox.stand_ins.control import local_http
from sandbox.stripe.api import stripe_app
from tests.contract.payment_fixtures import DESK, Stripe, cashier, charge, gateway, stripe

__all__ = ["cashier", "gateway", "stripe"]  # fixtures

RETURN_URL = "https://shop.example/back"


async def test_answer_lost_after_create_leaves_a_payment_to_be_found(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await stripe.fails("drop_after", "/payment_intents$", method="POST")
    with pytest.raises(PaymentUnknown, match="ann, 2026-11"):
        await gateway.create(request)
    (found,) = await gateway.find(request)
    assert (found.status, await gateway.create(request)) == (PaymentStatus.NEW, found)


async def test_answer_lost_after_confirm_shows_the_charge_and_does_not_repeat_it(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    await stripe.fails("drop_after", "/confirm$")
    with pytest.raises(PaymentUnknown, match="ann, 2026-11"):
        await gateway.confirm(payment, request)
    (found,) = await gateway.find(request)
    assert (await gateway.confirm(found, request)).status is PaymentStatus.SUCCEEDED
    assert await stripe.charges() == 1


async def test_confirm_that_somebody_else_overtakes_answers_the_true_state(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    await stripe.fails("slow", "/confirm$", seconds=0.3)
    slow = asyncio.create_task(gateway.confirm(payment, request))
    await asyncio.sleep(0.15)
    await gateway.confirm(payment, request)
    assert (await slow).status is PaymentStatus.SUCCEEDED
    assert await stripe.charges() == 1


async def test_refusal_that_stripe_does_not_record_is_a_decline_only_if_it_is_about_the_card(serve) -> None:
    error = {"type": "card_error", "code": "card_decline_rate_limit_exceeded", "message": "Too many declines."}
    inner = stripe_app()

    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        confirming = scope["type"] == "http" and scope["path"].endswith("/confirm")
        await (JSONResponse({"error": error}, 402) if confirming else inner)(scope, receive, send)

    url = await serve(refusing)
    gateway = StripePayments.connect("sk_test_any", url)
    async with local_http(base_url=url, headers=DESK) as http:
        request = await Stripe(url, http).request()
    refused = await charge(gateway, request)
    assert (refused.status, refused.code) == (PaymentStatus.DECLINED, "card_decline_rate_limit_exceeded")
    error["type"] = "invalid_request_error"
    with pytest.raises(PaymentRejected, match="card_decline_rate_limit_exceeded"):
        await charge(gateway, request)
    await gateway.close()


async def test_refusal_that_stripe_does_not_record_is_not_mistaken_for_the_last_one(serve) -> None:
    error = {"type": "card_error", "code": "card_decline_rate_limit_exceeded", "message": "Too many declines."}
    inner, confirms = stripe_app(), []

    async def refusing_the_second(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/confirm"):
            confirms.append(scope["path"])
        await (JSONResponse({"error": error}, 402) if len(confirms) > 1 else inner)(scope, receive, send)
        confirms[1:] = []

    url = await serve(refusing_the_second)
    gateway = StripePayments.connect("sk_test_any", url)
    async with local_http(base_url=url, headers=DESK) as http:
        request = await Stripe(url, http).request("pm_card_chargeCustomerFail")
    first = await charge(gateway, request)
    again = await gateway.confirm(first, request)
    assert again == first.evolve(code="card_decline_rate_limit_exceeded", decline_code="", advice_code="")
    await gateway.close()


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "html_502"}, PaymentUnknown),
        ({"kind": "garbage_200"}, PaymentUnknown),
        ({"kind": "drop_before"}, PaymentUnknown),
        ({"kind": "status", "status": 500}, PaymentUnknown),
        ({"kind": "status", "status": 503}, PaymentUnknown),
        ({"kind": "rate_limit"}, PaymentBusy),
        ({"kind": "status", "status": 409}, PaymentBusy),
        ({"kind": "status", "status": 403}, PaymentForbidden),
    ],
)
@pytest.mark.parametrize("executed", [False, True])
async def test_trouble_at_any_request_is_told_and_a_repeat_charges_once(
    gateway, stripe: Stripe, rule: dict[str, Any], error: type[PaymentError], executed: bool
) -> None:
    request = await stripe.request()
    for path in ("/payment_intents$", "/confirm$"):
        await stripe.fails(**rule, path=path, method="POST", executed=executed)
        with pytest.raises(error, match="ann, 2026-11"):
            await charge(gateway, request)
    await stripe.fails(**rule, path="/payment_intents", method="GET")
    with pytest.raises(error, match="ann, 2026-11"):
        await gateway.find(request)
    assert (await charge(gateway, request)).status is PaymentStatus.SUCCEEDED
    assert await stripe.charges() == 1


@pytest.mark.parametrize(
    "body", ["{}", "[]", "null", '"paid"', '{"object": "list"}', '{"object": "payment_intent"}', ""]
)
async def test_answer_of_another_shape_is_no_answer(serve, stripe: Stripe, body: str) -> None:
    async def app(scope, receive, send) -> None:
        await Response(body, media_type="application/json")(scope, receive, send)

    request = await stripe.request()
    gateway = StripePayments.connect("sk_test_any", await serve(app))
    payment = Payment(
        rail="stripe",
        payment_id="pi_1",
        status=PaymentStatus.NEW,
        amount_minor=1250,
        currency="eur",
        payer_id="cus_1",
        created_at=datetime.now(UTC),
    )
    for call in (
        lambda: gateway.ping(),
        lambda: gateway.find(request),
        lambda: gateway.create(request),
        lambda: gateway.confirm(payment, request),
        lambda: gateway.current(payment),
        lambda: gateway.cancel(payment),
        lambda: gateway.card("pm_1"),
        lambda: gateway.card_setup("cus_1", "ann", RETURN_URL, RETURN_URL),
        lambda: gateway.card_of_setup("cs_1"),
        lambda: gateway.payment("pi_1"),
        lambda: anext(gateway.payments_since(payment.created_at)),
        lambda: gateway.reversals("pi_1"),
    ):
        with pytest.raises(PaymentUnknown):
            await call()
    await gateway.close()


async def test_wrong_key_is_forbidden_and_stays_secret(stripe: Stripe) -> None:
    gateway = StripePayments.connect("sk_live_51Wrong", stripe.url)
    with pytest.raises(PaymentForbidden) as refused:
        await gateway.ping()
    with pytest.raises(PaymentForbidden, match="ann, 2026-11"):
        await gateway.create(await stripe.request())
    assert "Wrong" not in str(refused.value)
    await gateway.close()
