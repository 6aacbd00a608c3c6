"""Stand-in for the Stripe HTTP API: customers, cards, payment intents; real idempotency; state in a journal.

    uvicorn.run(Faults(stripe_app(Path("stripe.jsonl"))))   # drive it with StripeClient("sk_test_anything", ...)

Beside /v1 there is a control surface, which needs no key: POST /_control/clock {"advance_seconds": n},
POST /_control/latency {"seconds": n} (how long a POST or DELETE is in flight before it takes effect),
POST /_control/cards/{payment method} {"behaviour": "decline:insufficient_funds"},
POST /_control/payment_intents/{id} {"behaviour": "succeed"} (ends requires_action and processing),
GET /_control/journal (JSON lines).
"""

import asyncio
import contextlib
import functools
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from sandbox.faults import CACHED_FAULT, CachedFault, error_body
from sandbox.stripe_cards import BEHAVIOUR, attempt
from sandbox.stripe_methods import ENDPOINTS, Endpoint
from sandbox.stripe_params import Params, check, nested
from sandbox.stripe_store import Object, Store, StripeError, new_id


def stripe_app(journal: Path | None = None) -> FastAPI:
    """The stand-in as an ASGI app; state lives in `journal` (without one: in a temporary file)."""
    store = Store(journal)
    app = FastAPI(openapi_url=None)
    app.state.latency_seconds = 0.0
    for each in ENDPOINTS:
        app.add_route(each.path, functools.partial(_answer, store, each), methods=[each.method])
    _add_controls(app, store)

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def unknown_url(request: Request, _: Exception) -> Response:
        message = f"Unrecognized request URL ({request.method}: {request.url.path})."
        return JSONResponse(StripeError(404, message).body, 404)

    return app


# --- One request: key, parameters, idempotency, journal ---


async def _answer(store: Store, called: Endpoint, request: Request) -> Response:
    changing = called.method != "GET"
    form = (await request.body()).decode() if called.method == "POST" else request.url.query
    params = nested(form)
    call = {"method": called.method, "path": request.url.path, "params": params}
    key = request.headers.get("idempotency-key") if called.method == "POST" else None
    request_id = new_id("req")
    headers = {"Request-Id": request_id} | ({"Idempotency-Key": key} if key else {})
    record: Object | None = None
    stored = False
    try:
        _authenticate(request)
        record = store.begin(key, call) if key else None
        if record:
            status, body = record["status"], record["body"]
            headers |= {"Idempotent-Replayed": "true", "Original-Request": record["id"]}
        else:
            try:
                if changing and request.app.state.latency_seconds:
                    await asyncio.sleep(request.app.state.latency_seconds)
                status, body, stored = _run(store, called, request, params)
            finally:
                store.in_flight.discard(key or "")
    except StripeError as refusal:
        status, body = refusal.status, refusal.body
    if changing:
        stored = stored and key is not None
        outcome = {"status": status, "body": body, "stored": stored, "replayed": record is not None}
        store.note("request", id=request_id, clock=store.now(), idempotency_key=key, **call, **outcome)
        store.commit()
    return JSONResponse(body, status, headers)


def _run(store: Store, called: Endpoint, request: Request, params: Params) -> tuple[int, Object, bool]:
    """Status, body, and whether an idempotency key remembers them."""
    fault: CachedFault | None = request.scope.get(CACHED_FAULT)
    if fault and not fault.executed:
        return fault.status, error_body(request.url.path, fault.status), True
    try:
        check(params, called.params)
        body = called.run(store, params, *request.path_params.values())
        outcome = 200, _expanded(store, body, params), True
    except StripeError as error:
        outcome = error.status, error.body, error.stored
    return (fault.status, error_body(request.url.path, fault.status), True) if fault else outcome


def _authenticate(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key:
        raise StripeError(401, "You did not provide an API key.", stored=False)
    if not key.startswith("sk_test_"):
        raise StripeError(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}", stored=False)


def _expanded(store: Store, body: Object, params: Params) -> Object:
    fields = {path.removeprefix("data.") for path in params.get("expand", {}).values()}

    def expand(row: Object) -> Object:
        return row | {field: store.objects[row[field]] for field in fields if row.get(field)}

    if body["object"] == "list":
        return body | {"data": [expand(row) for row in body["data"]]}
    return expand(body)


# --- The control surface ---


class Advance(BaseModel):
    advance_seconds: float = Field(ge=0)


class Latency(BaseModel):
    seconds: float = Field(ge=0)


class Behaviour(BaseModel):
    behaviour: str = Field(pattern=BEHAVIOUR)


def _add_controls(app: FastAPI, store: Store) -> None:
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
