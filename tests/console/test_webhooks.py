"""Stripe's webhooks: stored before the answer, handled once, whatever order and number they come in."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from billing.collections.stages import CollectionStage
from billing.mails.mail import CustomerMailKind
from billing.payments.payment import PaymentEvent
from billing.period import Period
from bootstrap_adapters import SANDBOX_STRIPE_KEY, SANDBOX_WEBHOOK_SECRET
from inbound.inbox import GIVEN_UP_AFTER
from inbound.stripe_webhooks import MAX_BODY_BYTES
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.console.conftest import Desk, console
from tests.suggested import todo

Make = Callable[..., dict[str, Any]]


async def paid(desk: Desk) -> str:
    """A month that was paid; the id of its payment."""
    await desk.bed.monitored()
    await desk.bed.closed()
    return str(desk.bed.intents()[0]["id"])


async def told(desk: Desk, word: str) -> int:
    """How often reviewers were told so."""
    return (await desk.bed.told()).count(word)


async def test_duplicated_events_are_handled_once(desk: Desk) -> None:
    await desk.bed.stripe_control("webhooks/faults", {"kind": "duplicate", "times": None})
    payment_id = await paid(desk)
    await desk.bed.stripe_control("disputes", {"payment_intent": payment_id})
    await desk.all_done()
    assert await told(desk, "Dispute of 100.00 EUR") == 1


async def test_reordered_events_come_to_the_same(desk: Desk) -> None:
    await desk.bed.stripe_control("webhooks/faults", {"kind": "reorder", "times": None, "seconds": 0.2})
    await desk.overdue("authentication_required")
    bank = (await desk.browser.post(f"{desk.page()}/pay")).headers["location"]
    await desk.browser.post(bank, data={"authentication": "complete"})  # only webhooks tell of it
    assert (await desk.settled()).outcome is CollectionStage.RECOVERED
    await desk.all_done()
    assert [row.status for row in await desk.bed.ledger.payments("acme", Period(OCTOBER))] == ["succeeded"]
    assert desk.bed.charged() == [(OCTOBER, 10000)]


async def test_a_refund_made_at_stripe_is_in_the_ledger_and_told(desk: Desk) -> None:
    payment_id = await paid(desk)
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        form = {"payment_intent": payment_id, "amount": "2500"}
        (await http.post(f"{desk.bed.stripe_url}/v1/refunds", data=form)).raise_for_status()
    await desk.all_done()
    assert await told(desk, "Refund of 25.00 EUR") == 1
    assert [row.amount_minor for row in await desk.bed.ledger.reversals()] == [2500]


async def test_forged_stale_and_unreadable_events_are_refused_and_not_stored(desk: Desk, event: Make) -> None:
    real = event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"})
    for answer in (
        await desk.deliver(real, secret="whsec_guessed"),
        await desk.deliver(real, sent_at=int(time.time()) - 400),
        await desk.deliver({"id": "evt_1"}),
        await desk.browser.post("/webhooks/stripe", json=real),
        await desk.browser.post("/webhooks/stripe", content=b"\xff", headers={"Stripe-Signature": "t=1,v1=00"}),
    ):
        assert answer.status_code == 400
        assert len(answer.text) < 100
    assert desk.events() == {}


async def test_what_is_signed_covers_every_byte(desk: Desk, event: Make) -> None:
    real = event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"})
    signature = stripe.WebhookSignature.generate_signature_header(json.dumps(real), SANDBOX_WEBHOOK_SECRET)
    other = json.dumps(real | {"id": "evt_2"})
    answer = await desk.browser.post("/webhooks/stripe", content=other, headers={"Stripe-Signature": signature})
    assert answer.status_code == 400


async def test_a_huge_body_is_refused(desk: Desk) -> None:
    assert (await desk.browser.post("/webhooks/stripe", content=b" " * (MAX_BODY_BYTES + 1))).status_code == 413


async def test_events_that_do_not_concern_us_are_stored_and_ignored(desk: Desk, event: Make) -> None:
    assert (await desk.deliver(event("customer.updated", {"id": "cus_1"}))).status_code == 200
    assert (await desk.deliver(event("balance.available", {"object": "balance"}, "evt_2"))).status_code == 200
    assert desk.events() == {"evt_1": "ignored", "evt_2": "ignored"}
    assert (await desk.deliver(event("customer.updated", {"id": "cus_1"}))).text == "stored already\n"


async def test_a_card_that_its_network_has_updated_is_named_by_its_new_digits(desk: Desk) -> None:
    month = await desk.bed.monitored()
    assert month.customer.card_on_file.last4 == "4242"
    await desk.bed.announced()
    charge_at = (await desk.bed.month("acme")).charge_at
    await desk.bed.stripe_control(f"cards/{month.customer.card_on_file.card_id}/renewal", {"last4": "1881"})
    await desk.all_done()
    month = await desk.bed.month("acme")
    assert month.customer.card_on_file.last4 == "1881"
    assert (month.announced, month.charge_at) == (True, charge_at), "amount, date and account are as announced"
    await desk.bed.closed()
    letters = {row.kind: row.text for row in await desk.bed.ledger.messages("acme", Period(OCTOBER))}
    assert "4242" in letters[CustomerMailKind.NOTICE]
    assert "1881" in letters[CustomerMailKind.RECEIPT]


async def test_what_is_owed_is_collected_by_the_digits_of_the_updated_card(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.stripe_control(f"cards/{month.customer.card_on_file.card_id}/renewal", {"last4": "1881"})
    await desk.bed.collects(lambda collection: collection.customer.card_on_file.last4 == "1881")
    await desk.all_done()
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "1881"


async def test_payments_and_registrations_of_others_are_closed_with_the_reason(desk: Desk, event: Make) -> None:
    await desk.deliver(event("payment_intent.succeeded", {"id": "pi_unknown", "object": "payment_intent"}))
    await desk.deliver(event("checkout.session.completed", {"id": "cs_test_unknown"}, "evt_2"))
    done = await desk.all_done("evt_1", "evt_2")
    assert all(result.startswith("nothing done: ") for result in done.values())


async def test_an_event_that_was_stored_by_a_console_that_died_is_handled_by_the_next(bed: Bed) -> None:
    await bed.monitored()
    await bed.closed()
    payment_id = bed.intents()[0]["id"]
    now = datetime.now(UTC)
    stored = PaymentEvent(
        event_id="evt_left",
        type="payment_intent.succeeded",
        object_id=payment_id,
        payment_id=payment_id,
        created_at=now,
    )
    await bed.ledger.save_event(stored, now)
    async with console(bed) as desk:
        assert (await desk.all_done("evt_left"))["evt_left"] == "succeeded"


@pytest.mark.parametrize(
    ("kind", "subject", "command"),
    [
        ("payment_intent.succeeded", "pi_bad", "reconcile --period "),
        ("checkout.session.completed", "cs_test_bad", "customers registrations --finish"),
    ],
)
async def test_an_event_that_cannot_be_handled_for_days_is_given_up_and_reviewers_are_told(
    bed: Bed, kind: str, subject: str, command: str
) -> None:
    await bed.stripe_fault(path=subject, method="GET", kind="status", status=500, times=None)
    payment_id = subject if subject.startswith("pi_") else ""
    for event_id, age in (("evt_old", GIVEN_UP_AFTER + timedelta(minutes=1)), ("evt_young", timedelta(days=2))):
        at = datetime.now(UTC) - age
        stored = PaymentEvent(
            event_id=event_id,
            type=kind,
            object_id=f"{subject}_{event_id}",
            payment_id=payment_id and f"{payment_id}_{event_id}",
            created_at=at,
        )
        await bed.ledger.save_event(stored, at)
    async with console(bed) as desk:
        async with asyncio.timeout(30):
            while not desk.events()["evt_old"]:
                await asyncio.sleep(0.02)
        assert desk.events()["evt_old"].startswith("given up: ")
        assert desk.events()["evt_young"] == ""
    (alert,) = await bed.ledger.alerts()
    assert "event evt_old about " in alert.text
    assert todo(alert).startswith(f"python starter.py {command}")
    assert "evt_young" not in await bed.told()


async def test_an_event_that_fails_is_tried_again_and_holds_up_no_other(desk: Desk, event: Make) -> None:
    payment_id = await paid(desk)
    await desk.all_done()
    bad = {"id": "pi_bad", "object": "payment_intent"}
    await desk.bed.stripe_fault(path="payment_intents/pi_bad", method="GET", kind="status", status=500, times=2)
    await desk.deliver(event("payment_intent.succeeded", bad, "evt_bad"))
    await desk.deliver(event("payment_intent.succeeded", {"id": payment_id, "object": "payment_intent"}, "evt_good"))
    while not (done := desk.events())["evt_good"]:
        await asyncio.sleep(0.02)
    assert done["evt_bad"] == ""
    assert (await desk.all_done())["evt_bad"].startswith("nothing done")
