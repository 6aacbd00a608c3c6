"""Control surface of the Stripe stand-in, without a key: moves the clock and acts for banks and card networks.

POST /_control/clock {"advance_seconds": n}
POST /_control/latency {"seconds": n}                  how long a POST or DELETE is in flight before it takes effect
POST /_control/cards/{payment method} {"behaviour": "decline:insufficient_funds"}
POST /_control/cards/{payment method}/renewal {"last4": "1881"}    the network updates the card, whose number is another
POST /_control/payment_intents/{id} {"behaviour": "succeed"}       ends requires_action and processing
POST /_control/disputes {"payment_intent": id, "reason": "fraudulent"}
POST /_control/disputes/{dispute} {"status": "won"}    or "lost"
GET  /_control/journal                                 JSON lines
"""

import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from sandbox.stripe.attempts import attempt
from sandbox.stripe.cards import BEHAVIOUR
from sandbox.stripe.checkout import expire_sessions, follow_intent
from sandbox.stripe.refunds import close_dispute, open_dispute
from sandbox.stripe.store import Object, Store, StripeError


class Advance(BaseModel):
    advance_seconds: float = Field(ge=0)


class Latency(BaseModel):
    seconds: float = Field(ge=0)


class Behaviour(BaseModel):
    behaviour: str = Field(pattern=BEHAVIOUR)


class Renewal(BaseModel):
    last4: str = Field(pattern=r"^[0-9]{4}$")


class Complaint(BaseModel):
    payment_intent: str
    reason: str = "fraudulent"


class Verdict(BaseModel):
    status: Literal["won", "lost"]


class ControlSurface:
    """The handlers of the control surface; each commits before it answers."""

    def __init__(self, app: FastAPI, store: Store) -> None:
        self._app = app
        self._store = store
        handlers: dict[str, Callable[..., Coroutine[Any, Any, object]]] = {
            "clock": self._advance_clock,
            "latency": self._set_latency,
            "cards/{method_id}": self._set_behaviour,
            "cards/{method_id}/renewal": self._renew,
            "payment_intents/{intent_id}": self._settle,
            "disputes": self._dispute,
            "disputes/{dispute_id}": self._decide,
        }
        for path, handler in handlers.items():
            app.post(f"/_control/{path}")(store.committing(handler))
        app.get("/_control/journal")(self._journal)

    async def _advance_clock(self, body: Advance) -> dict[str, int]:
        self._store.advance(body.advance_seconds)
        expire_sessions(self._store)
        return {"now": self._store.now()}

    async def _set_latency(self, body: Latency) -> Latency:
        self._app.state.latency_seconds = body.seconds
        return body

    async def _set_behaviour(self, method_id: str, body: Behaviour) -> Behaviour:
        if method_id not in self._store.behaviours:
            raise HTTPException(404)
        self._store.note("behaviour", card=method_id, behaviour=body.behaviour)
        return body

    async def _renew(self, method_id: str, body: Renewal) -> Object:
        method = self._store.objects.get(method_id, {})
        if "card" not in method:
            raise HTTPException(404)
        card = method["card"] | {"last4": body.last4, "exp_year": method["card"]["exp_year"] + 3}
        return self._store.put(method | {"card": card})

    async def _settle(self, intent_id: str, body: Behaviour) -> Object:
        """The bank, or the authenticating customer, decides about an intent that waits for them."""
        intent = self._store.objects.get(intent_id, {})
        if intent.get("status") not in ("requires_action", "processing"):
            raise HTTPException(404)
        with contextlib.suppress(StripeError):  # the intent records its decline
            attempt(self._store, intent, body.behaviour, {"off_session": "true"})
        follow_intent(self._store, intent_id)
        return self._store.objects[intent_id]

    async def _dispute(self, body: Complaint) -> Object:
        with _refusals():
            return open_dispute(self._store, body.payment_intent, body.reason)

    async def _decide(self, dispute_id: str, body: Verdict) -> Object:
        with _refusals():
            return close_dispute(self._store, dispute_id, body.status)

    async def _journal(self) -> Response:
        return Response(self._store.journal.read_bytes(), media_type="application/x-ndjson")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except StripeError as refusal:
        raise HTTPException(refusal.status, str(refusal)) from None
