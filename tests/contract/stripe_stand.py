"""Shared by the tests of the Stripe stand-in: it runs on a real socket, and Stripe's own SDK speaks to it."""

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


async def objects(http: httpx.AsyncClient, kind: str, **fields: Any) -> list[dict[str, Any]]:
    """The stand-in's objects of a kind with these fields as they are now, oldest first."""
    journal = (await http.get("/_control/journal")).raise_for_status().text
    entries = [json.loads(line) for line in journal.splitlines()]
    rows = {entry["object"]["id"]: entry["object"] for entry in entries if entry["kind"] == "object"}
    return [row for row in rows.values() if row["object"] == kind and row | fields == row]


def client(url: str, key: str = "sk_test_any") -> stripe.V1Services:
    http = stripe.HTTPXClient(timeout=30, verify_ssl_certs=False)
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
