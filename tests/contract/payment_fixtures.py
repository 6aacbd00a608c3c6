"""Shared by the tests of Stripe's adapter: the stand-in on a real socket, and a gateway that speaks to it."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from adapters.stripe.payments import StripePayments
from billing.keys import payment_key
from billing.payments.methods import CardOnFile
from billing.payments.payment import Payment, PaymentRequest
from billing.payments.ports import ChargeRow
from billing.period import Period
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stripe.api import stripe_app
from services.cashier import Cashier

PERIOD = Period("2026-11")
WEBHOOK_SECRET = "whsec_any"
DESK = {"Authorization": "Bearer sk_test_desk"}


@dataclass
class Stripe:
    """The processor's side: what a test prepares there and sees there."""

    url: str
    http: httpx.AsyncClient

    async def post(self, path: str, **form: str) -> dict[str, Any]:
        answer = await self.http.post(path, data=form)
        return dict(answer.raise_for_status().json())

    async def request(self, card: str = "pm_card_visa", amount_minor: int = 1250) -> PaymentRequest:
        payer_id = (await self.post("/v1/customers"))["id"]
        attached = await self.post(f"/v1/payment_methods/{card}/attach", customer=payer_id)
        return PaymentRequest(
            key=payment_key("ann", PERIOD),
            customer_id="ann",
            method=CardOnFile(payer_id=payer_id, card_id=attached["id"]),
            period=PERIOD,
            amount_minor=amount_minor,
            currency="eur",
        )

    async def sent(self, path: str) -> list[dict[str, Any]]:
        """The changing requests of a path, oldest first, by the stand-in's journal."""
        return [entry for entry in await self._journal("request") if re.search(path, entry["path"])]

    async def intents(self) -> list[dict[str, Any]]:
        return list((await self.http.get("/v1/payment_intents")).json()["data"])

    async def charges(self) -> int:
        """How often money moved, by the stand-in's journal."""
        snapshots = [entry["object"] for entry in await self._journal("object")]
        return len({found["latest_charge"] for found in snapshots if found.get("amount_received")})

    async def tries(self) -> int:
        """How often a bank was asked for money."""
        return len((await self.http.get("/v1/charges?limit=100")).json()["data"])

    async def behaves(self, card: str, behaviour: str) -> None:
        """How the bank treats a card on file from now on."""
        answer = await self.http.post(f"/_control/cards/{card}", json={"behaviour": behaviour})
        answer.raise_for_status()

    async def fails(self, kind: str, path: str = "", **rule: Any) -> None:
        (await self.http.post("/_control/faults", json={"kind": kind, "path": path, **rule})).raise_for_status()

    async def _journal(self, kind: str) -> list[dict[str, Any]]:
        lines = (await self.http.get("/_control/journal")).text.splitlines()
        return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]


@pytest.fixture
async def stripe(serve) -> AsyncIterator[Stripe]:
    url = await serve(Faults(stripe_app()))
    async with local_http(base_url=url, headers=DESK) as http:
        yield Stripe(url, http)


@pytest.fixture
async def gateway(stripe: Stripe) -> AsyncIterator[StripePayments]:
    gateway = StripePayments.connect("sk_test_any", stripe.url, WEBHOOK_SECRET)
    yield gateway
    await gateway.close()


class KeptPayments:
    """The ledger's payments, in memory."""

    def __init__(self) -> None:
        self._rows: dict[str, ChargeRow] = {}

    async def save_payment(self, payment: Payment, at: datetime) -> None:
        self._rows[payment.payment_id] = ChargeRow.model_validate({**dict(payment), "at": at})

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]:
        return [row for row in self._rows.values() if (row.customer_id, row.period) == (customer_id, period)]


@pytest.fixture
def cashier(gateway: StripePayments) -> Cashier:
    return Cashier(gateway, KeptPayments())


async def charge(gateway: StripePayments, request: PaymentRequest) -> Payment:
    return await gateway.confirm(await gateway.create(request), request)
