"""Control surface of the Stripe stand-in, which needs no key; what no API method does: the clock, the bank, the world.

POST /_control/clock {"advance_seconds": n}
POST /_control/latency {"seconds": n}                  how long a POST or DELETE is in flight before it takes effect
POST /_control/cards/{payment method} {"behaviour": "decline:insufficient_funds"}
POST /_control/payment_intents/{id} {"behaviour": "succeed"}       ends requires_action and processing
GET  /_control/journal                                 JSON lines
"""

import contextlib

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from sandbox.stripe_attempts import attempt
from sandbox.stripe_cards import BEHAVIOUR
from sandbox.stripe_store import Object, Store, StripeError


class Advance(BaseModel):
    advance_seconds: float = Field(ge=0)


class Latency(BaseModel):
    seconds: float = Field(ge=0)


class Behaviour(BaseModel):
    behaviour: str = Field(pattern=BEHAVIOUR)


def add_controls(app: FastAPI, store: Store) -> None:
    @app.post("/_control/clock")
    async def advance_clock(wanted: Advance) -> dict[str, int]:
        store.advance(wanted.advance_seconds)
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

    @app.get("/_control/journal")
    async def journal() -> Response:
        return Response(store.journal.read_bytes(), media_type="application/x-ndjson")
