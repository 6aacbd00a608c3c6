"""The stand-in's events: what is announced, and by which request it was caused."""

from collections import Counter
from typing import Any

import stripe

from tests.contract.webhook_fixtures import Stand, stand

__all__ = ["stand"]  # fixture


async def test_payment_is_announced_step_by_step_with_the_request_that_caused_it(stand: Stand) -> None:
    customer = await stand.v1.customers.create_async({"email": "ann@example.com"})
    card = await stand.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    intent = await stand.v1.payment_intents.create_async(
        {"amount": 1200, "currency": "eur", "customer": customer.id, "payment_method": card.id}
    )
    confirmed = await stand.v1.payment_intents.confirm_async(intent.id, {}, {"idempotency_key": "k"})
    await stand.v1.payment_intents.confirm_async(intent.id, {}, {"idempotency_key": "k"})  # replayed: no news
    await stand.until_delivered()
    assert stand.receiver.types == [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
    ]
    succeeded = stand.receiver.received[3]
    assert succeeded.data.object["status"] == "succeeded"
    assert (succeeded.api_version, succeeded.livemode, succeeded.pending_webhooks) == (stripe.api_version, False, 1)
    assert succeeded.request is not None
    assert confirmed.last_response is not None
    assert succeeded.request.to_dict() == {"id": confirmed.last_response.request_id, "idempotency_key": "k"}
    assert stand.receiver.received[2].data.object["status"] == "requires_confirmation"  # as it was then


async def payment(stand: Stand, customer: str, card: str, behaviour: str, settled: str | None = None) -> str:
    """The id of an intent whose card behaves so: it is cancelled after a decline, else it may be ``settled`` later."""
    await stand.tell(f"cards/{card}", behaviour=behaviour)
    params: Any = {"amount": 1200, "currency": "eur", "customer": customer, "payment_method": card}
    intent = await stand.v1.payment_intents.create_async(params)
    try:
        await stand.v1.payment_intents.confirm_async(intent.id)
    except stripe.CardError:
        await stand.v1.payment_intents.cancel_async(intent.id)
    if settled:
        await stand.tell(f"payment_intents/{intent.id}", behaviour=settled)
    return intent.id


async def card_pages(stand: Stand, customer: str) -> None:
    """One is completed, the other expires."""
    params: Any = {"mode": "setup", "customer": customer, "currency": "eur", "success_url": "http://shop.example"}
    saved, expired = [await stand.v1.checkout.sessions.create_async(params) for _ in range(2)]
    await stand.control.post(str(saved.url), data={"card": "pm_card_visa"})
    await stand.v1.checkout.sessions.expire_async(expired.id)


async def test_every_other_change_is_announced_too(stand: Stand) -> None:
    v1 = stand.v1
    customer = (await v1.customers.create_async({})).id
    card = (await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})).id
    await payment(stand, customer, card, "decline:lost_card")
    await payment(stand, customer, card, "authentication_required", settled="succeed")
    paid = await payment(stand, customer, card, "processing", settled="succeed")
    await v1.refunds.create_async({"payment_intent": paid, "amount": 100})
    dispute = await stand.tell("disputes", payment_intent=paid)
    await stand.tell(f"disputes/{dispute['id']}", status="lost")
    await v1.customers.update_async(customer, {"name": "Ann"})
    await v1.payment_methods.detach_async(card)
    await card_pages(stand, customer)
    await v1.customers.delete_async(customer)

    await stand.until_delivered()
    assert Counter(stand.receiver.types) == {
        "customer.created": 1,
        "payment_method.attached": 2,
        "payment_intent.created": 3,
        "payment_intent.payment_failed": 1,
        "charge.failed": 1,
        "payment_intent.canceled": 1,
        "payment_intent.requires_action": 1,
        "payment_intent.processing": 1,
        "payment_intent.succeeded": 2,
        "charge.succeeded": 2,
        "charge.refunded": 1,
        "charge.dispute.created": 1,
        "charge.dispute.closed": 1,
        "customer.updated": 1,
        "payment_method.detached": 2,
        "setup_intent.succeeded": 1,
        "checkout.session.completed": 1,
        "checkout.session.expired": 1,
        "customer.deleted": 1,
    }
    updated = next(event for event in stand.receiver.received if event.type == "customer.updated")
    assert updated.to_dict()["data"]["previous_attributes"] == {"name": None}
