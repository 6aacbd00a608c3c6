"""The stand-in's events: how they are delivered, repeated and given up, and how that goes wrong on demand."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.stack.stand_ins import serve as serve_stand_in
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stripe.api import stripe_app
from tests.contract.stripe_stand import objects
from tests.contract.webhook_fixtures import SECRET, Receiver, Stand, client, stand

__all__ = ["stand"]  # fixture


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
