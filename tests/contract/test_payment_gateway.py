"""What the application relies on when it charges a card: the Stripe adapter over real sockets, answers lost and all."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from adapters.stripe_payments import StripePayments
from billing.customer import Customer
from billing.errors import (
    AmountTooSmall,
    CardMissing,
    PaymentBusy,
    PaymentError,
    PaymentForbidden,
    PaymentMismatch,
    PaymentRejected,
    PaymentUnknown,
)
from billing.keys import payment_key
from billing.payment import Payment, PaymentRequest, PaymentStatus
from billing.period import Period
from sandbox.faults import Faults
from sandbox.stripe_api import stripe_app

PERIOD = Period("2026-11")
DESK = {"Authorization": "Bearer sk_test_desk"}


@dataclass
class Stripe:
    """The processor's side: what a test prepares there and sees there."""

    url: str
    http: httpx.AsyncClient

    async def post(self, path: str, **form: str) -> dict[str, Any]:
        answer = await self.http.post(path, data=form)
        return dict(answer.raise_for_status().json())

    async def request(self, card: str = "pm_card_visa", amount_minor: int = 1250) -> PaymentRequest:
        customer_id = (await self.post("/v1/customers"))["id"]
        method = await self.post(f"/v1/payment_methods/{card}/attach", customer=customer_id)
        customer = Customer(
            customer_id="ann",
            email="ann@example.com",
            name="Ann",
            currency="eur",
            timezone="Europe/Paris",
            stripe_customer_id=customer_id,
            payment_method_id=method["id"],
        )
        key = payment_key("ann", PERIOD)
        return PaymentRequest(key=key, customer=customer, period=PERIOD, amount_minor=amount_minor, currency="eur")

    async def intents(self) -> list[dict[str, Any]]:
        return list((await self.http.get("/v1/payment_intents")).json()["data"])

    async def charges(self) -> int:
        """How often money moved, by the stand-in's journal."""
        lines = (await self.http.get("/_control/journal")).text.splitlines()
        snapshots = [entry["object"] for entry in map(json.loads, lines) if entry["kind"] == "object"]
        return len({found["latest_charge"] for found in snapshots if found.get("amount_received")})

    async def fails(self, kind: str, path: str = "", **rule: Any) -> None:
        (await self.http.post("/_control/faults", json={"kind": kind, "path": path, **rule})).raise_for_status()


@pytest.fixture
async def stripe(serve) -> AsyncIterator[Stripe]:
    url = await serve(Faults(stripe_app()))
    async with httpx.AsyncClient(base_url=url, headers=DESK, trust_env=False) as http:
        yield Stripe(url, http)


@pytest.fixture
async def gateway(stripe: Stripe) -> AsyncIterator[StripePayments]:
    gateway = StripePayments.connect("sk_test_any", stripe.url)
    yield gateway
    await gateway.close()


async def charge(gateway: StripePayments, request: PaymentRequest) -> Payment:
    return await gateway.confirm(await gateway.create(request), request)


