"""Cards at Stripe: whose one is, and what becomes of a charge whose card or customer is missing."""

import pytest

from billing.errors import CardMissing
from tests.contract.payment_fixtures import Stripe, charge, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures


async def test_card_of_another_customer_is_missing(gateway, stripe: Stripe) -> None:
    request, other = await stripe.request(), await stripe.request()
    method = request.method.evolve(card_id=other.method.card_id)
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await charge(gateway, request.evolve(method=method))
    assert await stripe.tries() == 0


async def test_card_detached_between_create_and_confirm_is_missing(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    payment = await gateway.create(request)
    await stripe.post(f"/v1/payment_methods/{request.method.card_id}/detach")
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await gateway.confirm(payment, request)


@pytest.mark.parametrize("field", ["payer_id", "card_id"])
async def test_unknown_customer_or_card_is_missing(gateway, stripe: Stripe, field: str) -> None:
    request = await stripe.request()
    unknown = {"payer_id": "cus_unknown", "card_id": "pm_unknown"}[field]
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await charge(gateway, request.evolve(method=request.method.evolve(**{field: unknown})))


async def test_deleted_customer_is_missing(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    await stripe.http.delete(f"/v1/customers/{request.method.payer_id}")
    with pytest.raises(CardMissing, match="ann, 2026-11"):
        await gateway.create(request)
    with pytest.raises(CardMissing):
        await gateway.card(request.method.card_id)


async def test_card_tells_whose_it_is_and_its_last_digits(gateway, stripe: Stripe) -> None:
    method = (await stripe.request()).method
    card = await gateway.card(method.card_id)
    assert (card.payer_id, card.last4) == (method.payer_id, "4242")
    with pytest.raises(CardMissing, match="pm_unknown"):
        await gateway.card("pm_unknown")


async def test_card_that_belongs_to_nobody_is_missing(gateway, stripe: Stripe) -> None:
    method = (await stripe.request()).method
    await stripe.post(f"/v1/payment_methods/{method.card_id}/detach")
    with pytest.raises(CardMissing, match=method.card_id):
        await gateway.card(method.card_id)
