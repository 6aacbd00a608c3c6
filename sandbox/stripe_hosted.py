"""Pages of the Stripe stand-in for the customer's browser: the bank's authentication. They need no API key.

/hosted/authenticate/{payment intent}    complete or fail; then on to the return_url of the confirmation
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader

from billing.money import format_amount
from sandbox.stripe_attempts import attempt, fail_authentication
from sandbox.stripe_params import Params, nested
from sandbox.stripe_store import Caller, Object, Store

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates_stripe")), autoescape=True, trim_blocks=True
)
_REDIRECT_STATUSES = {"succeeded": "succeeded", "processing": "pending"}  # every other: failed


def add_hosted_pages(app: FastAPI, store: Store) -> None:
    @app.get("/hosted/authenticate/{intent_id}")
    async def ask(intent_id: str) -> Response:
        return _authentication(store, intent_id)

    @app.post("/hosted/authenticate/{intent_id}")
    async def answer(intent_id: str, request: Request) -> Response:
        form = await _form(request)
        with store.called_by(_caller(request)):
            answered = _answer_authentication(store, intent_id, form.get("authentication") == "complete")
        store.commit()
        return answered


async def _form(request: Request) -> Params:
    return nested((await request.body()).decode())


def _caller(request: Request) -> Caller:
    return Caller(str(request.base_url).rstrip("/"))


def _page(name: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(name).render(values), status)


def _closed(heading: str, explanation: str, status: int = 200) -> Response:
    return _page("closed.html", status, heading=heading, explanation=explanation)


# --- The bank's page ---


def _authentication(store: Store, intent_id: str) -> Response:
    intent = store.objects.get(intent_id, {})
    if not _return_url(store, intent_id):
        return _closed("Nothing to confirm", "No payment waits for an authentication here.", 404)
    if intent["status"] != "requires_action":
        return _closed("This is done already", "The bank has its answer. You can close this page.")
    return _page(
        "authenticate.html",
        amount=format_amount(intent["amount"], intent["currency"]),
        card=store.objects[intent["payment_method"]]["card"],
        description=intent["description"],
    )


def _answer_authentication(store: Store, intent_id: str, complete: bool) -> Response:
    """A second answer changes nothing; it goes back to the shop like the first."""
    return_url = _return_url(store, intent_id)
    if not return_url:
        return _authentication(store, intent_id)
    intent = store.objects[intent_id]
    if intent["status"] == "requires_action":
        intent = _settle(store, intent, complete)
    query = {
        "payment_intent": intent_id,
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": _REDIRECT_STATUSES.get(intent["status"], "failed"),
    }
    return RedirectResponse(f"{return_url}{'&' if '?' in return_url else '?'}{urlencode(query)}", 303)


def _settle(store: Store, intent: Object, complete: bool) -> Object:
    if not complete:
        return fail_authentication(store, intent)
    return attempt(store, intent, "succeed", {})


def _return_url(store: Store, intent_id: str) -> str | None:
    """Where the customer comes from, by the newest event that asked for the authentication."""
    for event in store.newest("event", type="payment_intent.requires_action"):
        intent = event["data"]["object"]
        if intent["id"] == intent_id:
            asked: Object = intent["next_action"].get("redirect_to_url", {})
            return asked.get("return_url")
    return None
