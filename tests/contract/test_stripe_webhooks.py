"""The stand-in's events: what is announced, how it is delivered and signed, and how delivery goes wrong on demand."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.stack.stand_ins import serve as serve_stand_in
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stripe import webhooks as stripe_webhooks
from sandbox.stripe.api import stripe_app
from tests.contract.stripe_stand import objects

SECRET = "whsec_test"


@dataclass
class Receiver:
    """Our side: an ASGI app that keeps what was delivered; it answers with `statuses`, by the object's name, or 200."""

    statuses: dict[str, int] = field(default_factory=dict)
    received: list[stripe.Event] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        event = stripe.Webhook.construct_event(  # raises unless the signature is right
            await request.body(), request.headers["stripe-signature"], SECRET
        )
        self.received.append(event)
        name = event.to_dict()["data"]["object"].get("name")
        await Response(status_code=self.statuses.get(name, 200))(scope, receive, send)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.received]


@dataclass
class Stand:
    """The stand-in, which delivers to the receiver."""

    v1: stripe.V1Services
    control: httpx.AsyncClient
    receiver: Receiver

    async def tell(self, path: str, **wanted: Any) -> Any:
        response = await self.control.post(f"/_control/{path}", json=wanted)
        return response.raise_for_status().json()

    async def shown(self) -> Any:
        return (await self.control.get("/_control/webhooks")).json()

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """What the control surface shows once the condition holds of it."""
        async with asyncio.timeout(20):
            while not condition(shown := await self.shown()):
                await asyncio.sleep(0.02)
        return shown

    async def until_delivered(self) -> Any:
        return await self.until(lambda shown: "pending" not in shown["counts"])

    async def customers(self, count: int) -> list[str]:
        return [(await self.v1.customers.create_async({"name": str(number)})).id for number in range(count)]

    def announced(self) -> list[str]:
        """The ids of the objects that the deliveries tell of, in order of arrival."""
        return [event.data.object["id"] for event in self.receiver.received]


def client(url: str) -> stripe.V1Services:
    http = stripe.HTTPXClient(timeout=30, verify_ssl_certs=False)
    return stripe.StripeClient("sk_test_any", base_addresses={"api": url}, http_client=http).v1


