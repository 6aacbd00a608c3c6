"""Checkout sessions of the Stripe stand-in, to save a card (mode=setup), and their setup intents."""

from sandbox.stripe.cards import attach_card
from sandbox.stripe.endpoints import Endpoints, find, page
from sandbox.stripe.params import Params, invalid, read_currency, read_metadata
from sandbox.stripe.store import Object, Store, StripeError

ENDPOINTS = Endpoints()

SESSION_LIFETIME_SECONDS = 24 * 60 * 60


@ENDPOINTS.on(
    "POST",
    "/v1/checkout/sessions",
    "mode customer client_reference_id success_url cancel_url currency metadata setup_intent_data "
    "allowed_payment_method_types",
)
def create_session(store: Store, params: Params) -> Object:
    if params.get("mode") != "setup":
        raise invalid("This stand-in has Checkout in mode=setup only.", "mode")
    if "success_url" not in params:
        raise invalid("Missing required param: success_url.", "success_url", "parameter_missing")
    allowed_types = list(params.get("allowed_payment_method_types", {}).values())
    currency = None if allowed_types and "currency" not in params else read_currency(params)
    if "customer" in params:
        find(store, "customer", params["customer"], "customer", status=400)
    metadata = read_metadata(params)
    setup_intent = _create_setup_intent(store, params, allowed_types)
    session = store.new(
        "checkout.session",
        "cs_test",
        allowed_payment_method_types=allowed_types or None,
        currency=currency,
        expires_at=store.now() + SESSION_LIFETIME_SECONDS,
        metadata=metadata,
        payment_method_types=allowed_types or ["card"],
        setup_intent=setup_intent["id"],
        **{name: params.get(name) for name in ("cancel_url", "client_reference_id", "customer", "success_url")},
    )
    return store.put(session | {"url": f"{store.caller.base_url}/hosted/checkout/{session['id']}"})


def _create_setup_intent(store: Store, params: Params, allowed_types: list[str]) -> Object:
    data = params.get("setup_intent_data", {})
    intent = store.new(
        "setup_intent",
        "seti",
        allowed_payment_method_types=allowed_types or None,
        customer=params.get("customer"),
        description=data.get("description"),
        metadata=read_metadata(data),
        payment_method_types=allowed_types or ["card"],
    )
    return store.put(intent | {"client_secret": f"{intent['id']}_secret_sandbox"})


@ENDPOINTS.on("GET", "/v1/checkout/sessions", "customer status created limit starting_after")
def list_sessions(store: Store, params: Params) -> Object:
    expire_sessions(store)
    sessions = store.newest("checkout.session", customer=params.get("customer"), status=params.get("status"))
    return page(sessions, params, "/v1/checkout/sessions")


@ENDPOINTS.on("GET", "/v1/checkout/sessions/{id}")
def retrieve_session(store: Store, params: Params, session_id: str) -> Object:
    expire_sessions(store)
    return find(store, "checkout.session", session_id, "session")


@ENDPOINTS.on("POST", "/v1/checkout/sessions/{id}/expire")
def expire_session(store: Store, params: Params, session_id: str) -> Object:
    session = retrieve_session(store, params, session_id)
    if session["status"] != "open":
        message = 'Only Checkout Sessions with a status in ["open"] can be expired. '
        raise StripeError(400, f"{message}This Checkout Session has a status of {session['status']}.")
    return _expired(store, session)


@ENDPOINTS.on("GET", "/v1/setup_intents/{id}", "client_secret")
def retrieve_setup_intent(store: Store, params: Params, intent_id: str) -> Object:
    return find(store, "setup_intent", intent_id, "intent")


def complete_session(store: Store, session: Object, magic_id: str) -> Object:
    """The customer saved a card. Raises ``StripeError`` if the customer is deleted, or for an unknown card."""
    if session["customer"]:
        find(store, "customer", session["customer"], "customer", status=400)
    card = attach_card(store, magic_id, session["customer"])
    if not card:
        raise StripeError(400, f"No such card: '{magic_id}'")
    setup_intent = store.objects[session["setup_intent"]]
    store.put(setup_intent | {"status": "succeeded", "payment_method": card["id"]})
    return store.put(session | {"status": "complete", "url": None})


def expire_sessions(store: Store) -> None:
    """Expires those older than a day by the stand-in's clock."""
    for session in store.newest("checkout.session", status="open"):
        if session["expires_at"] <= store.now():
            _expired(store, session)


def _expired(store: Store, session: Object) -> Object:
    return store.put(session | {"status": "expired", "url": None})
