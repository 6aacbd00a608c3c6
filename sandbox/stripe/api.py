"""Stand-in for the Stripe HTTP API: cards, payments, Checkout, webhooks; real idempotency; state in a journal.

    uvicorn.run(Faults(stripe_app(Path("stripe.jsonl"))))   # drive it with StripeClient("sk_test_anything", ...)

Beside /v1 there are pages for the customer's browser (``hosted``) and a control surface (``control`` and
``webhooks``); neither needs a key.
"""

import asyncio
import functools
import re
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox.stand_ins.faults import CACHED_FAULT, CachedFault, error_body
from sandbox.stripe import checkout, customers, intents, refunds
from sandbox.stripe.control import ControlSurface
from sandbox.stripe.endpoints import Endpoint
from sandbox.stripe.hosted import add_hosted_pages
from sandbox.stripe.params import Params, check, nested
from sandbox.stripe.store import API_VERSION, Caller, Object, Store, StripeError, new_id
from sandbox.stripe.webhooks import WebhookSender, add_webhook_controls

_FILES = (customers, intents, checkout, refunds)
_ANSWERABLE_VERSION = re.compile(r"\d{4}-\d\d-\d\d\.endive")  # releases of one name understand each other


def stripe_app(journal: Path | None = None) -> FastAPI:
    """The stand-in as an ASGI app; state lives in `journal` (without one: in a temporary file)."""
    store = Store(journal)
    webhooks = WebhookSender(store)
    app = FastAPI(openapi_url=None)
    app.state.latency_seconds = 0.0
    app.state.webhooks = webhooks
    for endpoint in [endpoint for file in _FILES for endpoint in file.ENDPOINTS]:
        app.add_route(endpoint.path, functools.partial(_answer, store, endpoint), methods=[endpoint.method])
    add_hosted_pages(app, store)
    ControlSurface(app, store)
    add_webhook_controls(app, store, webhooks)

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
    caller = Caller(str(request.base_url).rstrip("/"), new_id("req"), key)
    version = request.headers.get("stripe-version", API_VERSION)
    headers = {"Request-Id": str(caller.request_id), "Stripe-Version": version}
    headers |= {"Idempotency-Key": key} if key else {}
    record: Object | None = None
    stored = False
    try:
        _authenticate(request)
        if not _ANSWERABLE_VERSION.fullmatch(version):
            raise StripeError(400, f"Invalid Stripe API version: {version}; this is {API_VERSION}", stored=False)
        record = store.begin(key, call) if key else None
        if record:
            status, body = record["status"], record["body"]
            headers |= {"Idempotent-Replayed": "true", "Original-Request": record["id"]}
        else:
            try:
                if changing and request.app.state.latency_seconds:
                    await asyncio.sleep(request.app.state.latency_seconds)
                with store.called_by(caller):
                    status, body, stored = _run(store, called, request, params)
            finally:
                store.in_flight.discard(key or "")
    except StripeError as refusal:
        status, body = refusal.status, refusal.body
    if changing:
        stored = stored and key is not None
        outcome = {"status": status, "body": body, "stored": stored, "replayed": record is not None}
        store.note("request", id=caller.request_id, clock=store.now(), idempotency_key=key, **call, **outcome)
    store.commit()
    request.app.state.webhooks.start()
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
    for path in params.get("expand", {}).values():
        names = path.removeprefix("data.").split(".")
        if body["object"] == "list":
            body = body | {"data": [_expand(store, row, names) for row in body["data"]]}
        else:
            body = _expand(store, body, names)
    return body


def _expand(store: Store, row: Object, names: list[str]) -> Object:
    """The row with the object instead of its id at this path."""
    name, *deeper = names
    value = row.get(name)
    if isinstance(value, str):
        value = store.objects.get(value, value)
    if isinstance(value, dict):
        return row | {name: _expand(store, value, deeper) if deeper else value}
    return row
