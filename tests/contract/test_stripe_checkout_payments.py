"""The stand-in's Checkout in payment mode: opened and expired by the SDK, paid, declined or left in a browser."""

import time
from typing import Any

import pytest
import stripe

from tests.contract.stripe_stand import objects
from tests.contract.test_stripe_hosted_pages import Stand, query_of, stand

__all__ = ["stand"]  # fixture

LEFT = "http://shop.example/left"
MINUTE_SECONDS = 60


def params(stand: Stand, amount: int = 12345, currency: str = "eur", **more: Any) -> Any:
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Invoice for <November>"}}
    return {
        "mode": "payment",
        "customer": stand.customer_id,
        "client_reference_id": "link-1",
        "success_url": "http://shop.example/paid?session={CHECKOUT_SESSION_ID}",
        "cancel_url": LEFT,
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": {"description": "November", "metadata": {"customer_id": "ann"}},
        "adaptive_pricing": {"enabled": False},
        **more,
    }


async def opened(stand: Stand, **more: Any) -> stripe.checkout.Session:
    return await stand.v1.checkout.sessions.create_async(params(stand, **more))


async def now(stand: Stand, session: stripe.checkout.Session) -> stripe.checkout.Session:
    expand: Any = {"expand": ["payment_intent"]}
    return await stand.v1.checkout.sessions.retrieve_async(session.id, expand)


async def pay(stand: Stand, session: stripe.checkout.Session, card: str = "pm_card_visa") -> Any:
    return await stand.browser.post(str(session.url), data={"card": card, "answer": "pay"})


async def told(stand: Stand, group: str = "checkout.session.") -> list[str]:
    """The types of a group's events, oldest first."""
    events = await objects(stand.browser, "event")
    return [event["type"].removeprefix(group) for event in events if event["type"].startswith(group)]


async def test_page_tells_what_is_paid_and_that_it_is_a_sandbox(stand: Stand) -> None:
    session = await opened(stand)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 12345)
    assert session.payment_intent is None, "it is made when the customer pays"
    shown = (await stand.browser.get(str(session.url))).text
    for words in ("Sandbox", "Invoice for &lt;November&gt;", "Pay 123.45 EUR", "ann@example.com", "Takes days", "Back"):
        assert words in shown


async def test_paid_session_is_complete_once_however_often_it_is_sent(stand: Stand) -> None:
    session = await opened(stand)
    answers = [await pay(stand, session) for _ in range(2)]
    assert [query_of(answer) for answer in answers] == [{"session": session.id}] * 2
    paid = await now(stand, session)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.amount_received, intent.customer) == ("succeeded", 12345, stand.customer_id)
    assert (intent.description, intent.to_dict()["metadata"]) == ("November", {"customer_id": "ann"})
    assert len((await stand.v1.charges.list_async({"payment_intent": intent.id})).data) == 1
    listed = await stand.v1.checkout.sessions.list_async({"payment_intent": intent.id})
    assert [each.id for each in listed.data] == [session.id]
    assert await objects(stand.browser, "payment_method", customer=stand.customer_id) == [], "no card is kept"
    assert await told(stand) == ["completed"]
    assert "You have paid" in (await stand.browser.get(str(session.url))).text


async def test_declined_customer_may_try_another_card(stand: Stand) -> None:
    session = await opened(stand)
    refused = await pay(stand, session, "pm_card_chargeCustomerFailInsufficientFunds")
    assert (refused.status_code, "insufficient funds" in refused.text) == (402, True)
    assert (await now(stand, session)).status == "open"
    assert (await pay(stand, session)).status_code == 303
    paid = await now(stand, session)
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    charges = await stand.v1.charges.list_async({"payment_intent": paid.payment_intent.id})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]


async def test_customer_who_leaves_may_come_back(stand: Stand) -> None:
    session = await opened(stand)
    left = await stand.browser.post(str(session.url), data={"answer": "cancel"})
    assert (left.status_code, left.headers["location"]) == (303, LEFT)
    assert (await now(stand, session)).status == "open"
    assert (await pay(stand, session)).status_code == 303