@pytest.fixture
async def stand(serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr(stripe_webhooks, "FIRST_RETRY_SECONDS", 0.01)
    receiver = Receiver()
    url = await serve(Faults(stripe_app()))
    async with local_http(base_url=url) as control:
        stand = Stand(client(url), control, receiver)
        await stand.tell("webhooks", url=await serve(receiver), secret=SECRET)
        yield stand


# --- What is announced ---


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


# --- Delivery ---


async def test_events_arrive_in_order_and_what_is_refused_comes_again_while_others_go_on(stand: Stand) -> None:
    stand.receiver.statuses = {"0": 302}
    refused, *others = await stand.customers(4)
    shown = await stand.until(lambda shown: shown["deliveries"][-1]["attempts"] > 2)
    assert shown["deliveries"][-1]["last_status"] == 302
    shown = await stand.until(lambda shown: shown["counts"] == {"delivered": 3, "pending": 1})
    assert [each for each in stand.announced() if each != refused] == others
    stand.receiver.statuses.clear()
    assert (await stand.until_delivered())["counts"] == {"delivered": 4}
    assert stand.announced()[-1] == refused


async def test_receiver_that_never_answers_well_is_given_up_and_can_be_sent_to_again(stand: Stand, serve) -> None:
    shown = await stand.shown()
    await stand.tell("webhooks", url=shown["url"], secret=SECRET, attempts_max=3)
    stand.receiver.statuses = {"0": 500}
    await stand.customers(1)
    (delivery,) = (await stand.until_delivered())["deliveries"]
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("gave_up", 3, 500)

    stand.receiver.statuses.clear()
    await stand.tell("webhooks/resend", event=delivery["event"])
    (delivery,) = (await stand.until_delivered())["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 4)
    assert len({event.id for event in stand.receiver.received}) == 1
    assert (await stand.control.post("/_control/webhooks/resend", json={"event": "evt_no"})).status_code == 404


async def test_nothing_is_sent_while_delivery_is_off_and_events_of_that_time_stay_unsent(stand: Stand) -> None:
    url = (await stand.shown())["url"]
    await stand.tell("webhooks", url=None)
    await stand.customers(1)
    await stand.tell("webhooks", url=url, secret=SECRET)
    (later,) = await stand.customers(1)
    await stand.until_delivered()
    assert stand.announced() == [later]
    assert len(await objects(stand.control, "event")) == 2
    wrong = await stand.control.post("/_control/webhooks", json={"url": "nowhere"})
    assert wrong.status_code == 422


def test_undelivered_events_and_their_destination_survive_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "stripe.jsonl"

    @asynccontextmanager
    async def started() -> AsyncIterator[Stand]:
        async with serve_stand_in(Faults(stripe_app(journal))) as port:
            url = f"http://127.0.0.1:{port}"
            async with local_http(base_url=url) as control:
                yield Stand(client(url), control, Receiver())

    async def nobody_listens() -> None:
        async with started() as stand:
            await stand.tell("webhooks", url="http://127.0.0.1:9/", secret=SECRET)
            await stand.customers(2)
            await stand.until(lambda shown: all(each["attempts"] for each in shown["deliveries"]))

    async def somebody_listens() -> Receiver:
        async with started() as stand, serve_stand_in(stand.receiver) as port:
            shown = await stand.shown()
            assert (shown["url"], shown["counts"]) == ("http://127.0.0.1:9/", {"pending": 2})
            await stand.tell("webhooks", url=f"http://127.0.0.1:{port}", secret=SECRET)
            await stand.until_delivered()
            return stand.receiver

    asyncio.run(nobody_listens())
    assert asyncio.run(somebody_listens()).types == ["customer.created"] * 2
    kinds = Counter(json.loads(line)["kind"] for line in journal.read_text().splitlines())
    assert kinds["webhook"] == 2


# --- Faults on demand ---


async def test_duplicate_is_the_same_event_twice(stand: Stand) -> None:
    await stand.tell("webhooks/faults", kind="duplicate")
    first, second = await stand.customers(2)
    await stand.until(lambda shown: sum(each["attempts"] for each in shown["deliveries"]) == 3)
    assert Counter(stand.announced()) == {first: 2, second: 1}
    assert len({event.id for event in stand.receiver.received}) == 2


async def test_reordered_events_follow_their_successor(stand: Stand) -> None:
    await stand.tell("webhooks/faults", kind="reorder", times=None, seconds=60)
    first, second, third, fourth = await stand.customers(4)
    await stand.until_delivered()
    assert stand.announced() == [second, first, fourth, third]


async def test_reordered_event_without_successor_and_delayed_event_come_late(stand: Stand) -> None:
    await stand.tell("webhooks/faults", kind="delay", type="updated$", seconds=0.3)
    (customer,) = await stand.customers(1)
    await stand.v1.customers.update_async(customer, {"name": "Ann"})
    await stand.v1.customers.delete_async(customer)
    await stand.until_delivered()
    assert stand.receiver.types == ["customer.created", "customer.deleted", "customer.updated"]

    await stand.tell("webhooks/faults", kind="reorder", seconds=0.05)
    (last,) = await stand.customers(1)
    await stand.until_delivered()
    assert stand.announced()[-1] == last


async def test_dropped_events_are_never_delivered_but_kept(stand: Stand) -> None:
    await stand.tell("webhooks/faults", kind="drop", type=r"^customer\.created$", times=2)
    *lost, third = await stand.customers(3)
    shown = await stand.until_delivered()
    assert stand.announced() == [third]
    assert shown["counts"] == {"dropped": 2, "delivered": 1}
    assert shown["faults"][0]["fired"] == 2
    kept = await objects(stand.control, "event")
    assert {event["data"]["object"]["id"] for event in kept} == {*lost, third}

    dropped = next(each["event"] for each in shown["deliveries"] if each["state"] == "dropped")
    await stand.tell("webhooks/resend", event=dropped)
    assert (await stand.until_delivered())["counts"] == {"dropped": 1, "delivered": 2}


async def test_same_seed_brings_the_same_faults(stand: Stand) -> None:
    async def dropped() -> list[bool]:
        await stand.control.delete("/_control/webhooks/faults")
        await stand.tell("webhooks/faults/seed", seed=7)
        await stand.tell("webhooks/faults", kind="drop", times=None, probability=0.5)
        await stand.customers(12)
        shown = await stand.until_delivered()
        return [each["state"] == "dropped" for each in shown["deliveries"][:12]]

    first = await dropped()
    assert set(first) == {True, False}
    assert await dropped() == first


async def test_wrong_fault_is_refused(stand: Stand) -> None:
    for wrong in ({"kind": "eaten"}, {"kind": "drop", "type": "("}, {"kind": "drop", "probability": 2}):
        assert (await stand.control.post("/_control/webhooks/faults", json=wrong)).status_code == 422
