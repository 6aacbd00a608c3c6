"""The Stripe stand-in behaves as Stripe does, as seen through Stripe's own SDK."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stripe.api import stripe_app
from sandbox.stripe.store import API_VERSION, Store
from tests.full_disk import full_disk

DAY_SECONDS = 24 * 60 * 60


@dataclass
class Stand:
    """The stand-in under test: its SDK client, its control surface, its journal."""

    url: str
    v1: stripe.V1Services
    control: httpx.AsyncClient
    journal: Path

    async def tell(self, path: str, /, **wanted: Any) -> Any:
        response = await self.control.post(f"/_control/{path}", json=wanted)
        return response.raise_for_status().json()

    async def customer(self, card: str = "pm_card_visa") -> tuple[str, str]:
        customer = await self.v1.customers.create_async({"email": "ann@example.com"})
        method = await self.v1.payment_methods.attach_async(card, {"customer": customer.id})
        return customer.id, method.id

    async def intent(self, card: str = "pm_card_visa", key: str | None = None) -> stripe.PaymentIntent:
        customer, method = await self.customer(card)
        return await self.create(customer, method, key=key)

    async def create(
        self, customer: str, method: str, amount: int = 1200, currency: str = "eur", key: str | None = None
    ) -> stripe.PaymentIntent:
        return await self.v1.payment_intents.create_async(
            {
                "amount": amount,
                "currency": currency,
                "customer": customer,
                "payment_method": method,
                "allowed_payment_method_types": ["card"],
                "metadata": {"billing_key": "v1:ann:2026-11", "period": "2026-11"},
            },
            {"idempotency_key": key} if key else {},
        )

    async def confirm(
        self, intent: stripe.PaymentIntent, key: str | None = None, off_session: bool = True
    ) -> stripe.PaymentIntent:
        return await self.v1.payment_intents.confirm_async(
            intent.id,
            {"payment_method": str(intent.payment_method), "off_session": off_session},
            {"idempotency_key": key} if key else {},
        )

    def lines(self, kind: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [line for line in lines if line["kind"] == kind]


def client(url: str, key: str = "sk_test_any") -> stripe.V1Services:
    http = stripe.HTTPXClient(timeout=30)
    return stripe.StripeClient(key, base_addresses={"api": url}, http_client=http).v1


def error_of(raised: pytest.ExceptionInfo[Any]) -> dict[str, Any]:
    """The "error" of the body, as it came over the wire."""
    return dict(raised.value.json_body["error"])


@pytest.fixture
async def stand(serve, tmp_path: Path) -> AsyncIterator[Stand]:
    journal = tmp_path / "stripe.jsonl"
    url = await serve(Faults(stripe_app(journal)))
    async with local_http(base_url=url) as control:
        yield Stand(url, client(url), control, journal)


async def test_confirmed_intent_is_paid_once(stand: Stand) -> None:
    intent = await stand.intent()
    assert intent.status == "requires_confirmation"
    paid = await stand.confirm(intent)
    assert (paid.status, paid.amount_received, paid.metadata["period"]) == ("succeeded", 1200, "2026-11")
    assert str(paid.latest_charge).startswith("ch_")
    assert paid.payment_method_types == ["card"]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.confirm(intent)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert error_of(refused)["payment_intent"]["status"] == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        await stand.v1.payment_intents.cancel_async(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        await stand.v1.payment_intents.update_async(intent.id, {"amount": 1300})


async def test_declined_card_returns_the_intent_to_requires_payment_method(stand: Stand) -> None:
    intent = await stand.intent("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as declined:
        await stand.confirm(intent)
    assert declined.value.http_status == 402
    error = error_of(declined)
    assert (error["code"], error["decline_code"]) == ("card_declined", "generic_decline")
    assert error["advice_code"] == "try_again_later"
    assert error["payment_intent"]["id"] == intent.id

    after = await stand.v1.payment_intents.retrieve_async(intent.id)
    assert (after.status, after.payment_method, after.amount_received) == ("requires_payment_method", None, 0)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == "generic_decline"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        await stand.v1.payment_intents.confirm_async(intent.id)


@pytest.mark.parametrize(
    ("behaviour", "code", "decline_code", "advice_code"),
    [
        ("decline:insufficient_funds", "card_declined", "insufficient_funds", "try_again_later"),
        ("decline:lost_card", "card_declined", "lost_card", "do_not_try_again"),
        ("decline:do_not_honor:do_not_try_again", "card_declined", "do_not_honor", "do_not_try_again"),
        ("decline:never_heard_of", "card_declined", "never_heard_of", None),
        ("decline:expired_card", "expired_card", None, "confirm_card_data"),
    ],
)
async def test_card_can_be_told_how_to_decline_and_then_to_succeed(
    stand: Stand, behaviour: str, code: str, decline_code: str | None, advice_code: str | None
) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour=behaviour)
    with pytest.raises(stripe.CardError) as declined:
        await stand.confirm(intent)
    told = tuple(error_of(declined).get(name) for name in ("code", "decline_code", "advice_code"))
    assert told == (code, decline_code, advice_code)

    await stand.tell(f"cards/{intent.payment_method}", behaviour="succeed")
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_off_session_authentication_is_a_card_error_and_on_session_asks_the_customer(stand: Stand) -> None:
    intent = await stand.intent("pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as declined:
        await stand.confirm(intent)
    assert declined.value.code == "authentication_required"
    after = await stand.v1.payment_intents.retrieve_async(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "authentication_required"

    asked = await stand.confirm(intent, off_session=False)
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    await stand.tell(f"payment_intents/{intent.id}", behaviour="succeed")
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_processing_payment_cannot_be_confirmed_again_and_settles_later(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour="processing")
    assert (await stand.confirm(intent)).status == "processing"
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        await stand.confirm(intent)
    settled = await stand.tell(f"payment_intents/{intent.id}", behaviour="decline:insufficient_funds")
    assert settled["status"] == "requires_payment_method"


async def test_create_with_confirm_declines_and_leaves_the_intent_behind(stand: Stand) -> None:
    customer, method = await stand.customer("pm_card_chargeCustomerFailLostCard")
    with pytest.raises(stripe.CardError) as declined:
        await stand.v1.payment_intents.create_async(
            {
                "amount": 1200,
                "currency": "eur",
                "customer": customer,
                "payment_method": method,
                "confirm": True,
                "off_session": True,
            }
        )
    assert error_of(declined)["decline_code"] == "lost_card"
    listed = await stand.v1.payment_intents.list_async({"customer": customer})
    assert [intent.id for intent in listed.data] == [error_of(declined)["payment_intent"]["id"]]


async def test_canceled_intent_takes_no_money(stand: Stand) -> None:
    intent = await stand.intent()
    changed = await stand.v1.payment_intents.update_async(
        intent.id, {"amount": 900, "metadata": {"period": "", "note": "x"}}
    )
    assert changed.amount == 900
    assert changed.metadata.to_dict() == {"billing_key": "v1:ann:2026-11", "note": "x"}
    canceled = await stand.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        await stand.confirm(intent)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (0, "eur", "parameter_invalid_integer"),
        (-5, "eur", "parameter_invalid_integer"),
        ("12.5", "eur", "parameter_invalid_integer"),
        (49, "eur", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (100_000_000, "eur", "amount_too_large"),
        (1205, "kwd", "parameter_invalid_integer"),
        (1200, "xxx", None),
    ],
)
async def test_impossible_amounts_are_refused(stand: Stand, amount: Any, currency: str, code: str | None) -> None:
    customer, method = await stand.customer()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.create(customer, method, amount=amount, currency=currency)
    assert (refused.value.http_status, refused.value.code) == (400, code)
    assert refused.value.param in ("amount", "currency")
    assert (await stand.v1.payment_intents.list_async()).data == []


async def test_payment_method_types_are_refused_since_endive(stand: Stand) -> None:
    params: Any = {"amount": 1200, "currency": "eur", "payment_method_types": ["card"]}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.v1.payment_intents.create_async(params)
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "payment_method_types")


async def test_card_of_another_customer_is_refused(stand: Stand) -> None:
    customer, method = await stand.customer()
    _, other = await stand.customer()
    with pytest.raises(stripe.InvalidRequestError, match=f"does not have a payment method with the ID {other}"):
        await stand.create(customer, other)

    intent = await stand.create(customer, method)
    await stand.v1.payment_methods.detach_async(method)
    with pytest.raises(stripe.InvalidRequestError, match=f"does not have a payment method with the ID {method}"):
        await stand.confirm(intent)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await stand.v1.payment_methods.attach_async(method, {"customer": customer})


async def test_unknown_objects_are_missing_resources(stand: Stand) -> None:
    customer, _ = await stand.customer()
    for call, param in [
        (stand.v1.customers.retrieve_async("cus_no"), "id"),
        (stand.v1.payment_methods.retrieve_async("pm_no"), "payment_method"),
        (stand.v1.payment_intents.retrieve_async("pi_no"), "intent"),
        (stand.create(customer, "pm_no"), "payment_method"),
        (stand.create("cus_no", "pm_no"), "customer"),
    ]:
        with pytest.raises(stripe.InvalidRequestError) as missing:
            await call
        assert (missing.value.code, missing.value.param) == ("resource_missing", param)


async def test_cards_of_a_customer_are_listed_newest_first_until_they_are_detached(stand: Stand) -> None:
    customer, visa = await stand.customer()
    mastercard = await stand.v1.payment_methods.attach_async("pm_card_mastercard", {"customer": customer})
    listed = await stand.v1.payment_methods.list_async({"customer": customer, "type": "card"})
    assert [method.id for method in listed.data] == [mastercard.id, visa]
    card = listed.data[0].card
    assert card is not None
    assert (card.brand, card.last4) == ("mastercard", "4444")
    assert (await stand.v1.payment_methods.detach_async(visa)).customer is None
    listed_of_customer = await stand.v1.customers.payment_methods.list_async(customer)
    assert [method.id for method in listed_of_customer.data] == [mastercard.id]


async def test_charge_declined_card_cannot_be_attached(stand: Stand) -> None:
    customer, _ = await stand.customer()
    for card, decline_code in [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ]:
        with pytest.raises(stripe.CardError) as declined:
            await stand.v1.payment_methods.attach_async(card, {"customer": customer})
        assert (declined.value.code, error_of(declined)["decline_code"]) == ("card_declined", decline_code)


async def test_legacy_token_becomes_a_card_that_pays(stand: Stand) -> None:
    customer = await stand.v1.customers.create_async({"source": "tok_visa"})
    intent = await stand.create(customer.id, str(customer.default_source))
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_deleted_customer_is_marked_and_cannot_be_charged(stand: Stand) -> None:
    customer, method = await stand.customer()
    assert (await stand.v1.customers.delete_async(customer)).deleted
    assert (await stand.v1.customers.retrieve_async(customer)).deleted
    assert (await stand.v1.customers.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await stand.create(customer, method)


async def test_lists_page_through_the_intents_of_one_customer_newest_first(stand: Stand) -> None:
    customer, method = await stand.customer()
    await stand.intent()
    first = await stand.create(customer, method)
    await stand.tell("clock", advance_seconds=DAY_SECONDS)
    later = [(await stand.create(customer, method)).id for _ in range(4)]

    page = await stand.v1.payment_intents.list_async({"customer": customer, "limit": 2})
    assert page.has_more
    assert [intent.id async for intent in page.auto_paging_iter()] == [*reversed(later), first.id]
    since = await stand.v1.payment_intents.list_async({"customer": customer, "created": {"gte": first.created + 1}})
    assert [intent.id for intent in since.data] == list(reversed(later))
    assert not since.has_more


async def test_expanded_fields_carry_the_object(stand: Stand) -> None:
    intent = await stand.intent()
    expanded = await stand.v1.payment_intents.retrieve_async(intent.id, {"expand": ["payment_method"]})
    method = expanded.payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert method.card.last4 == "4242"


async def test_api_key_is_checked(stand: Stand) -> None:
    assert (await stand.v1.accounts.retrieve_current_async()).id == "acct_sandbox"
    with pytest.raises(stripe.AuthenticationError) as refused:
        await client(stand.url, "sk_live_wrong").balance.retrieve_async()
    assert (refused.value.http_status, error_of(refused)["type"]) == (401, "invalid_request_error")


# --- Charges, and intents whose card comes later ---


async def test_every_attempt_makes_a_charge_that_tells_how_it_went(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour="decline:insufficient_funds")
    with pytest.raises(stripe.CardError):
        await stand.confirm(intent)
    await stand.tell(f"cards/{intent.payment_method}", behaviour="succeed")
    paid = await stand.confirm(intent)

    succeeded, failed = (await stand.v1.charges.list_async({"payment_intent": intent.id})).data
    assert (succeeded.id, succeeded.status, succeeded.paid) == (paid.latest_charge, "succeeded", True)
    assert (succeeded.amount, succeeded.amount_refunded, succeeded.customer) == (1200, 0, intent.customer)
    assert succeeded.payment_method == intent.payment_method
    assert succeeded.metadata.to_dict() == intent.metadata.to_dict()
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, "card_declined")
    assert failed.outcome is not None
    assert (failed.outcome.type, failed.outcome.reason) == ("issuer_declined", "insufficient_funds")
    assert (await stand.v1.charges.retrieve_async(failed.id)).payment_intent == intent.id


async def test_processing_charge_is_pending_until_it_settles(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour="processing")
    waiting = await stand.confirm(intent)
    assert (await stand.v1.charges.retrieve_async(str(waiting.latest_charge))).status == "pending"
    settled = await stand.tell(f"payment_intents/{intent.id}", behaviour="succeed")
    assert settled["latest_charge"] == waiting.latest_charge
    assert (await stand.v1.charges.retrieve_async(settled["latest_charge"])).status == "succeeded"


async def test_latest_charge_is_expanded_in_objects_and_lists(stand: Stand) -> None:
    paid = await stand.confirm(await stand.intent())
    expanded = await stand.v1.payment_intents.retrieve_async(paid.id, {"expand": ["latest_charge.customer"]})
    assert isinstance(expanded.latest_charge, stripe.Charge)
    assert isinstance(expanded.latest_charge.customer, stripe.Customer)
    listed = await stand.v1.payment_intents.list_async({"expand": ["data.latest_charge", "data.payment_method"]})
    (row,) = listed.data
    assert isinstance(row.latest_charge, stripe.Charge)
    assert isinstance(row.payment_method, stripe.PaymentMethod)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await stand.v1.payment_intents.retrieve_async(paid.id, {"expand": ["status"]})


async def test_intent_without_a_card_waits_for_one_and_then_pays(stand: Stand) -> None:
    customer, method = await stand.customer()
    intent = await stand.v1.payment_intents.create_async({"amount": 1200, "currency": "eur", "customer": customer})
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error is None
    paid = await stand.v1.payment_intents.confirm_async(intent.id, {"payment_method": method, "off_session": True})
    assert (paid.status, paid.payment_method) == ("succeeded", method)


async def test_customer_who_should_authenticate_may_pay_with_another_card(stand: Stand) -> None:
    intent = await stand.intent("pm_card_authenticationRequired")
    asked = await stand.confirm(intent, off_session=False)
    assert asked.status == "requires_action"
    other = await stand.v1.payment_methods.attach_async("pm_card_visa", {"customer": str(intent.customer)})
    paid = await stand.v1.payment_intents.confirm_async(intent.id, {"payment_method": other.id})
    assert (paid.status, paid.payment_method, paid.next_action) == ("succeeded", other.id, None)


async def test_updated_intent_forgets_its_decline(stand: Stand) -> None:
    intent = await stand.intent("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        await stand.confirm(intent)
    updated = await stand.v1.payment_intents.update_async(intent.id, {"metadata": {"note": "asked"}})
    assert (updated.status, updated.last_payment_error) == ("requires_payment_method", None)


async def test_customer_is_changed_and_gets_a_default_card(stand: Stand) -> None:
    customer, method = await stand.customer()
    _, stranger = await stand.customer()
    changed = await stand.v1.customers.update_async(
        customer,
        {
            "name": "Ann",
            "email": "",
            "metadata": {"customer_id": "ann"},
            "invoice_settings": {"default_payment_method": method},
        },
    )
    assert (changed.name, changed.email) == ("Ann", None)
    assert changed.to_dict()["metadata"] == {"customer_id": "ann"}

    async def default_card() -> str | stripe.PaymentMethod | None:
        expand = "invoice_settings.default_payment_method"
        settings = (await stand.v1.customers.retrieve_async(customer, {"expand": [expand]})).invoice_settings
        return settings.default_payment_method if settings else None

    assert isinstance(await default_card(), stripe.PaymentMethod)
    with pytest.raises(stripe.InvalidRequestError, match="must be attached") as refused:
        await stand.v1.customers.update_async(customer, {"invoice_settings": {"default_payment_method": stranger}})
    assert refused.value.param == "invoice_settings[default_payment_method]"

    await stand.v1.payment_methods.detach_async(method)
    assert await default_card() is None
    await stand.v1.customers.delete_async(customer)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await stand.v1.customers.update_async(customer, {"name": "Bob"})


async def test_api_version_is_checked_and_told(stand: Stand) -> None:
    key = {"Authorization": "Bearer sk_test_any"}
    default = await stand.control.get("/v1/account", headers=key)
    assert default.headers["stripe-version"] == API_VERSION
    newer = await stand.control.get("/v1/account", headers=key | {"Stripe-Version": "2026-11-25.endive"})
    assert (newer.status_code, newer.headers["stripe-version"]) == (200, "2026-11-25.endive")
    for version in ("tomorrow", "2020-08-27", ""):
        refused = await stand.control.get("/v1/account", headers=key | {"Stripe-Version": version})
        assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_list_of_one_customer_stays_fast_among_thousands_of_intents(tmp_path: Path) -> None:
    """Counted, not timed: the list looks at this customer's intents only."""
    store = Store(tmp_path / "stripe.jsonl")
    for number in range(3000):
        store.put({"id": f"ch_{number}", "object": "charge", "customer": f"cus_{number % 1000}", "amount_refunded": 0})
    looked_at: list[str] = []

    class Watched(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            looked_at.append(name)
            return super().__getitem__(name)

    store.objects = Watched(store.objects)
    assert [charge["id"] for charge in store.newest("charge", customer="cus_7")] == ["ch_2007", "ch_1007", "ch_7"]
    assert len(looked_at) == 3


# --- Money that goes back ---


async def test_refunds_add_up_to_the_charge_and_no_further(stand: Stand) -> None:
    paid = await stand.confirm(await stand.intent())
    part = await stand.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 500, "reason": "requested_by_customer", "metadata": {"why": "late"}}
    )
    assert (part.status, part.amount, part.charge, part.currency) == ("succeeded", 500, paid.latest_charge, "eur")
    charge = await stand.v1.charges.retrieve_async(str(paid.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        await stand.v1.refunds.create_async({"payment_intent": paid.id, "amount": 701})
    assert refused.value.param == "amount"

    rest = await stand.v1.refunds.create_async({"charge": charge.id})
    assert rest.amount == 700
    charge = await stand.v1.charges.retrieve_async(charge.id)
    assert (charge.amount_refunded, charge.refunded) == (1200, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.v1.refunds.create_async({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    listed = await stand.v1.refunds.list_async({"payment_intent": paid.id})
    assert [refund.id for refund in listed.data] == [rest.id, part.id]
    assert (await stand.v1.refunds.retrieve_async(part.id)).to_dict()["metadata"] == {"why": "late"}
    assert (await stand.v1.payment_intents.retrieve_async(paid.id)).status == "succeeded"


async def test_refund_is_repeated_by_its_key_without_more_money(stand: Stand) -> None:
    paid = await stand.confirm(await stand.intent())
    once, again = [
        await stand.v1.refunds.create_async({"payment_intent": paid.id, "amount": 500}, {"idempotency_key": "k"})
        for _ in range(2)
    ]
    assert once.id == again.id
    assert (await stand.v1.charges.retrieve_async(str(paid.latest_charge))).amount_refunded == 500


async def test_unpaid_intent_or_nothing_cannot_be_refunded(stand: Stand) -> None:
    intent = await stand.intent()
    for params, match in [({"payment_intent": intent.id}, "successful charge"), ({}, "should be provided")]:
        with pytest.raises(stripe.InvalidRequestError, match=match):
            await stand.v1.refunds.create_async(params)  # type: ignore[arg-type]


@pytest.mark.parametrize("verdict", ["won", "lost"])
async def test_dispute_marks_the_charge_and_ends_as_the_bank_decides(stand: Stand, verdict: str) -> None:
    paid = await stand.confirm(await stand.intent())
    opened = await stand.tell("disputes", payment_intent=paid.id, reason="product_not_received")
    dispute = await stand.v1.disputes.retrieve_async(opened["id"])
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "product_not_received", 1200)
    assert (dispute.charge, dispute.payment_intent) == (paid.latest_charge, paid.id)
    assert (await stand.v1.charges.retrieve_async(str(paid.latest_charge))).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.v1.refunds.create_async({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"

    await stand.tell(f"disputes/{dispute.id}", status=verdict)
    (closed,) = (await stand.v1.disputes.list_async({"payment_intent": paid.id})).data
    assert closed.status == verdict
    again = await stand.control.post(f"/_control/disputes/{dispute.id}", json={"status": "won"})
    assert again.status_code == 400


# --- Idempotency ---


async def test_same_key_replays_the_first_answer(stand: Stand) -> None:
    customer, method = await stand.customer()
    first = await stand.create(customer, method, key="k")
    await stand.confirm(first)
    again = await stand.create(customer, method, key="k")
    assert (again.id, again.status) == (first.id, "requires_confirmation")
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


async def test_same_key_replays_a_decline_even_after_the_card_recovers(stand: Stand) -> None:
    intent = await stand.intent("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        await stand.confirm(intent, key="k")
    await stand.tell(f"cards/{intent.payment_method}", behaviour="succeed")
    with pytest.raises(stripe.CardError) as replayed:
        await stand.confirm(intent, key="k")
    assert (replayed.value.headers or {})["idempotent-replayed"] == "true"
    assert (await stand.confirm(intent, key="another")).status == "succeeded"


async def test_same_key_with_other_parameters_is_an_idempotency_error(stand: Stand) -> None:
    customer, method = await stand.customer()
    await stand.create(customer, method, key="k")
    with pytest.raises(stripe.IdempotencyError) as refused:
        await stand.create(customer, method, amount=1300, key="k")
    assert refused.value.http_status == 400


async def test_refused_parameters_leave_the_key_free(stand: Stand) -> None:
    customer, method = await stand.customer()
    with pytest.raises(stripe.InvalidRequestError):
        await stand.create(customer, method, amount=1, key="k")
    assert (await stand.create(customer, method, key="k")).amount == 1200


async def test_missing_resource_is_remembered_by_the_key(stand: Stand) -> None:
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent") as missing:
            await stand.v1.payment_intents.confirm_async("pi_no", {}, {"idempotency_key": "k"})
        assert (missing.value.headers or {}).get("idempotent-replayed") == replayed


async def test_same_key_in_flight_conflicts_and_moves_money_once(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("latency", seconds=0.3)
    confirms = [stand.confirm(intent, key="k") for _ in range(2)]
    answers = await asyncio.gather(*confirms, return_exceptions=True)
    paid = [answer for answer in answers if isinstance(answer, stripe.PaymentIntent)]
    refused = [answer for answer in answers if isinstance(answer, stripe.APIError)]
    assert [answer.status for answer in paid] == ["succeeded"]
    assert [(each.http_status, each.error and each.error.code) for each in refused] == [(409, "idempotency_key_in_use")]


async def test_key_is_forgotten_after_a_day(stand: Stand) -> None:
    customer, method = await stand.customer()
    first = await stand.create(customer, method, key="k")
    await stand.tell("clock", advance_seconds=DAY_SECONDS - 60)
    assert (await stand.create(customer, method, key="k")).id == first.id
    await stand.tell("clock", advance_seconds=60)
    assert (await stand.create(customer, method, key="k")).id != first.id


# --- Journal ---


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


# --- Faults ---


async def test_connection_dropped_before_the_app_ran_charges_nothing(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", method="POST", kind="drop_before")
    with pytest.raises(stripe.APIConnectionError):
        await stand.confirm(intent)
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "requires_confirmation"
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_connection_dropped_after_the_app_ran_has_charged(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", method="POST", kind="drop_after", times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            await stand.confirm(intent, key="k")
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"
    assert (await stand.confirm(intent, key="k")).status == "succeeded"
    rules = (await stand.control.get("/_control/faults")).json()
    assert [(rule["path"], rule["fired"]) for rule in rules] == [("/confirm$", 2)]


@pytest.mark.parametrize(
    ("rule", "error", "status"),
    [
        ({"kind": "status", "status": 500}, stripe.APIError, 500),
        ({"kind": "html_502"}, stripe.APIError, 502),
        ({"kind": "garbage_200"}, stripe.APIError, 200),
        ({"kind": "rate_limit"}, stripe.RateLimitError, 429),
    ],
)
async def test_false_answers_reach_the_sdk_as_its_errors(
    stand: Stand, rule: dict[str, Any], error: type[stripe.StripeError], status: int
) -> None:
    intent = await stand.intent()
    for executed, expected in [(False, "requires_confirmation"), (True, "succeeded")]:
        await stand.tell("faults", path="/confirm$", executed=executed, **rule)
        with pytest.raises(error) as raised:
            await stand.confirm(intent, key="k")
        assert raised.value.http_status == status
        assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == expected
    assert (await stand.confirm(intent, key="k")).status == "succeeded"


@pytest.mark.parametrize(("executed", "expected"), [(False, "requires_confirmation"), (True, "succeeded")])
async def test_cached_500_is_replayed_by_its_key_whatever_became_of_the_charge(
    stand: Stand, executed: bool, expected: str
) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", kind="status", status=500, cached=True, executed=executed)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as raised:
            await stand.confirm(intent, key="k")
        assert raised.value.http_status == 500
    assert (raised.value.headers or {})["idempotent-replayed"] == "true"
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == expected


async def test_slow_answer_comes_and_cleared_faults_do_not_strike(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", kind="slow", seconds=0.01, executed=True)
    assert (await stand.confirm(intent)).status == "succeeded"
    await stand.tell("faults", kind="drop_before", times=None)
    await stand.control.delete("/_control/faults")
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_fault_without_a_number_of_times_strikes_until_it_is_cleared(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("faults", path="/confirm$", kind="html_502", times=None)
    for _ in range(3):
        with pytest.raises(stripe.APIError):
            await stand.confirm(intent)
    await stand.control.delete("/_control/faults")
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_same_seed_brings_the_same_faults_as_often_as_their_probability_says(stand: Stand) -> None:
    async def struck() -> list[bool]:
        await stand.tell("faults/seed", seed=7)
        answers = [stand.v1.balance.retrieve_async() for _ in range(40)]
        return [isinstance((await asyncio.gather(each, return_exceptions=True))[0], Exception) for each in answers]

    await stand.tell("faults", kind="drop_before", times=None, probability=0.3)
    first = await struck()
    assert 5 < sum(first) < 20
    assert await struck() == first
    assert (await stand.control.post("/_control/faults/seed", json={"seed": "x"})).status_code == 422
    assert len((await stand.control.get("/_control/faults")).json()) == 1


async def test_wrong_fault_is_refused(stand: Stand) -> None:
    assert (await stand.control.post("/_control/faults", json={"kind": "earthquake"})).status_code == 422
    assert (await stand.control.post("/_control/faults", json={"kind": "slow", "path": "("})).status_code == 422
