"""Delivery of the Stripe stand-in's events: signed, in order, repeated until a 2xx; with faults on demand.

POST   /_control/webhooks {"url": "http://…", "secret": "whsec_…"}    events made from now on go there; null: nowhere
GET    /_control/webhooks                      how many are in which state, the faults, the deliveries, newest first
POST   /_control/webhooks/resend {"event": id}
POST   /_control/webhooks/faults {"kind": "drop", "times": null, "probability": 0.1, "type": "^charge"}
DELETE /_control/webhooks/faults
POST   /_control/webhooks/faults/seed {"seed": n}

An event that fails waits for its next attempt, while others go on. What is pending survives a restart.
"""

import asyncio
import heapq
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import stripe
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field, HttpUrl

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Fault, FaultRules, FaultSeed
from sandbox.stripe.store import Object, Store

SECRET = "whsec_sandbox"
ATTEMPTS_MAX = 100  # with the waits below: about 50 minutes
FIRST_RETRY_SECONDS = 0.2
RETRY_SECONDS_MAX = 30.0
ANSWER_SECONDS_MAX = 10.0
IDLE_SECONDS = 5.0  # without an event, until the task ends


class Destination(BaseModel, extra="forbid"):
    url: HttpUrl | None
    secret: str = SECRET
    attempts_max: int = Field(default=ATTEMPTS_MAX, ge=1)


class Resend(BaseModel):
    event: str


class WebhookFault(Fault):
    """A failure of delivery, decided when an event is made, by the first rule that fires.

    duplicate: delivered twice. reorder: delivered after the next event, or after `seconds` if none comes. drop: not
    delivered, though listed. delay: delivered after `seconds`.
    """

    kind: Literal["duplicate", "reorder", "drop", "delay"]
    type: re.Pattern[str] = re.compile("")  # searched for in the type of the event
    seconds: float = Field(default=1.5, ge=0)


@dataclass(order=True)
class PendingDelivery:
    """A delivery to make; `due` is monotonic time, in seconds."""

    due: float
    number: int  # breaks ties: first come, first served
    event_id: str = field(compare=False)
    failures: int = field(default=0, compare=False)


