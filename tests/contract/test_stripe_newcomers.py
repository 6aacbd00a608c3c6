"""A registration's customer at Stripe: made once, whatever fails, with a token or without."""

from typing import Any

import pytest

from adapters.stripe.payments import StripePayments
from billing.errors import BillingError, CardMissing, InvalidInput, PaymentUnknown
from tests.contract.payment_fixtures import Stripe, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures

ANN = ("R-ann", "c-ann", "ann@example.com")


async def customers(stripe: Stripe) -> list[dict[str, Any]]:
    return list((await stripe.http.get("/v1/customers?limit=100")).json()["data"])


async def test_a_customer_is_made_once_and_says_whose_it_is(gateway: StripePayments, stripe: Stripe) -> None:
    made = await gateway.new_customer(*ANN)
    assert await gateway.new_customer(*ANN) == made
    (customer,) = await customers(stripe)
    assert (customer["id"], customer["email"], customer["name"]) == (made, "ann@example.com", None)
    assert customer["metadata"] == {"registration_id": "R-ann", "customer_id": "c-ann"}


async def test_stripe_gets_the_domain_in_ascii_and_the_customer_is_found_by_it(
    gateway: StripePayments, stripe: Stripe
) -> None:
    made = await gateway.new_customer("R-ann", "c-ann", "Kasse@Stra\u00dfe.example")
    assert await gateway.new_customer("R-ann", "c-ann", "Kasse@STRA\u1e9eE.example") == made
    (customer,) = await customers(stripe)
    assert customer["email"] == "Kasse@xn--strae-oqa.example"


async def test_it_is_found_after_stripe_has_forgotten_the_request(gateway: StripePayments, stripe: Stripe) -> None:
    made = await gateway.new_customer(*ANN)
    await stripe.http.post("/_control/clock", json={"advance_seconds": 25 * 3600})
    assert await gateway.new_customer(*ANN) == made
    assert len(await customers(stripe)) == 1


async def test_others_with_the_same_address_are_not_it(gateway: StripePayments, stripe: Stripe) -> None:
    by_hand = (await stripe.post("/v1/customers", email="ann@example.com"))["id"]
    first = await gateway.new_customer(*ANN)
    second = await gateway.new_customer("R-bob", "c-bob", "ann@example.com")
    assert len({by_hand, first, second}) == 3
    assert await gateway.new_customer(*ANN) == first


@pytest.mark.parametrize("token", ["", "tok_mastercard"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "status", "status": 500, "cached": True},
        {"kind": "status", "status": 500, "cached": True, "executed": True},
        {"kind": "html_502", "executed": True},
        {"kind": "garbage_200"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_no_failure_makes_a_second_one(
    gateway: StripePayments, stripe: Stripe, fault: dict[str, Any], token: str
) -> None:
    await stripe.fails(path="/v1/customers$", method="POST", **fault)
    with pytest.raises(PaymentUnknown, match="R-ann"):
        await gateway.new_customer(*ANN, token)
    made = await gateway.new_customer(*ANN, token)
    assert [each["id"] for each in await customers(stripe)] == [made]
    if token:
        card = await gateway.imported_card(made)
        assert (card.payer_id, card.last4) == (made, "4444")


@pytest.mark.parametrize("token", ["tok_unknown", "tok_chargeDeclined", "tok_chargeDeclinedExpiredCard"])
async def test_a_refused_token_is_said_to_be_one_and_another_may_take_its_place(
    gateway: StripePayments, stripe: Stripe, token: str
) -> None:
    for _ in range(2):
        with pytest.raises(CardMissing, match=r"R-ann: Stripe refuses the token; send .* a link"):
            await gateway.new_customer(*ANN, token)
    assert await customers(stripe) == []
    made = await gateway.new_customer(*ANN, "tok_visa")
    assert (await gateway.imported_card(made)).last4 == "4242"


async def test_a_refused_address_is_not_repeated_in_the_error(gateway: StripePayments) -> None:
    with pytest.raises(InvalidInput, match="R-ann: Stripe refuses its email address") as refused:
        await gateway.new_customer("R-ann", "c-ann", "ann..b@acme.example")
    assert "acme" not in str(refused.value)


async def test_without_a_token_there_is_no_card_yet(gateway: StripePayments) -> None:
    with pytest.raises(CardMissing, match="has no card"):
        await gateway.imported_card(await gateway.new_customer(*ANN))
    with pytest.raises(BillingError):
        await gateway.imported_card("cus_unknown")