async def test_charge_succeeds_once_however_often_it_is_confirmed(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    created = await gateway.create(request)
    assert created.status is PaymentStatus.NEW
    assert await stripe.charges() == 0
    for _ in range(3):
        paid = await gateway.confirm(created, request)
        assert paid == created.evolve(status=PaymentStatus.SUCCEEDED)
    assert await gateway.find(request) == [paid]
    assert await stripe.charges() == 1


async def test_payment_tells_what_was_asked(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    assert (payment.amount_minor, payment.currency) == (1250, "eur")
    assert payment.stripe_customer_id == request.customer.stripe_customer_id
    assert timedelta(0) <= datetime.now(UTC) - payment.created_at < timedelta(minutes=1)
    (intent,) = await stripe.intents()
    assert intent["metadata"] == {"billing_key": request.key, "customer_id": "ann", "period": "2026-11"}
    assert (intent["description"], intent["payment_method_types"]) == ("Monthly billing 2026-11", ["card"])


@pytest.mark.parametrize(
    ("card", "status", "code", "decline_code", "advice_code"),
    [
        ("pm_card_chargeCustomerFail", "declined", "card_declined", "generic_decline", "try_again_later"),
        ("pm_card_chargeCustomerFailLostCard", "declined", "card_declined", "lost_card", "do_not_try_again"),
        ("pm_card_chargeCustomerFailExpiredCard", "declined", "expired_card", "", "confirm_card_data"),
        ("pm_card_authenticationRequired", "authentication_required", *["authentication_required"] * 2, ""),
    ],
)
async def test_refused_card_is_an_answer_with_its_codes_and_is_not_tried_again(
    gateway, stripe: Stripe, card: str, status: str, code: str, decline_code: str, advice_code: str
) -> None:
    request = await stripe.request(card)
    refused = await charge(gateway, request)
    assert refused.status == status
    assert (refused.code, refused.decline_code, refused.advice_code) == (code, decline_code, advice_code)
    await stripe.http.post(f"/_control/cards/{request.customer.payment_method_id}", json={"behaviour": "succeed"})
    assert await gateway.find(request) == [refused]
    assert await gateway.confirm(refused, request) == refused
    assert await stripe.charges() == 0


async def test_payment_in_the_making_is_processing_until_the_bank_answers(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await stripe.http.post(f"/_control/cards/{request.customer.payment_method_id}", json={"behaviour": "processing"})
    waiting = await charge(gateway, request)
    assert waiting.status is PaymentStatus.PROCESSING
    await stripe.http.post(f"/_control/payment_intents/{waiting.payment_id}", json={"behaviour": "succeed"})
    assert [found.status for found in await gateway.find(request)] == [PaymentStatus.SUCCEEDED]


async def test_repeated_create_gives_the_same_payment(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    assert await gateway.create(request) == await gateway.create(request)
    assert len(await stripe.intents()) == 1


async def test_same_key_for_another_amount_is_refused_as_our_bug(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await gateway.create(request)
    with pytest.raises(PaymentRejected, match="ann, 2026-11: our bug"):
        await gateway.create(request.evolve(amount_minor=9900))


async def test_find_sees_only_payments_with_the_key_on_every_page(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    first = await gateway.create(request)
    for _ in range(101):
        await stripe.post(
            "/v1/payment_intents",
            amount="100",
            currency="eur",
            customer=request.customer.stripe_customer_id,
            payment_method=request.customer.payment_method_id,
        )
    await stripe.http.post("/_control/clock", json={"advance_seconds": 25 * 60 * 60})
    second = await gateway.create(request)  # Stripe forgets idempotency keys after a day
    assert await gateway.find(request) == [second, first]
    assert await gateway.find(request.evolve(key=payment_key("ann", PERIOD.next()))) == []


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
    async with httpx.AsyncClient(base_url=url, headers=DESK, trust_env=False) as http:
        request = await Stripe(url, http).request()
    refused = await charge(gateway, request)
    assert (refused.status, refused.code) == (PaymentStatus.DECLINED, "card_decline_rate_limit_exceeded")
    error["type"] = "invalid_request_error"
    with pytest.raises(PaymentRejected, match="card_decline_rate_limit_exceeded"):
        await charge(gateway, request)
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
        payment_id="pi_1",
        status=PaymentStatus.NEW,
        amount_minor=1250,
        currency="eur",
        stripe_customer_id="cus_1",
        created_at=datetime.now(UTC),
    )
    for call in (
        lambda: gateway.ping(),
        lambda: gateway.find(request),
        lambda: gateway.create(request),
        lambda: gateway.confirm(payment, request),
        lambda: gateway.cancel(payment),
        lambda: gateway.card("pm_1"),
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


async def test_ping_takes_a_valid_key_and_notices_that_nobody_listens(gateway) -> None:
    await gateway.ping()
    nobody = StripePayments.connect("sk_test_any", "http://127.0.0.1:9")
    with pytest.raises(PaymentUnknown):
        await nobody.ping()
    await nobody.close()


async def test_card_of_another_customer_is_missing(gateway, stripe: Stripe) -> None:
    request, other = await stripe.request(), await stripe.request()
    customer = request.customer.evolve(payment_method_id=other.customer.payment_method_id)
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await gateway.create(request.evolve(customer=customer))
    assert await stripe.intents() == []


async def test_card_detached_between_create_and_confirm_is_missing(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    await stripe.post(f"/v1/payment_methods/{request.customer.payment_method_id}/detach")
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await gateway.confirm(payment, request)


@pytest.mark.parametrize("field", ["stripe_customer_id", "payment_method_id"])
async def test_unknown_customer_or_card_is_missing(gateway, stripe: Stripe, field: str) -> None:
    request = await stripe.request()
    unknown = {"stripe_customer_id": "cus_unknown", "payment_method_id": "pm_unknown"}[field]
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await gateway.create(request.evolve(customer=request.customer.evolve(**{field: unknown})))


async def test_deleted_customer_is_missing(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await stripe.http.delete(f"/v1/customers/{request.customer.stripe_customer_id}")
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await gateway.create(request)
    with pytest.raises(CardMissing):
        await gateway.card(request.customer.payment_method_id)


async def test_amount_under_the_minimum_is_too_small(gateway, stripe: Stripe) -> None:
    with pytest.raises(AmountTooSmall, match="ann, 2026-11"):
        await gateway.create(await stripe.request(amount_minor=49))


async def test_payment_over_another_amount_than_announced_is_not_confirmed(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    with pytest.raises(PaymentMismatch, match="ann, 2026-11"):
        await gateway.confirm(payment, request.evolve(amount_minor=9900))
    assert await stripe.charges() == 0


async def test_cancelled_payment_cannot_be_confirmed_and_cancelling_twice_is_fine(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    for _ in range(2):
        await gateway.cancel(payment)
    assert (await gateway.confirm(payment, request)).status is PaymentStatus.CANCELED
    assert await stripe.charges() == 0


async def test_payment_that_moved_money_cannot_be_cancelled(gateway, stripe: Stripe) -> None:
    paid = await charge(gateway, await stripe.request())
    with pytest.raises(PaymentMismatch, match="succeeded"):
        await gateway.cancel(paid)


async def test_payment_that_lost_its_card_without_a_try_is_not_as_we_made_it(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await stripe.post(
        "/v1/payment_intents",
        amount="1250",
        currency="eur",
        customer=request.customer.stripe_customer_id,
        **{"metadata[billing_key]": request.key},
    )
    with pytest.raises(PaymentMismatch, match="requires_payment_method"):
        await gateway.find(request)


async def test_card_tells_whose_it_is_and_its_last_digits(gateway, stripe: Stripe) -> None:
    customer = (await stripe.request()).customer
    card = await gateway.card(customer.payment_method_id)
    assert (card.stripe_customer_id, card.last4) == (customer.stripe_customer_id, "4242")
    with pytest.raises(CardMissing, match="pm_unknown"):
        await gateway.card("pm_unknown")


async def test_card_that_belongs_to_nobody_is_missing(gateway, stripe: Stripe) -> None:
    customer = (await stripe.request()).customer
    await stripe.post(f"/v1/payment_methods/{customer.payment_method_id}/detach")
    with pytest.raises(CardMissing, match=customer.payment_method_id):
        await gateway.card(customer.payment_method_id)
