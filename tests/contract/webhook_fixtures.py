"""Stripe's stand-in, and a receiver of its events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import stripe
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stripe import webhooks as stripe_webhooks
from sandbox.stripe.api import stripe_app

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
