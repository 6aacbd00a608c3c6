"""Charges by their keys: a repeat gives the same payment, what Stripe remembers, and where payments are found."""

import pytest

from billing.errors import PaymentMismatch, PaymentRejected, PaymentUnknown
from billing.keys import payment_key
from billing.payments.payment import PaymentStatus
from services import cashier as cashiers
from services.cashier import Cashier
from tests.contract.payment_fixtures import PERIOD, Stripe, cashier, gateway, stripe

__all__ = ["cashier", "gateway", "stripe"]  # fixtures


async def test_repeated_create_gives_the_same_payment(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    assert await gateway.create(request) == await gateway.create(request)
    assert len(await stripe.intents()) == 1


async def test_same_key_for_another_amount_is_refused_as_our_bug(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await gateway.create(request)
    with pytest.raises(PaymentRejected, match="ann, 2026-11: our bug"):
        await gateway.create(request.evolve(amount_minor=9900))


async def test_another_customer_id_at_stripe_is_another_payment(gateway, stripe: Stripe) -> None:
    before, now = await stripe.request(), await stripe.request()
    assert now.key == before.key
    assert (await gateway.create(before)).payment_id != (await gateway.create(now)).payment_id


@pytest.mark.parametrize("executed", [False, True])
async def test_failure_that_stripe_remembers_does_not_hold_the_month(
    gateway, cashier: Cashier, stripe: Stripe, executed: bool
) -> None:
    request = await stripe.request()
    await stripe.fails("status", "/payment_intents$", method="POST", status=500, cached=True, executed=executed)
    with pytest.raises(PaymentUnknown, match="ann, 2026-11"):
        await cashier.create(request)
    created = await cashier.create(request)
    assert await cashier.create(request) == created
    assert await gateway.find(request) == [created]
    assert (await gateway.confirm(created, request)).status is PaymentStatus.SUCCEEDED


async def test_failures_that_stripe_remembers_hold_the_month_for_a_day_at_most(
    gateway, cashier: Cashier, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cashiers, "CREATES_MAX", 3)
    request = await stripe.request()
    await stripe.fails("status", "/payment_intents$", method="POST", status=500, cached=True, times=None)
    for _ in range(4):
        with pytest.raises(PaymentUnknown, match="ann, 2026-11"):
            await cashier.create(request)
    assert len({sent["idempotency_key"] for sent in await stripe.sent("/payment_intents$")}) == 3
    await stripe.http.delete("/_control/faults")
    with pytest.raises(PaymentUnknown, match="ann, 2026-11"):
        await cashier.create(request)
    await stripe.http.post("/_control/clock", json={"advance_seconds": 25 * 60 * 60})
    assert (await cashier.create(request)).status is PaymentStatus.NEW


async def test_find_sees_only_payments_with_the_key_on_every_page(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    first = await gateway.create(request)
    for _ in range(101):
        await stripe.post(
            "/v1/payment_intents",
            amount="100",
            currency="eur",
            customer=request.method.payer_id,
            payment_method=request.method.card_id,
        )
    await stripe.http.post("/_control/clock", json={"advance_seconds": 25 * 60 * 60})
    second = await gateway.create(request)  # Stripe forgets idempotency keys after a day
    assert await gateway.find(request) == [second, first]
    assert await gateway.find(request.evolve(key=payment_key("ann", PERIOD.next()))) == []


async def test_find_sees_a_known_payment_under_another_customer_id_too(gateway, stripe: Stripe) -> None:
    before, now = await stripe.request(), await stripe.request()
    known = await gateway.create(before)
    assert await gateway.find(now) == []
    assert await gateway.find(now, [known.payment_id]) == [known]
    assert await gateway.find(before, [known.payment_id]) == [known]
    with pytest.raises(PaymentMismatch, match=r"ann, 2026-11.*pi_unknown"):
        await gateway.find(now, ["pi_unknown"])


async def test_find_sees_a_known_payment_whose_metadata_somebody_took_away(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    known = await gateway.create(request)
    await stripe.post(f"/v1/payment_intents/{known.payment_id}", metadata="")
    assert await gateway.find(request) == []
    assert await gateway.find(request, [known.payment_id]) == [known.evolve(key="", customer_id="", period="")]