@pytest.mark.parametrize("decision", ["complete", "fail"])
async def test_bank_may_ask_the_customer_on_the_way(stand: Stand, decision: str) -> None:
    session = await opened(stand)
    asked = await pay(stand, session, "pm_card_authenticationRequired")
    back = await stand.browser.post(asked.headers["location"], data={"authentication": decision})
    there = await stand.browser.get(back.headers["location"])
    if decision == "complete":
        assert query_of(there) == {"session": session.id}
        assert await told(stand) == ["completed"]
    else:
        assert (there.status_code, "could not confirm" in there.text) == (402, True)
        assert (await now(stand, session)).status == "open"


@pytest.mark.parametrize(
    ("behaviour", "status", "event"),
    [
        ("succeed", "paid", "async_payment_succeeded"),
        ("decline:insufficient_funds", "unpaid", "async_payment_failed"),
    ],
)
async def test_outcome_that_takes_days_is_told_when_it_is_known(
    stand: Stand, behaviour: str, status: str, event: str
) -> None:
    session = await opened(stand)
    assert (await pay(stand, session, "pm_card_processing")).status_code == 303
    waiting = await now(stand, session)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert isinstance(waiting.payment_intent, stripe.PaymentIntent)
    decided = await stand.browser.post(
        f"/_control/payment_intents/{waiting.payment_intent.id}", json={"behaviour": behaviour}
    )
    assert decided.status_code == 200
    assert (await now(stand, session)).payment_status == status
    assert await told(stand) == ["completed", event]


async def test_session_expires_on_request_or_when_its_time_is_over_and_takes_no_money(stand: Stand) -> None:
    soon = int(time.time()) + 31 * MINUTE_SECONDS
    on_request, by_time = await opened(stand), await opened(stand, expires_at=soon)
    await pay(stand, on_request, "pm_card_chargeCustomerFail")
    await stand.v1.checkout.sessions.expire_async(on_request.id)
    await stand.browser.post("/_control/clock", json={"advance_seconds": 32 * MINUTE_SECONDS})
    for session in (on_request, by_time):
        assert (await pay(stand, session)).status_code == 410
        assert (await now(stand, session)).status == "expired"
    intent = (await now(stand, on_request)).payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.status == "canceled"
    assert await told(stand) == ["expired", "expired"]


async def test_paid_session_cannot_expire(stand: Stand) -> None:
    session = await opened(stand)
    await pay(stand, session)
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        await stand.v1.checkout.sessions.expire_async(session.id)


async def test_intent_of_a_session_cannot_be_cancelled_past_it(stand: Stand) -> None:
    session = await opened(stand)
    await pay(stand, session, "pm_card_chargeCustomerFail")
    intent = (await now(stand, session)).payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
        await stand.v1.payment_intents.cancel_async(intent.id)


async def test_the_same_key_gets_the_same_session(stand: Stand) -> None:
    key: Any = {"idempotency_key": "link-1"}
    wanted = params(stand)
    first, again = [await stand.v1.checkout.sessions.create_async(wanted, key) for _ in range(2)]
    assert first.id == again.id


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"amount": 49}, "amount_too_small"),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small"),
        ({"amount": 1_000_000_000_000}, "amount_too_large"),
        ({"amount": 12345, "currency": "bhd"}, "parameter_invalid_integer"),
        ({"line_items": []}, "parameter_missing"),
        ({"customer": "cus_no"}, "resource_missing"),
    ],
)
async def test_wrong_session_is_refused(stand: Stand, wanted: dict[str, Any], code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await opened(stand, **wanted)
    assert (refused.value.http_status, refused.value.code) == (400, code)


@pytest.mark.parametrize("minutes", [29, 24 * 60 + 1])
async def test_session_lives_from_half_an_hour_to_a_day(stand: Stand, minutes: int) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="between 30 minutes and 24 hours"):
        await opened(stand, expires_at=int(time.time()) + minutes * MINUTE_SECONDS)


async def test_card_is_not_taken_with_an_unknown_number(stand: Stand) -> None:
    assert (await pay(stand, await opened(stand), "pm_card_no")).status_code == 400
