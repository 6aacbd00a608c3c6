"""The real server, a fresh bed, and a console on a real socket to which the Stripe stand-in sends its webhooks."""

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import stripe
from temporalio.client import Client

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.invoices.month import Month
from billing.period import Period
from bootstrap_adapters import SANDBOX_WEBHOOK_SECRET
from console.app import create_app
from process.server import configuration
from sandbox.stand_ins.control import local_http
from settings import Settings
from tests.bed import OCTOBER, Bed
from tests.console.people import QuickServer
from tests.debts import only


class Desk:
    """A bed with a console, and a customer's browser."""

    def __init__(self, bed: Bed, settings: Settings, browser: httpx.AsyncClient) -> None:
        self.bed = bed
        self.links = settings.links
        self.browser = browser
        self.until = datetime.now(UTC) + timedelta(days=1)

    # -- customers

    async def overdue(
        self, behaviour: str = "decline:insufficient_funds", customer_id: str = "acme", **fields: Any
    ) -> Month:
        """A customer whose October could not be charged, on record: that is shown if the workflow is slow to answer."""
        month = await self.bed.monitored(customer_id, **fields)
        await self.bed.behaves(month.customer, behaviour)
        closed = await self.bed.closed(customer_id)
        asked = await self.bed.collects(lambda found: not only(found).attempt, customer_id)
        async with asyncio.timeout(60):
            while (recorded := await self.bed.ledger.collection(customer_id, closed.period)) is None or (
                recorded.revision < asked.revision
            ):
                await asyncio.sleep(0.02)
        return closed

    def page(self, customer_id: str = "acme", period: str = OCTOBER, until: datetime | None = None) -> str:
        """The address that is in the customer's mails."""
        return self.links.to(customer_id, Period(period), until or self.until)

    async def shows(self, words: str, page: str = "") -> str:
        """The page, as soon as it says so."""
        text = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while True:
                    text = (await self.browser.get(page or self.page())).text
                    if words in text:
                        return text
                    await asyncio.sleep(0.05)
        raise AssertionError(f"the page never says {words!r}: {text}")

    async def settled(self) -> Collection:
        return await self.bed.collects(lambda found: found.outcome is not None)

    # -- webhooks

    async def deliver(
        self, event: dict[str, Any], secret: str = SANDBOX_WEBHOOK_SECRET, sent_at: int | None = None
    ) -> httpx.Response:
        """Sends an event as Stripe would."""
        body = json.dumps(event)
        signature = stripe.WebhookSignature.generate_signature_header(body, secret, sent_at or int(time.time()))
        return await self.browser.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})

    def events(self) -> dict[str, str]:
        """By id, what was done about every event that was stored; "" for those that are open."""
        with sqlite3.connect(self.bed.folder / "ledger.db") as ledger:
            rows = ledger.execute("select event_id, result from events").fetchall()
        return {event_id: result or "" for event_id, result in rows}

    async def all_done(self, *wanted: str) -> dict[str, str]:
        """What was done about all events, once nothing is left to do and ``wanted`` (or all of Stripe's) are there."""
        async with asyncio.timeout(60):
            while True:
                made = wanted or [each["id"] for each in self.bed.objects("event")]
                events = self.events()
                if set(made) <= events.keys() and all(events.values()):
                    return events
                await asyncio.sleep(0.05)


@asynccontextmanager
async def console(bed: Bed, ledger: SqlLedger | None = None, client: Client | None = None) -> AsyncIterator[Desk]:
    """Runs a console beside the bed; with a ``ledger`` or ``client``, it has that instead of the bed's."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = bed.settings.model_copy(update={"console_port": listener.getsockname()[1]})
    adapters = replace(bed.adapters, ledger=ledger) if ledger else bed.adapters
    app = create_app(settings, adapters, client or bed.client)
    running = QuickServer(configuration(app))
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    try:
        async with local_http(base_url=settings.links.base_url) as browser:
            yield Desk(bed, settings, browser)
    finally:
        running.stop()
        await serving


@pytest_asyncio.fixture
async def desk(bed: Bed) -> AsyncIterator[Desk]:
    async with console(bed) as opened:
        await bed.stripe_control("webhooks", {"url": f"{opened.links.base_url}/webhooks/stripe"})
        yield opened
        await bed.stripe_control("webhooks", {"url": None})


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """An event as Stripe writes it."""

    def make(kind: str, subject: dict[str, Any], event_id: str = "evt_1") -> dict[str, Any]:
        created = int(time.time())
        return {
            "id": event_id,
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": created,
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": None,
            "type": kind,
        }

    return make
