"""What the application relies on when it charges a card: the Stripe adapter over real sockets."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from adapters.stripe.payments import StripePayments
from billing.errors import AmountTooSmall, PaymentMismatch, PaymentUnknown
from billing.money import step_minor
from billing.payments.methods import CardOnFile
from billing.payments.payment import PaymentStatus
from sandbox.stripe import params as stripe_params
from sandbox.stripe.store import StripeError
from services.cashier import Cashier
from tests.contract.payment_fixtures import Stripe, cashier, charge, gateway, stripe

__all__ = ["cashier", "gateway", "stripe"]  # fixtures

RETURN_URL = "https://shop.example/back"

# Without two whose minimum only Stripe knows: less is refused as too small when it is charged.
CURRENCIES = sorted(set(stripe_params._CURRENCIES.split()) - {"bgn", "thb"})


async def test_charge_succeeds_once_however_often_it_is_confirmed(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    created = await gateway.create(request)
    assert created.status is PaymentStatus.NEW
    assert await stripe.charges() == 0
    paid = await gateway.confirm(created, request)
    assert paid == created.evolve(status=PaymentStatus.SUCCEEDED, attempt_id=paid.attempt_id)
    assert await gateway.confirm(created, request) == await gateway.confirm(paid, request) == paid
    assert await gateway.find(request) == [paid]
    assert await stripe.tries() == await stripe.charges() == 1


async def test_payment_tells_what_was_asked(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    assert (payment.amount_minor, payment.currency, payment.attempt_id) == (1250, "eur", "")
    assert (payment.key, payment.customer_id, payment.period) == (request.key, "ann", "2026-11")
    assert payment.payer_id == request.method.payer_id
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
async def test_refused_card_is_an_answer_with_its_codes(
    gateway, stripe: Stripe, card: str, status: str, code: str, decline_code: str, advice_code: str
) -> None:
    request = await stripe.request(card)
    refused = await charge(gateway, request)
    assert refused.status == status
    assert (refused.code, refused.decline_code, refused.advice_code) == (code, decline_code, advice_code)
    assert await gateway.find(request) == [refused]
    assert (await stripe.tries(), await stripe.charges()) == (1, 0)


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
async def test_refused_payment_is_tried_again_by_who_has_just_read_it(
    gateway, cashier: Cashier, stripe: Stripe, card: str
) -> None:
    request = await stripe.request(card)
    created = await gateway.create(request)
    first = await cashier.confirm(created, request)
    second = await cashier.confirm(first, request)
    assert second == first.evolve(attempt_id=second.attempt_id)
    assert second.attempt_id != first.attempt_id
    await stripe.behaves(request.method.card_id, "succeed")
    for older in (created, first):
        assert await cashier.confirm(older, request) == second
    assert await stripe.tries() == 2
    paid = await cashier.confirm(second, request)
    assert paid == created.evolve(status=PaymentStatus.SUCCEEDED, attempt_id=paid.attempt_id)


async def test_lost_answer_to_a_try_is_looked_up_by_its_repeat(gateway, cashier: Cashier, stripe: Stripe) -> None:
    request = await stripe.request("pm_card_chargeCustomerFail")
    first = await charge(gateway, request)
    await stripe.fails("drop_after", "/confirm$")
    with pytest.raises(PaymentUnknown, match="ann, 2026-11"):
        await cashier.confirm(first, request)
    again = await cashier.confirm(first, request)
    assert (again.status, await stripe.tries()) == (PaymentStatus.DECLINED, 2)


async def test_refused_payment_is_paid_with_another_card(gateway, stripe: Stripe) -> None:
    request = await stripe.request("pm_card_chargeCustomerFail")
    refused = await charge(gateway, request)
    card = await stripe.post("/v1/payment_methods/pm_card_visa/attach", customer=refused.payer_id)
    replaced = request.evolve(method=request.method.evolve(card_id=card["id"]))
    assert await gateway.create(replaced) == await gateway.create(request)
    assert (await gateway.confirm(refused, replaced)).status is PaymentStatus.SUCCEEDED


async def test_refusal_whose_codes_stripe_has_forgotten_is_still_one(gateway, stripe: Stripe) -> None:
    request = await stripe.request("pm_card_chargeCustomerFail")
    refused = await charge(gateway, request)
    await stripe.post(f"/v1/payment_intents/{refused.payment_id}", description="edited in the dashboard")
    (found,) = await gateway.find(request)
    assert found == refused.evolve(code="", decline_code="", advice_code="")


async def test_payment_in_the_making_is_processing_until_the_bank_answers(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await stripe.behaves(request.method.card_id, "processing")
    waiting = await charge(gateway, request)
    assert waiting.status is PaymentStatus.PROCESSING
    assert await gateway.confirm(waiting, request) == waiting
    await stripe.http.post(f"/_control/payment_intents/{waiting.payment_id}", json={"behaviour": "succeed"})
    assert [found.status for found in await gateway.find(request)] == [PaymentStatus.SUCCEEDED]


async def test_ping_takes_a_valid_key_and_notices_that_nobody_listens(gateway) -> None:
    await gateway.ping()
    nobody = StripePayments.connect("sk_test_any", "http://127.0.0.1:9")
    with pytest.raises(PaymentUnknown):
        await nobody.ping()
    await nobody.close()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CURRENCIES), st.data())
def test_amounts_that_we_call_chargeable_are_those_that_stripe_takes(currency: str, data: st.DataObject) -> None:
    least, most, step = CardOnFile.minimum_minor(currency), CardOnFile.maximum_minor(currency), step_minor(currency)
    edges = st.sampled_from([1, 30, 50, least, most])
    amount_minor = data.draw(st.builds(int.__add__, edges, st.integers(-step, step)) | st.integers(1, most))
    chargeable = least <= amount_minor <= most and amount_minor % step == 0
    with nullcontext() if chargeable else pytest.raises(StripeError):
        assert stripe_params.read_amount({"amount": str(amount_minor)}, currency) == amount_minor


async def test_amount_under_the_minimum_is_too_small(gateway, stripe: Stripe) -> None:
    with pytest.raises(AmountTooSmall, match="ann, 2026-11"):
        await gateway.create(await stripe.request(amount_minor=49))


async def test_payment_over_another_amount_than_announced_is_not_confirmed(
    gateway, cashier: Cashier, stripe: Stripe
) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    other = request.evolve(amount_minor=9900)
    with pytest.raises(PaymentMismatch, match="ann, 2026-11"):
        await cashier.confirm(payment, other)
    with pytest.raises(PaymentMismatch, match="ann, 2026-11"):
        await cashier.confirm(payment, other, RETURN_URL)
    assert await stripe.tries() == 0


async def test_cancelled_payment_cannot_be_confirmed_and_cancelling_twice_is_fine(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    canceled = await gateway.cancel(payment)
    assert canceled == payment.evolve(status=PaymentStatus.CANCELED)
    assert await gateway.cancel(payment) == canceled
    assert await gateway.confirm(payment, request) == canceled
    assert await gateway.confirm(payment, request, RETURN_URL) == canceled
    assert await stripe.tries() == 0


@pytest.mark.parametrize("behaviour", ["succeed", "processing"])
async def test_payment_that_moves_money_stays_as_it_is_when_cancelled(gateway, stripe: Stripe, behaviour: str) -> None:
    request = await stripe.request()
    created = await gateway.create(request)
    await stripe.behaves(request.method.card_id, behaviour)
    moving = await gateway.confirm(created, request)
    assert await gateway.cancel(created) == moving


@pytest.mark.parametrize("status", ["requires_capture", "a_state_of_the_future"])
async def test_payment_in_a_state_that_ours_do_not_get_into_is_for_a_person(
    gateway, serve, stripe: Stripe, status: str
) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    (intent,) = await stripe.intents()
    changed = StripePayments.connect("sk_test_any", await serve(JSONResponse(intent | {"status": status})))
    with pytest.raises(PaymentMismatch, match=f"{payment.payment_id}.*{status}"):
        await changed.confirm(payment, request)
    with pytest.raises(PaymentMismatch, match=f"{payment.payment_id}.*{status}"):
        await changed.cancel(payment)
    await changed.close()
