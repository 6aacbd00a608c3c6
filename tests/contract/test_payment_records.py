"""What webhooks and reconciliation rely on: what Stripe has on record, and who says so."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from stripe import Dispute, Refund, WebhookSignature

from adapters.stripe.objects import reversal_of
from adapters.stripe.payments import StripePayments
from billing.errors import InvalidInput, NotFound, PaymentForbidden, PaymentUnknown
from billing.payments.payment import Payment, PaymentEvent, PaymentStatus, ReversalKind
from tests.contract.payment_fixtures import WEBHOOK_SECRET, Stripe, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures


async def since(gateway: StripePayments, instant: datetime) -> list[Payment]:
    return [payment async for payment in gateway.payments_since(instant) if isinstance(payment, Payment)]


async def paid(gateway: StripePayments, stripe: Stripe) -> Payment:
    request = await stripe.request()
    return await gateway.confirm(await gateway.create(request), request)


async def test_payment_is_as_it_is_now(gateway, stripe: Stripe) -> None:
    request = await stripe.request()
    created = await gateway.create(request)
    assert await gateway.payment(created.payment_id) == created
    confirmed = await gateway.confirm(created, request)
    assert await gateway.payment(created.payment_id) == confirmed


async def test_payment_that_stripe_does_not_know_is_not_found(gateway) -> None:
    with pytest.raises(NotFound, match="pi_unknown is not in this Stripe account"):
        await gateway.payment("pi_unknown")


async def test_payments_of_the_account_are_told_on_every_page_newest_first(gateway, stripe: Stripe) -> None:
    begin = datetime.now(UTC)
    made = [await stripe.post("/v1/payment_intents", amount="100", currency="eur") for _ in range(101)]
    ours = await paid(gateway, stripe)
    found = await since(gateway, begin)
    assert [payment.payment_id for payment in found] == [ours.payment_id, *(each["id"] for each in reversed(made))]
    assert found[0] == ours
    assert (found[1].status, found[1].key, found[1].payer_id) == (PaymentStatus.NEW, "", "")


async def test_payments_are_told_since_an_instant(gateway, stripe: Stripe) -> None:
    before = await paid(gateway, stripe)
    await stripe.http.post("/_control/clock", json={"advance_seconds": 60})
    after = await paid(gateway, stripe)
    assert await since(gateway, after.created_at) == [after]
    assert await since(gateway, after.created_at - timedelta(seconds=1)) == [after]
    assert await since(gateway, before.created_at) == [after, before]
    assert await since(gateway, after.created_at + timedelta(seconds=1)) == []


FOREIGN = [
    {"status": "requires_capture"},
    {"status": "a_state_of_the_future"},
    {"status": "requires_action", "next_action": {"type": "display_bank_transfer_instructions"}},
    {"customer": None, "metadata": {}, "latest_charge": None},
    {"metadata": {"period": "whenever", "customer_id": "someone", "order": "7"}},
    {"customer": {"id": "cus_1", "object": "customer", "deleted": True}},
]


@pytest.mark.parametrize("changes", FOREIGN, ids=str)
async def test_payment_that_others_made_is_told_whatever_state_it_is_in(
    gateway, serve, stripe: Stripe, changes: dict[str, Any]
) -> None:
    ours = await paid(gateway, stripe)
    (intent,) = await stripe.intents()
    page = {"object": "list", "url": "/v1/payment_intents", "has_more": False, "data": [intent | changes]}
    elsewhere = StripePayments.connect("sk_test_any", await serve(JSONResponse(page)))
    (found,) = await since(elsewhere, ours.created_at)
    assert found.payment_id == ours.payment_id
    assert ("status" in changes) == (found.status is not PaymentStatus.SUCCEEDED)
    await elsewhere.close()


@pytest.mark.parametrize("second", [{}, [], {"object": "list"}, {"object": "list", "data": [{"object": "charge"}]}])
async def test_page_of_another_shape_is_not_the_end_of_the_list(gateway, serve, stripe: Stripe, second: object) -> None:
    ours = await paid(gateway, stripe)
    page = {"object": "list", "url": "/v1/payment_intents", "has_more": True, "data": await stripe.intents()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        first = "starting_after" not in Request(scope).query_params if scope["type"] == "http" else True
        await JSONResponse(page if first else second)(scope, receive, send)

    elsewhere = StripePayments.connect("sk_test_any", await serve(app))
    with pytest.raises(PaymentUnknown):
        await since(elsewhere, ours.created_at)
    await elsewhere.close()


@pytest.mark.parametrize(
    ("kind", "words", "is_decided", "has_moved"),
    [
        (Refund, "succeeded", True, True),
        (Refund, "pending", False, True),
        (Refund, "requires_action a_state_of_the_future", False, False),
        (Refund, "failed canceled", True, False),
        (Dispute, "needs_response under_review a_state_of_the_future", False, True),
        (Dispute, "lost", True, True),
        (Dispute, "warning_needs_response warning_under_review", False, False),
        (Dispute, "won warning_closed prevented", True, False),
    ],
)
def test_word_of_a_reversal_says_whether_it_is_decided_and_the_money_gone(
    kind: type[Refund | Dispute], words: str, is_decided: bool, has_moved: bool
) -> None:
    for word in words.split():
        values = {"id": "x", "amount": 100, "currency": "eur", "reason": None, "created": 1, "status": word}
        reversal = reversal_of("pi_1", kind.construct_from(values, "sk_test_any"))
        assert (reversal.code, reversal.status.is_decided, reversal.status.has_moved) == (word, is_decided, has_moved)


async def test_refunds_and_disputes_of_a_payment_are_its_reversals(gateway, stripe: Stripe) -> None:
    payment, other = await paid(gateway, stripe), await paid(gateway, stripe)
    assert await gateway.reversals(payment.payment_id) == []
    for amount in ("100", "250"):
        await stripe.post("/v1/refunds", payment_intent=payment.payment_id, amount=amount, reason="duplicate")
    opened = {"payment_intent": payment.payment_id, "reason": "fraudulent"}
    dispute = (await stripe.http.post("/_control/disputes", json=opened)).json()
    await stripe.post("/v1/refunds", payment_intent=other.payment_id)
    found = await gateway.reversals(payment.payment_id)
    assert [(each.kind, each.amount_minor, each.currency, each.code, each.reason) for each in found] == [
        (ReversalKind.REFUND, 250, "eur", "succeeded", "duplicate"),
        (ReversalKind.REFUND, 100, "eur", "succeeded", "duplicate"),
        (ReversalKind.DISPUTE, 900, "eur", "needs_response", "fraudulent"),
    ]
    assert {each.payment_id for each in found} == {payment.payment_id}
    assert [each.status for each in found] == ["returned", "returned", "pending"]
    assert found[2].reversal_id == dispute["id"]
    assert timedelta(0) <= datetime.now(UTC) - found[0].created_at < timedelta(minutes=1)
    await stripe.http.post(f"/_control/disputes/{dispute['id']}", json={"status": "lost"})
    assert (await gateway.reversals(payment.payment_id))[2] == found[2].evolve(status="returned", code="lost")
    (full,) = await gateway.reversals(other.payment_id)
    assert (full.amount_minor, full.reason) == (1250, "")


async def test_payment_says_whether_to_ask_for_its_reversals(gateway, stripe: Stripe) -> None:
    refunded, disputed, kept = [await paid(gateway, stripe) for _ in range(3)]
    await stripe.post("/v1/refunds", payment_intent=refunded.payment_id, amount="1")
    await stripe.http.post("/_control/disputes", json={"payment_intent": disputed.payment_id})
    found = await since(gateway, refunded.created_at)
    assert found == [kept, disputed.evolve(reversed=True), refunded.evolve(reversed=True)]
    assert [await gateway.payment(each.payment_id) for each in found] == found


async def test_reversals_are_told_on_every_page(gateway, stripe: Stripe) -> None:
    payment = await paid(gateway, stripe)
    for _ in range(101):
        await stripe.post("/v1/refunds", payment_intent=payment.payment_id, amount="1")
    assert len({each.reversal_id for each in await gateway.reversals(payment.payment_id)}) == 101


# -- webhooks


def event(kind: str, **subject: Any) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "created": 1793491200, "data": {"object": subject}}


def signed(body: str, secret: str = WEBHOOK_SECRET, age: timedelta = timedelta(0)) -> str:
    at = int((datetime.now(UTC) - age).timestamp())
    return str(WebhookSignature.generate_signature_header(body, secret, at))


@pytest.mark.parametrize(
    ("kind", "subject", "payment_id"),
    [
        ("payment_intent.succeeded", {"id": "pi_1"}, "pi_1"),
        ("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1"}, "pi_1"),
        ("charge.refunded", {"id": "ch_1", "payment_intent": None}, ""),
        ("charge.dispute.created", {"id": "dp_1", "payment_intent": "pi_1"}, "pi_1"),
        ("refund.failed", {"id": "re_1", "payment_intent": "pi_1"}, "pi_1"),
        ("checkout.session.completed", {"id": "cs_1", "payment_intent": None}, ""),
        ("checkout.session.completed", {"id": "cs_1", "payment_intent": "pi_1"}, "pi_1"),
        ("checkout.session.async_payment_succeeded", {"id": "cs_1", "payment_intent": "pi_1"}, "pi_1"),
        ("payment_method.detached", {"id": "pm_1"}, ""),
        ("customer.deleted", {"id": "cus_1"}, ""),
        ("balance.available", {}, ""),
    ],
)
def test_event_tells_what_it_is_about(kind: str, subject: dict[str, Any], payment_id: str) -> None:
    gateway = StripePayments.connect("sk_test_any", webhook_secret=WEBHOOK_SECRET)
    body = json.dumps(event(kind, **subject))
    assert gateway.read_event(body.encode(), signed(body)) == PaymentEvent(
        event_id="evt_1",
        type=kind,
        object_id=subject.get("id", ""),
        payment_id=payment_id,
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


async def test_events_that_stripe_delivers_are_read(gateway, serve, stripe: Stripe) -> None:
    told: list[PaymentEvent] = []

    async def receiver(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            told.append(gateway.read_event(await request.body(), request.headers["stripe-signature"]))
        await Response()(scope, receive, send)

    destination = {"url": await serve(receiver), "secret": WEBHOOK_SECRET}
    (await stripe.http.post("/_control/webhooks", json=destination)).raise_for_status()
    payment = await paid(gateway, stripe)
    await stripe.post("/v1/refunds", payment_intent=payment.payment_id)
    async with asyncio.timeout(60):
        while not told or told[-1].type != "charge.refunded":
            await asyncio.sleep(0.01)
    about = {event.type: event.payment_id for event in told}
    for kind in ("payment_intent.succeeded", "charge.succeeded", "charge.refunded"):
        assert about[kind] == payment.payment_id
    assert about["customer.created"] == ""


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=,v1=",
        "t=1,v1=\xe9",
        signed("{}"),
        signed(json.dumps(event("charge.refunded")), secret="whsec_other"),
        signed(json.dumps(event("charge.refunded")), age=timedelta(seconds=330)),
    ],
    ids=["empty", "nonsense", "no time", "no hex", "of another body", "by another secret", "too old"],
)
def test_event_that_is_not_signed_now_by_stripe_is_refused(header: str) -> None:
    gateway = StripePayments.connect("sk_test_any", webhook_secret=WEBHOOK_SECRET)
    with pytest.raises(InvalidInput) as refused:
        gateway.read_event(json.dumps(event("charge.refunded")).encode(), header)
    assert WEBHOOK_SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        "", "nonsense", "null", "[]", "{}", '"event"', '{"object": "event"}', json.dumps(event("charge.refunded"))[:-1],
        json.dumps(event("payment_intent.succeeded")),
        *(json.dumps(event("charge.refunded", id="ch_1") | {name: None}) for name in ("id", "type", "created", "data")),
        json.dumps(event("charge.refunded", id="ch_1") | {"created": 10**20}),
        json.dumps(event("charge.refunded", id="ch_1", payment_intent=["pi_1"])),
        json.dumps(event("charge.refunded", id="\ud800")),
        json.dumps(event("charge.refunded", id="ch_1", payment_intent="pi_" + "1" * 900_000)),
        json.dumps(event("charge.refunded", id="ch_1") | {"id": "evt_\udfff"}),
        json.dumps(event("charge.refunded", id="ch_1"))[:-1] + ', "deep": ' + "[" * 50_000 + "]" * 50_000 + "}",
    ],
)  # fmt: skip
def test_signed_body_that_is_no_event_is_refused(body: str) -> None:
    gateway = StripePayments.connect("sk_test_any", webhook_secret=WEBHOOK_SECRET)
    with pytest.raises(InvalidInput, match="not of the form that Stripe sends"):
        gateway.read_event(body.encode(), signed(body))


def test_body_that_is_no_text_is_refused() -> None:
    gateway = StripePayments.connect("sk_test_any", webhook_secret=WEBHOOK_SECRET)
    with pytest.raises(InvalidInput):
        gateway.read_event(b"\xff\xfe", signed("{}"))


def test_without_a_secret_no_event_is_believed() -> None:
    body = json.dumps(event("charge.refunded", id="ch_1"))
    with pytest.raises(PaymentForbidden, match="set BILLING_STRIPE_WEBHOOK_SECRET"):
        StripePayments.connect("sk_test_any").read_event(body.encode(), signed(body, secret=""))
