"""What all requests to the stand-in have in common: keys, versions, unknown objects, pages of lists and expansion."""

from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.stripe.store import API_VERSION, Store
from tests.contract.stripe_stand import DAY_SECONDS, Stand, client, error_of, stand

__all__ = ["stand"]  # fixture


async def test_api_key_is_checked(stand: Stand) -> None:
    assert (await stand.v1.customers.list_async()).data == []
    with pytest.raises(stripe.AuthenticationError) as refused:
        await client(stand.url, "sk_live_wrong").customers.list_async()
    assert (refused.value.http_status, error_of(refused)["type"]) == (401, "invalid_request_error")


async def test_api_version_is_checked_and_told(stand: Stand) -> None:
    key = {"Authorization": "Bearer sk_test_any"}
    default = await stand.control.get("/v1/customers", headers=key)
    assert default.headers["stripe-version"] == API_VERSION
    newer = await stand.control.get("/v1/customers", headers=key | {"Stripe-Version": "2026-11-25.endive"})
    assert (newer.status_code, newer.headers["stripe-version"]) == (200, "2026-11-25.endive")
    for version in ("tomorrow", "2020-08-27", ""):
        refused = await stand.control.get("/v1/customers", headers=key | {"Stripe-Version": version})
        assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")


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


async def test_expanded_fields_carry_the_object(stand: Stand) -> None:
    intent = await stand.intent()
    expanded = await stand.v1.payment_intents.retrieve_async(intent.id, {"expand": ["payment_method"]})
    method = expanded.payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert method.card.last4 == "4242"


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
