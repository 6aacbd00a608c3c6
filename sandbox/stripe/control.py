"""Control surface of the Stripe stand-in, which needs no key; what no API method does: the clock, the bank, the world.

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
from collections.abc import Iterator
from typing import Literal

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from sandbox.stripe.attempts import attempt
from sandbox.stripe.cards import BEHAVIOUR
from sandbox.stripe.checkout import expire_sessions
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


def add_controls(app: FastAPI, store: Store) -> None:
    @app.post("/_control/clock")
    async def advance_clock(wanted: Advance) -> dict[str, int]:
        store.advance(wanted.advance_seconds)
        expire_sessions(store)
        store.commit()
        return {"now": store.now()}

    @app.post("/_control/latency")
    async def set_latency(wanted: Latency) -> Latency:
        app.state.latency_seconds = wanted.seconds
        return wanted

    @app.post("/_control/cards/{method_id}")
    async def set_behaviour(method_id: str, wanted: Behaviour) -> Behaviour:
        if method_id not in store.behaviours:
            raise HTTPException(404)
        store.note("behaviour", card=method_id, behaviour=wanted.behaviour)
        store.commit()
        return wanted

    @app.post("/_control/cards/{method_id}/renewal")
    async def renew(method_id: str, wanted: Renewal) -> Object:
        method = store.objects.get(method_id, {})
        if "card" not in method:
            raise HTTPException(404)
        card = method["card"] | {"last4": wanted.last4, "exp_year": method["card"]["exp_year"] + 3}
        renewed = store.put(method | {"card": card})
        store.commit()
        return renewed

    @app.post("/_control/payment_intents/{intent_id}")
    async def settle(intent_id: str, wanted: Behaviour) -> Object:
        """What the bank or the authenticating customer decides about an intent that waits for them."""
        intent = store.objects.get(intent_id, {})
        if intent.get("status") not in ("requires_action", "processing"):
            raise HTTPException(404)
        with contextlib.suppress(StripeError):  # the intent tells of its decline
            attempt(store, intent, wanted.behaviour, {"off_session": "true"})
        store.commit()
        return store.objects[intent_id]

    @app.post("/_control/disputes")
    async def dispute(wanted: Complaint) -> Object:
        with _refusals():
            opened = open_dispute(store, wanted.payment_intent, wanted.reason)
        store.commit()
        return opened

    @app.post("/_control/disputes/{dispute_id}")
    async def decide(dispute_id: str, wanted: Verdict) -> Object:
        with _refusals():
            closed = close_dispute(store, dispute_id, wanted.status)
        store.commit()
        return closed

    @app.get("/_control/journal")
    async def journal() -> Response:
        return Response(store.journal.read_bytes(), media_type="application/x-ndjson")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except StripeError as refusal:
        raise HTTPException(refusal.status, str(refusal)) from None
