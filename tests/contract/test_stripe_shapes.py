"""Every object of the Stripe stand-in has the fields that Stripe's own SDK says are never missing."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, ForwardRef, Literal, get_args, get_origin

import pytest
import stripe
from stripe._object_classes import get_object_class
from stripe._stripe_object import UntypedStripeObject

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.journal_file import read_entries
from sandbox.stripe.api import stripe_app
from sandbox.stripe.store import SHAPES

KINDS = {"list", *SHAPES}


@pytest.fixture
async def snapshots(serve, tmp_path: Path) -> list[dict[str, Any]]:
    """All objects, in all their states, of a story in which one of each kind comes to be."""
    url = await serve(Faults(stripe_app(tmp_path / "stripe.jsonl")))
    http = stripe.HTTPXClient(timeout=30, verify_ssl_certs=False)
    v1 = stripe.StripeClient("sk_test_any", base_addresses={"api": url}, http_client=http).v1
    async with local_http(base_url=url) as browser:
        customer = await v1.customers.create_async({"email": "ann@example.com"})
        for card in ("pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"):
            method = await v1.payment_methods.attach_async(card, {"customer": customer.id})
            amount: Any = {"amount": 1200, "currency": "eur", "customer": customer.id, "payment_method": method.id}
            intent = await v1.payment_intents.create_async(amount)
            here: Any = {"return_url": "http://shop.example/done"}
            try:
                await v1.payment_intents.confirm_async(intent.id, here)
            except stripe.CardError:
                await v1.payment_intents.cancel_async(intent.id)
            if card == "pm_card_visa":
                await v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})
                complaint = {"payment_intent": intent.id, "reason": "fraudulent"}
                (await browser.post("/_control/disputes", json=complaint)).raise_for_status()
        session: Any = {
            "mode": "setup",
            "customer": customer.id,
            "allowed_payment_method_types": ["card"],
            "success_url": "http://shop.example/?{CHECKOUT_SESSION_ID}",
        }
        page = (await v1.checkout.sessions.create_async(session)).url
        assert (await browser.post(str(page), data={"card": "pm_card_visa"})).status_code == 303
        price = {"currency": "eur", "unit_amount": 1200, "product_data": {"name": "November"}}
        paid: Any = session | {"mode": "payment", "line_items": [{"quantity": 1, "price_data": price}]}
        page = (await v1.checkout.sessions.create_async(paid)).url
        assert (await browser.post(str(page), data={"card": "pm_card_visa", "answer": "pay"})).status_code == 303
        key = {"Authorization": "Bearer sk_test_any"}
        listed = (await browser.get("/v1/customers", headers=key)).raise_for_status().json()
    return [entry["object"] for entry in read_entries(tmp_path / "stripe.jsonl") if entry["kind"] == "object"] + [
        listed
    ]


async def test_no_object_lacks_what_stripe_always_sends(snapshots: list[dict[str, Any]]) -> None:
    assert {snapshot["object"] for snapshot in snapshots} == KINDS
    assert {place for snapshot in snapshots for place in missing(snapshot, snapshot["object"])} == set()


def missing(snapshot: dict[str, Any], place: str, kind: type[Any] | None = None) -> Iterator[str]:
    """The fields that ``kind``, by default the SDK's class for the object, has and the snapshot lacks, at any depth."""
    kind = kind or get_object_class("V1", snapshot["object"])
    assert kind is not stripe.StripeObject, f"the SDK does not know {place}"
    for base in kind.__mro__[:-1]:
        for name, annotation in vars(base).get("__annotations__", {}).items():
            if name.startswith("_") or get_origin(annotation) is ClassVar:
                continue
            value = snapshot.get(name)
            if value is None and NoneType not in get_args(annotation):
                yield f"{place}.{name}"
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield from _missing_within(part, f"{place}.{name}", annotation)


def _missing_within(part: dict[str, Any], place: str, annotation: Any) -> Iterator[str]:
    if isinstance(part.get("object"), str):
        yield from missing(part, place)
        return
    classes = [each for each in _flat(annotation) if isinstance(each, type) and issubclass(each, stripe.StripeObject)]
    if classes and classes[0] is not UntypedStripeObject:
        yield from missing(part, place, classes[0])


def _flat(annotation: Any) -> Iterator[Any]:
    """The classes that an annotation is made of."""
    origin = get_origin(annotation)
    if origin is None:
        yield getattr(stripe, annotation.__forward_arg__, None) if isinstance(annotation, ForwardRef) else annotation
    elif origin is not Literal:
        for each in get_args(annotation):
            yield from _flat(each)
