"""The stand-in's journal: every change and request is in it, and all of the stand-in comes back from it."""

from typing import Any

import pytest
import stripe

from sandbox.stripe.api import stripe_app
from tests.contract.stripe_stand import Stand, client, stand
from tests.full_disk import full_disk

__all__ = ["stand"]  # fixture


async def test_journal_rebuilds_objects_keys_clock_and_cards_after_a_kill(stand: Stand, serve) -> None:
    intent = await stand.intent()
    paid = await stand.confirm(intent, key="k")
    await stand.tell(f"cards/{intent.payment_method}", behaviour="decline:lost_card")
    await stand.tell("clock", advance_seconds=1000)
    with stand.journal.open("a") as file:
        file.write('{"at": "torn')  # what a kill in the middle of a write leaves

    restarted = client(await serve(stripe_app(stand.journal)))
    assert (await restarted.payment_intents.retrieve_async(intent.id)).to_dict() == paid.to_dict()
    replayed = await restarted.payment_intents.confirm_async(
        intent.id, {"payment_method": str(intent.payment_method), "off_session": True}, {"idempotency_key": "k"}
    )
    assert (replayed.status, replayed.latest_charge) == ("succeeded", paid.latest_charge)
    assert (await restarted.customers.create_async()).created >= paid.created + 1000
    params: Any = {"amount": 500, "currency": "eur", "customer": intent.customer, "confirm": True}
    with pytest.raises(stripe.CardError):
        await restarted.payment_intents.create_async(params | {"payment_method": intent.payment_method})


async def test_on_a_full_disk_nothing_is_acknowledged_and_a_repeat_is_once_there_is_room(stand: Stand, serve) -> None:
    intent = await stand.intent()
    with full_disk(stand.journal, room=1000), pytest.raises(stripe.APIError):
        await stand.confirm(intent, key="k")
    paid = await stand.confirm(intent, key="k")
    assert paid.status == "succeeded"
    restarted = client(await serve(stripe_app(stand.journal)))
    assert (await restarted.payment_intents.retrieve_async(intent.id)).to_dict() == paid.to_dict()
    assert len([line for line in stand.lines("object") if line["object"]["object"] == "charge"]) == 1


async def test_journal_tells_every_change_and_every_post(stand: Stand) -> None:
    intent = await stand.intent(key="k")
    await stand.confirm(intent)
    with pytest.raises(stripe.AuthenticationError):
        await client(stand.url, "wrong").payment_intents.create_async({"amount": 1200, "currency": "eur"})

    snapshots = [line["object"] for line in stand.lines("object") if line["object"]["id"] == intent.id]
    assert [each["status"] for each in snapshots] == ["requires_confirmation", "succeeded"]
    requests = stand.lines("request")
    assert [each["path"].removeprefix("/v1/").split("/")[0] for each in requests[:2]] == [
        "customers",
        "payment_methods",
    ]
    created, confirmed, refused = requests[2:]
    assert (created["idempotency_key"], created["stored"], created["body"]["id"]) == ("k", True, intent.id)
    assert created["params"]["metadata"]["period"] == "2026-11"
    assert (confirmed["path"], confirmed["status"]) == (f"/v1/payment_intents/{intent.id}/confirm", 200)
    assert (refused["status"], refused["stored"]) == (401, False)
    served = await stand.control.get("/_control/journal")
    assert served.text == stand.journal.read_text()
