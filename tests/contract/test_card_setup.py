"""What the application relies on when a customer registers a card: on Stripe's page, never on ours."""

import pytest
from starlette.responses import JSONResponse

from adapters.stripe.payments import StripePayments
from billing.customers.card_vault import CardPage, CardPageState, CardSetup
from billing.errors import CardMissing, NotFound
from tests.contract.payment_fixtures import Stripe, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures

SUCCESS_URL = "https://shop.example/registered"
CANCEL_URL = "https://shop.example/cards"


@pytest.fixture
async def customer_id(stripe: Stripe) -> str:
    return str((await stripe.post("/v1/customers"))["id"])


async def opened(gateway: StripePayments, stripe: Stripe, customer_id: str) -> tuple[str, str]:
    """The page's address and its session's id."""
    page = await gateway.card_setup(customer_id, "ann", SUCCESS_URL, CANCEL_URL)
    return page.url, page.session_id


async def registered(gateway: StripePayments, stripe: Stripe, customer_id: str) -> str:
    """The id that the customer comes back with."""
    page, _ = await opened(gateway, stripe, customer_id)
    answer = await stripe.http.post(page, data={"card": "pm_card_mastercard"})
    return answer.headers["location"].removeprefix("https://shop.example/registered?session_id=")


async def test_customer_registers_a_card_on_stripes_page(gateway, stripe: Stripe, customer_id: str) -> None:
    setup = await gateway.card_of_setup(await registered(gateway, stripe, customer_id))
    assert setup == CardSetup(reference="ann", card=await gateway.card(setup.card.card_id))
    assert (setup.card.payer_id, setup.card.last4) == (customer_id, "4444")


async def test_registration_takes_cards_only_and_says_how_to_go_back(gateway, stripe: Stripe, customer_id: str) -> None:
    _, session_id = await opened(gateway, stripe, customer_id)
    session = (await stripe.http.get(f"/v1/checkout/sessions/{session_id}")).json()
    assert session["allowed_payment_method_types"] == ["card"]
    assert (session["mode"], session["cancel_url"]) == ("setup", CANCEL_URL)
    assert session["success_url"] == f"{SUCCESS_URL}?session_id={{CHECKOUT_SESSION_ID}}"


async def test_registration_that_was_not_finished_has_no_card(gateway, stripe: Stripe, customer_id: str) -> None:
    _, session_id = await opened(gateway, stripe, customer_id)
    with pytest.raises(CardMissing, match=f"{session_id}: the registration was not finished"):
        await gateway.card_of_setup(session_id)
    await stripe.post(f"/v1/checkout/sessions/{session_id}/expire")
    with pytest.raises(CardMissing, match=f"{session_id}: the registration was not finished"):
        await gateway.card_of_setup(session_id)


async def test_card_that_is_forgotten_is_nobodys_and_a_repeat_changes_nothing(
    gateway, stripe: Stripe, customer_id: str
) -> None:
    card = (await gateway.card_of_setup(await registered(gateway, stripe, customer_id))).card
    for _ in range(2):
        await gateway.forget_card(card.card_id)
        with pytest.raises(CardMissing, match="not a customer's card"):
            await gateway.card(card.card_id)


async def test_registered_card_that_was_detached_since_is_missing(gateway, stripe: Stripe, customer_id: str) -> None:
    session_id = await registered(gateway, stripe, customer_id)
    card = (await gateway.card_of_setup(session_id)).card
    await stripe.post(f"/v1/payment_methods/{card.card_id}/detach")
    with pytest.raises(CardMissing, match=card.card_id):
        await gateway.card_of_setup(session_id)


async def test_registered_card_that_is_another_customers_by_now_is_missing(
    gateway, stripe: Stripe, serve, customer_id: str
) -> None:
    session_id = await registered(gateway, stripe, customer_id)
    path = f"/v1/checkout/sessions/{session_id}?expand[]=setup_intent.payment_method"
    session = (await stripe.http.get(path)).json()
    other = StripePayments.connect("sk_test_any", await serve(JSONResponse(session | {"customer": "cus_other"})))
    with pytest.raises(CardMissing, match=session_id):
        await other.card_of_setup(session_id)
    await other.close()


@pytest.mark.parametrize("unknown", ["cs_test_unknown", "pi_1", "../charges", "a b"])
async def test_id_of_no_registration_is_not_found(gateway, unknown: str) -> None:
    with pytest.raises(NotFound, match="not in this Stripe account"):
        await gateway.card_of_setup(unknown)


async def test_customer_that_stripe_does_not_know_cannot_register_a_card(gateway) -> None:
    with pytest.raises(CardMissing, match="ann, cus_unknown"):
        await gateway.card_setup("cus_unknown", "ann", SUCCESS_URL, CANCEL_URL)


async def test_card_page_is_open_then_used_or_expired(gateway, stripe: Stripe, customer_id: str) -> None:
    page, session_id = await opened(gateway, stripe, customer_id)
    assert await gateway.card_page(session_id) == CardPage(session_id=session_id, state=CardPageState.OPEN, url=page)
    await stripe.http.post(page, data={"card": "pm_card_visa"})
    assert await gateway.card_page(session_id) == CardPage(session_id=session_id, state=CardPageState.USED)
    _, other = await opened(gateway, stripe, customer_id)
    await stripe.post(f"/v1/checkout/sessions/{other}/expire")
    assert (await gateway.card_page(other)).state is CardPageState.EXPIRED
    with pytest.raises(NotFound):
        await gateway.card_page("cs_test_unknown")


async def test_the_card_of_an_address_is_the_default_one_or_the_only_one(gateway, stripe: Stripe) -> None:
    async def customer(*cards: str, default: int | None = None, **fields: str) -> list[str]:
        made = await stripe.post("/v1/customers", email="ann@shop.example", **fields)
        attached = [
            str((await stripe.post(f"/v1/payment_methods/{card}/attach", customer=made["id"]))["id"]) for card in cards
        ]
        if default is not None:
            field = "invoice_settings[default_payment_method]"
            await stripe.post(f"/v1/customers/{made['id']}", **{field: attached[default]})
        return attached

    assert await gateway.cards_of("ann@shop.example") == []
    await customer()
    await customer("pm_card_visa", "pm_card_mastercard")  # which of them, nobody knows
    assert await gateway.cards_of("ann@shop.example") == []
    (only,) = await customer("pm_card_visa")
    _, second = await customer("pm_card_visa", "pm_card_mastercard", default=1)
    await customer(source="tok_amex")
    found = await gateway.cards_of("ann@shop.example")
    assert {card.card_id for card in found} >= {only, second}
    assert sorted(card.last4 for card in found) == ["4242", "4444", "8431"]
    assert await gateway.cards_of("bob@shop.example") == []
