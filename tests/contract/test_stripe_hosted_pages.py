"""The stand-in's pages for the customer's browser: the bank's authentication, and Checkout."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe

from sandbox.faults import Faults
from sandbox.stripe_api import stripe_app

SHOP = "http://shop.example/done?month=2026-11"


@dataclass
class Stand:
    """The stand-in with the browser of a customer, who has no API key."""

    v1: stripe.V1Services
    browser: httpx.AsyncClient
    customer_id: str

    async def asked(self, return_url: str | None = SHOP) -> stripe.PaymentIntent:
        """An intent whose bank asks the customer."""
        card = await self.v1.payment_methods.attach_async(
            "pm_card_authenticationRequired", {"customer": self.customer_id}
        )
        intent = await self.v1.payment_intents.create_async(
            {"amount": 123456, "currency": "eur", "customer": self.customer_id, "description": "<November>"}
        )
        confirmation: Any = {"payment_method": card.id} | ({"return_url": return_url} if return_url else {})
        return await self.v1.payment_intents.confirm_async(intent.id, confirmation)


@pytest.fixture
async def stand(serve) -> AsyncIterator[Stand]:
    url = await serve(Faults(stripe_app()))
    http = stripe.HTTPXClient(timeout=30)
    v1 = stripe.StripeClient("sk_test_any", base_addresses={"api": url}, http_client=http).v1
    customer = await v1.customers.create_async({"email": "ann@example.com"})
    async with httpx.AsyncClient(base_url=url, trust_env=False) as browser:
        yield Stand(v1, browser, customer.id)


def query_of(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def bank_page(intent: stripe.PaymentIntent) -> str:
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == SHOP
    return str(intent.next_action.redirect_to_url.url)


# --- Authentication ---


async def test_bank_page_tells_the_amount_and_that_it_is_a_sandbox(stand: Stand) -> None:
    shown = await stand.browser.get(bank_page(await stand.asked()))
    assert shown.status_code == 200
    for told in ("Sandbox", "1234.56 EUR", "3184", "&lt;November&gt;", "Complete authentication", 'lang="en"'):
        assert told in shown.text


async def test_authenticated_payment_succeeds_and_returns_to_the_shop_however_often_it_is_sent(stand: Stand) -> None:
    intent = await stand.asked()
    answers = [await stand.browser.post(bank_page(intent), data={"authentication": "complete"}) for _ in range(2)]
    for answer in answers:
        assert answer.headers["location"].startswith(SHOP)
        assert query_of(answer) == {
            "month": "2026-11",
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.client_secret,
            "redirect_status": "succeeded",
        }
    paid = await stand.v1.payment_intents.retrieve_async(intent.id)
    assert (paid.status, paid.amount_received, paid.next_action) == ("succeeded", 123456, None)
    assert len((await stand.v1.charges.list_async({"payment_intent": intent.id})).data) == 1
    assert "done already" in (await stand.browser.get(bank_page(intent))).text


async def test_failed_authentication_asks_for_a_card_again_and_moves_no_money(stand: Stand) -> None:
    intent = await stand.asked()
    answer = await stand.browser.post(bank_page(intent), data={"authentication": "fail"})
    assert query_of(answer)["redirect_status"] == "failed"
    failed = await stand.v1.payment_intents.retrieve_async(intent.id)
    assert (failed.status, failed.payment_method, failed.latest_charge) == ("requires_payment_method", None, None)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"

    card = await stand.v1.payment_methods.attach_async("pm_card_visa", {"customer": stand.customer_id})
    paid = await stand.v1.payment_intents.confirm_async(intent.id, {"payment_method": card.id, "return_url": SHOP})
    assert paid.status == "succeeded"


async def test_without_return_url_the_sdk_of_the_browser_would_ask(stand: Stand) -> None:
    intent = await stand.asked(return_url=None)
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    assert (await stand.browser.get(f"/hosted/authenticate/{intent.id}")).status_code == 404
    assert (await stand.browser.post("/hosted/authenticate/pi_no")).status_code == 404
