"""The stand-in's pages for the customer's browser: the bank's authentication, and Checkout."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stripe.api import stripe_app
from tests.contract.stripe_stand import objects

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
    http = stripe.HTTPXClient(timeout=30, verify_ssl_certs=False)
    v1 = stripe.StripeClient("sk_test_any", base_addresses={"api": url}, http_client=http).v1
    customer = await v1.customers.create_async({"email": "ann@example.com"})
    async with local_http(base_url=url) as browser:
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


# --- Checkout ---

THANKS = "http://shop.example/card?session={CHECKOUT_SESSION_ID}"
DAY_SECONDS = 24 * 60 * 60


async def checkout(stand: Stand, **more: Any) -> stripe.checkout.Session:
    params: Any = {
        "mode": "setup",
        "customer": stand.customer_id,
        "client_reference_id": "ann",
        "success_url": THANKS,
        "cancel_url": "http://shop.example/later",
        "currency": "eur",
        "metadata": {"customer_id": "ann"},
        "setup_intent_data": {"metadata": {"why": "first card"}},
    }
    return await stand.v1.checkout.sessions.create_async(params | more)


async def cards_of(stand: Stand) -> list[dict[str, Any]]:
    return await objects(stand.browser, "payment_method", customer=stand.customer_id)


async def test_checkout_offers_test_cards_with_labels_and_is_marked_as_sandbox(stand: Stand) -> None:
    session = await checkout(stand)
    assert (session.status, session.client_reference_id, session.payment_status) == (
        "open",
        "ann",
        "no_payment_required",
    )
    assert session.url is not None
    shown = (await stand.browser.get(session.url)).text
    for told in ("Sandbox", "<legend>", "4242", "4444", "9995", "9979", "0069", "3184", "Save card", "Cancel"):
        assert told in shown
    assert shown.count("<label><input") == 7


async def test_saved_card_completes_the_session_once_however_often_it_is_sent(stand: Stand) -> None:
    session = await checkout(stand)
    form = {"card": "pm_card_mastercard", "answer": "save"}
    answers = [await stand.browser.post(str(session.url), data=form) for _ in range(2)]
    assert [query_of(answer) for answer in answers] == [{"session": session.id}] * 2
    (card,) = await cards_of(stand)
    expand: Any = {"expand": ["setup_intent.payment_method"]}
    complete = await stand.v1.checkout.sessions.retrieve_async(session.id, expand)
    assert (complete.status, complete.url, complete.customer) == ("complete", None, stand.customer_id)
    setup = complete.setup_intent
    assert isinstance(setup, stripe.SetupIntent)
    assert (setup.status, setup.usage, setup.customer) == ("succeeded", "off_session", stand.customer_id)
    assert setup.to_dict()["metadata"] == {"why": "first card"}
    assert isinstance(setup.payment_method, stripe.PaymentMethod)
    assert (setup.payment_method.id, setup.payment_method.card and setup.payment_method.card.last4) == (
        card["id"],
        "4444",
    )
    assert "is saved" in (await stand.browser.get(str(session.url))).text

    paid = await stand.v1.payment_intents.create_async(
        {
            "amount": 1200,
            "currency": "eur",
            "customer": stand.customer_id,
            "payment_method": card["id"],
            "confirm": True,
            "off_session": True,
        }
    )
    assert paid.status == "succeeded"


async def test_customer_who_cancels_may_come_back(stand: Stand) -> None:
    session = await checkout(stand)
    canceled = await stand.browser.post(str(session.url), data={"answer": "cancel"})
    assert (canceled.status_code, canceled.headers["location"]) == (303, "http://shop.example/later")
    assert (await stand.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    listed = await stand.v1.checkout.sessions.list_async({"customer": stand.customer_id, "status": "open"})
    assert [each.id for each in listed.data] == [session.id]


async def test_session_expires_on_request_or_after_a_day_and_saves_no_card(stand: Stand) -> None:
    on_request, by_time = await checkout(stand), await checkout(stand)
    await stand.v1.checkout.sessions.expire_async(on_request.id)
    await stand.browser.post("/_control/clock", json={"advance_seconds": DAY_SECONDS})
    for session in (on_request, by_time):
        answer = await stand.browser.post(str(session.url), data={"card": "pm_card_visa"})
        assert answer.status_code == 410
        assert (await stand.v1.checkout.sessions.retrieve_async(session.id)).status == "expired"
        with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
            await stand.v1.checkout.sessions.expire_async(session.id)
    assert await cards_of(stand) == []


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"mode": "subscription"}, "mode"),
        ({"expires_at": 1}, "expires_at"),
        ({"currency": "xxx"}, "currency"),
        ({"customer": "cus_no"}, "customer"),
    ],
)
async def test_wrong_session_is_refused(stand: Stand, more: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await checkout(stand, **more)
    assert (refused.value.http_status, refused.value.param) == (400, param)


async def test_card_is_not_saved_for_a_deleted_customer_or_with_an_unknown_number(stand: Stand) -> None:
    session = await checkout(stand)
    assert (await stand.browser.post(str(session.url), data={"card": "pm_card_no"})).status_code == 400
    await stand.v1.customers.delete_async(stand.customer_id)
    assert (await stand.browser.post(str(session.url), data={"card": "pm_card_visa"})).status_code == 400
    assert (await stand.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    assert (await stand.browser.get("/hosted/checkout/cs_test_no")).status_code == 404
