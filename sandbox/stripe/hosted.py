"""Pages of the Stripe stand-in for the customer's browser: the bank's, and Checkout. They need no API key.

/hosted/authenticate/{payment intent}    complete or fail; then on to the return_url of the confirmation
/hosted/checkout/{checkout session}      save a test card, or pay with one; then on to the session's success_url, or
                                         its cancel_url
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader

from billing.money import format_amount
from sandbox.stripe.attempts import attempt, fail_authentication
from sandbox.stripe.cards import MAGIC_CARDS
from sandbox.stripe.checkout import expire_sessions, follow_intent, pay, save_card
from sandbox.stripe.params import Params, nested
from sandbox.stripe.store import Caller, Object, Store, StripeError

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, trim_blocks=True
)
_REDIRECT_STATUSES = {"succeeded": "succeeded", "processing": "pending"}  # every other: failed


def add_hosted_pages(app: FastAPI, store: Store) -> None:
    @app.get("/hosted/authenticate/{intent_id}")
    async def ask(intent_id: str) -> Response:
        return _authentication(store, intent_id)

    @app.post("/hosted/authenticate/{intent_id}")
    @store.committing
    async def answer(intent_id: str, request: Request) -> Response:
        return _answer_authentication(store, intent_id, await _form(request))

    @app.get("/hosted/checkout/{session_id}")
    @store.committing
    async def choose(session_id: str, redirect_status: str = "") -> Response:
        return _back_from_bank(store, session_id) if redirect_status else _checkout(store, session_id)

    @app.post("/hosted/checkout/{session_id}")
    @store.committing
    async def save(session_id: str, request: Request) -> Response:
        form = await _form(request)
        with store.called_by(Caller(str(request.base_url).rstrip("/"))):
            return _answer_checkout(store, session_id, form)


async def _form(request: Request) -> Params:
    return nested((await request.body()).decode())


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


def _answer_authentication(store: Store, intent_id: str, form: Params) -> Response:
    """A second answer changes nothing; it is redirected to the shop like the first."""
    return_url = _return_url(store, intent_id)
    if not return_url:
        return _authentication(store, intent_id)
    intent = store.objects[intent_id]
    if intent["status"] == "requires_action":
        complete = form.get("authentication") == "complete"
        intent = attempt(store, intent, "succeed", {}) if complete else fail_authentication(store, intent)
        follow_intent(store, intent_id)
    query = {
        "payment_intent": intent_id,
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": _REDIRECT_STATUSES.get(intent["status"], "failed"),
    }
    return RedirectResponse(f"{return_url}{'&' if '?' in return_url else '?'}{urlencode(query)}", 303)


def _return_url(store: Store, intent_id: str) -> str | None:
    """Where the customer came from, by the newest event that requested the authentication."""
    for event in store.newest("event", type="payment_intent.requires_action"):
        intent = event["data"]["object"]
        if intent["id"] == intent_id:
            redirect: Object = intent["next_action"].get("redirect_to_url", {})
            return redirect.get("return_url")
    return None


# --- Checkout ---

_CHOICES = {
    "pm_card_visa": "Works",
    "pm_card_mastercard": "Works",
    "pm_card_chargeCustomerFailInsufficientFunds": "Insufficient funds",
    "pm_card_chargeCustomerFail": "Declined",
    "pm_card_chargeCustomerFailStolenCard": "Stolen card",
    "pm_card_chargeCustomerFailExpiredCard": "Expired card",
    "pm_card_authenticationRequired": "Asks for authentication",
}
_PAYMENT_CHOICES = _CHOICES | {"pm_card_processing": "Takes days"}


def _checkout(store: Store, session_id: str, refusal: str = "") -> Response:
    """The page as it stands; ``refusal`` is why the payment before was declined."""
    session = _session(store, session_id)
    is_payment = session.get("mode") == "payment"
    match session.get("status"):
        case None:
            return _closed("Nothing to do here", "There is no such Checkout session.", 404)
        case "expired":
            return _closed("This page has expired", "Ask for a new link.", 410)
        case "complete":
            return _closed("You have paid" if is_payment else "Your card is saved", "You can close this page.")
    cards = [
        {"magic_id": magic_id, "label": label, "brand": MAGIC_CARDS[magic_id][0], "last4": MAGIC_CARDS[magic_id][1]}
        for magic_id, label in (_PAYMENT_CHOICES if is_payment else _CHOICES).items()
    ]
    customer = store.objects.get(session["customer"] or "", {})
    shown = {"cards": cards, "email": customer.get("email"), "cancel_url": session["cancel_url"]}
    if is_payment:
        amount = format_amount(session["amount_total"], session["currency"])
        shown |= {"amount": amount, "description": session["shown_as"], "refusal": refusal}
    return _page("checkout.html", 402 if refusal else 200, **shown)


def _back_from_bank(store: Store, session_id: str) -> Response:
    session = _session(store, session_id)
    if session.get("status") == "complete":
        return _on_to_shop(session)
    return _checkout(store, session_id, "Your bank could not confirm that it is you. Choose another card.")


def _answer_checkout(store: Store, session_id: str, form: Params) -> Response:
    """A second answer changes nothing; it is redirected to the shop like the first."""
    session = _session(store, session_id)
    if session.get("status") == "open":
        if form.get("answer") == "cancel" and session["cancel_url"]:
            return RedirectResponse(session["cancel_url"], 303)
        try:
            if session["mode"] == "payment":
                intent = pay(store, session, str(form.get("card")))
                if intent["status"] == "requires_action":
                    return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
            else:
                save_card(store, session, str(form.get("card")))
        except StripeError as refusal:
            if refusal.status == 402:
                return _checkout(store, session_id, str(refusal))
            return _closed("The card was not taken", str(refusal), 400)
    session = _session(store, session_id)
    return _on_to_shop(session) if session.get("status") == "complete" else _checkout(store, session_id)


def _on_to_shop(session: Object) -> Response:
    return RedirectResponse(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _session(store: Store, session_id: str) -> Object:
    expire_sessions(store)
    session = store.objects.get(session_id, {})
    return session if session.get("object") == "checkout.session" else {}