class WebhookSender:
    """The queue of deliveries, and the task that makes them, which lives while there is something to deliver."""

    def __init__(self, store: Store) -> None:
        self.faults = FaultRules[WebhookFault]()
        self._store = store
        self._queue: list[PendingDelivery] = []
        self._number = 0
        self._held: PendingDelivery | None = None  # by a reorder, until the next event
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        store.on_event = self._take_up
        for event_id, delivery in store.deliveries.items():
            if delivery["state"] == "pending":
                self._enqueue(event_id)
        self.start()

    def send_to(self, url: str | None, secret: str = SECRET, attempts_max: int = ATTEMPTS_MAX) -> None:
        """From now on; pending events too."""
        self._store.note("webhook", url=url, secret=secret, attempts_max=attempts_max)
        self._store.commit()
        self.start()

    def resend(self, event_id: str) -> None:
        self._note(event_id, state="pending")
        self._store.commit()
        self._enqueue(event_id)
        self.start()

    def start(self) -> None:
        """Delivers what is due. Without a running loop nothing happens; the next request starts it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._queue and (self._task is None or self._task.done()):
            self._news = asyncio.Event()
            self._task = loop.create_task(self._deliver_all())
        self._news.set()

    # --- The queue ---

    def _take_up(self, event: Object) -> None:
        """A new event, not committed yet: the task gets its turn after that."""
        if not self._store.webhook["url"]:
            return
        fault = self.faults.firing(lambda fault: self._is_possible(fault, event["type"]))
        kind = fault.kind if fault else None
        self._note(event["id"], state="dropped" if kind == "drop" else "pending")
        if kind == "drop":
            return
        late = fault.seconds if fault and fault.kind in ("delay", "reorder") else 0.0
        waiting = self._enqueue(event["id"], late)
        if kind == "duplicate":
            self._enqueue(event["id"])
        if kind == "reorder":
            self._held = waiting
        else:
            self._release()
        self.start()

    def _is_possible(self, fault: WebhookFault, kind: str) -> bool:
        return bool(fault.type.search(kind)) and (fault.kind != "reorder" or self._held is None)

    def _enqueue(self, event_id: str, after_seconds: float = 0.0) -> PendingDelivery:
        self._number += 1
        waiting = PendingDelivery(time.monotonic() + after_seconds, self._number, event_id)
        heapq.heappush(self._queue, waiting)
        return waiting

    def _release(self) -> None:
        """After the next event: lets the one follow that a reorder held back."""
        if self._held:
            self._held.due = time.monotonic()
            heapq.heapify(self._queue)
            self._held = None

    # --- The task ---

    async def _deliver_all(self) -> None:
        async with local_http(timeout=ANSWER_SECONDS_MAX) as http:
            while True:
                self._news.clear()
                deliverable = bool(self._queue and self._store.webhook["url"])
                wait_seconds = self._queue[0].due - time.monotonic() if deliverable else IDLE_SECONDS
                if wait_seconds <= 0:
                    await self._deliver(http, heapq.heappop(self._queue))
                    continue
                try:
                    async with asyncio.timeout(wait_seconds):
                        await self._news.wait()
                except TimeoutError:
                    if not deliverable:
                        return

    async def _deliver(self, http: httpx.AsyncClient, waiting: PendingDelivery) -> None:
        status, error = await self._post(http, self._store.objects[waiting.event_id])
        delivery = self._store.deliveries[waiting.event_id]
        state = delivery["state"]
        if error is None:
            state = "delivered"
        elif not self._again(waiting) and state == "pending":
            state = "gave_up"
        attempts = delivery["attempts"] + 1
        self._note(waiting.event_id, state=state, attempts=attempts, last_status=status, last_error=error)
        self._store.commit()

    def _again(self, waiting: PendingDelivery) -> bool:
        """Whether there will be another attempt after this failure."""
        waiting.failures += 1
        if waiting.failures >= self._store.webhook["attempts_max"]:
            return False
        delay_seconds = FIRST_RETRY_SECONDS * 2 ** (waiting.failures - 1)
        waiting.due = time.monotonic() + min(delay_seconds, RETRY_SECONDS_MAX)
        heapq.heappush(self._queue, waiting)
        return True

    async def _post(self, http: httpx.AsyncClient, event: Object) -> tuple[int | None, str | None]:
        """The status of the answer, if any, and what was wrong with it, if anything."""
        payload = json.dumps(event, indent=2)
        webhook = self._store.webhook
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": stripe.WebhookSignature.generate_signature_header(payload, webhook["secret"]),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await http.post(webhook["url"], content=payload.encode(), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return None, type(error).__name__
        return answer.status_code, None if answer.is_success else answer.reason_phrase or "not a 2xx"

    def _note(self, event_id: str, **changes: Any) -> None:
        new = {"event": event_id, "attempts": 0, "last_status": None, "last_error": None}
        self._store.note("delivery", **(new | self._store.deliveries.get(event_id, {}) | changes))


# --- Control ---


def add_webhook_controls(app: FastAPI, store: Store, webhooks: WebhookSender) -> None:
    def shown() -> Object:
        deliveries = list(reversed(store.deliveries.values()))
        return {
            "url": store.webhook["url"],
            "counts": Counter(delivery["state"] for delivery in deliveries),
            "faults": [fault.model_dump(mode="json") for fault in webhooks.faults],
            "deliveries": [{"type": store.objects[delivery["event"]]["type"]} | delivery for delivery in deliveries],
        }

    @app.post("/_control/webhooks")
    async def send_to(destination: Destination) -> Object:
        url = str(destination.url) if destination.url else None
        webhooks.send_to(url, destination.secret, destination.attempts_max)
        return shown()

    @app.get("/_control/webhooks")
    async def show() -> Object:
        webhooks.start()
        return shown()

    @app.post("/_control/webhooks/resend")
    async def resend(body: Resend) -> Object:
        if store.objects.get(body.event, {}).get("object") != "event":
            raise HTTPException(404)
        webhooks.resend(body.event)
        return store.deliveries[body.event]

    @app.post("/_control/webhooks/faults")
    async def add_fault(fault: WebhookFault) -> Object:
        webhooks.faults.append(fault)
        return shown()

    @app.delete("/_control/webhooks/faults")
    async def clear_faults() -> Object:
        webhooks.faults.clear()
        return shown()

    @app.post("/_control/webhooks/faults/seed")
    async def seed(body: FaultSeed) -> FaultSeed:
        webhooks.faults.random.seed(body.seed)
        return body
