"""Checkout sessions of the Stripe stand-in: to save a card (mode=setup), or to pay once (mode=payment)."""

from sandbox.stripe.attempts import attempt
from sandbox.stripe.cards import attach_card
from sandbox.stripe.endpoints import Endpoints, find, page
from sandbox.stripe.intents import canceled, create_payment_intent
from sandbox.stripe.params import Params, invalid, read_amount, read_currency, read_integer, read_metadata
from sandbox.stripe.store import Object, Store, StripeError

ENDPOINTS = Endpoints()

LIFETIME_SECONDS = 24 * 60 * 60
LIFETIME_SECONDS_MIN = 30 * 60


@ENDPOINTS.on(
    "POST",
    "/v1/checkout/sessions",
    "mode customer client_reference_id success_url cancel_url currency metadata setup_intent_data expires_at "
    "allowed_payment_method_types adaptive_pricing line_items payment_intent_data",
)
def create_session(store: Store, params: Params) -> Object:
    if params.get("mode") not in ("setup", "payment"):
        raise invalid("This stand-in has Checkout in mode=setup and mode=payment only.", "mode")
    if "success_url" not in params:
        raise invalid("Missing required param: success_url.", "success_url", "parameter_missing")
    allowed_types = list(params.get("allowed_payment_method_types", {}).values())
    if "customer" in params:
        find(store, "customer", params["customer"], "customer", status=400)
    fields = {
        "allowed_payment_method_types": allowed_types or None,
        "expires_at": _read_expiry(store, params),
        "metadata": read_metadata(params),
        "mode": params["mode"],
        "payment_method_types": allowed_types or ["card"],
        **{name: params.get(name) for name in ("cancel_url", "client_reference_id", "customer", "success_url")},
    }
    of_mode = _for_payment(params) if params["mode"] == "payment" else _for_setup(store, params, allowed_types)
    session = store.new("checkout.session", "cs_test", **fields, **of_mode)
    return store.put(session | {"url": f"{store.caller.base_url}/hosted/checkout/{session['id']}"})


def _read_expiry(store: Store, params: Params) -> int:
    latest = store.now() + LIFETIME_SECONDS
    expires_at = read_integer(params, "expires_at", 0, default=latest)
    if not store.now() + LIFETIME_SECONDS_MIN <= expires_at <= latest:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise invalid(message, "expires_at")
    return expires_at


def _for_payment(params: Params) -> Object:
    """The fields of a session that takes a payment. Its intent is made when the customer pays."""
    prices = [_read_line(line) for line in params.get("line_items", {}).values()]
    if not prices:
        raise invalid("You must provide at least one item in `line_items`.", "line_items", "parameter_missing")
    (currency, *others) = {currency for currency, _, _ in prices}
    if others:
        raise invalid("All prices of a Checkout Session have the same currency.", "line_items")
    total = read_amount({"amount": str(sum(amount for _, amount, _ in prices))}, currency)
    intent = params.get("payment_intent_data", {})
    return {
        "amount_subtotal": total,
        "amount_total": total,
        "currency": currency,
        "payment_intent_data": {"description": intent.get("description"), "metadata": read_metadata(intent)},
        "payment_status": "unpaid",
        "setup_intent": None,
        "shown_as": ", ".join(name for _, _, name in prices),
    }


def _read_line(line: Params) -> tuple[str, int, str]:
    """Currency, amount and name of a line."""
    price = line.get("price_data", {})
    name = price.get("product_data", {}).get("name")
    if not name:
        param = "line_items[0][price_data][product_data][name]"
        raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
    amount = read_integer(price, "unit_amount", 0) * read_integer(line, "quantity", 1)
    return read_currency(price), amount, name


def _for_setup(store: Store, params: Params, allowed_types: list[str]) -> Object:
    """The fields of a session that saves a card."""
    currency = None if allowed_types and "currency" not in params else read_currency(params)
    return {"currency": currency, "setup_intent": _create_setup_intent(store, params, allowed_types)["id"]}


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


@ENDPOINTS.on("GET", "/v1/checkout/sessions", "customer payment_intent status created limit starting_after")
def list_sessions(store: Store, params: Params) -> Object:
    expire_sessions(store)
    fields = {name: params.get(name) for name in ("customer", "payment_intent", "status")}
    return page(store.newest("checkout.session", **fields), params, "/v1/checkout/sessions")


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


def save_card(store: Store, session: Object, magic_id: str) -> Object:
    """The customer saved a card. Raises ``StripeError`` if the customer is deleted, or for an unknown card."""
    card = _entered_card(store, session, magic_id, session["customer"])
    setup_intent = store.objects[session["setup_intent"]]
    store.put(setup_intent | {"status": "succeeded", "payment_method": card["id"]})
    return store.put(session | {"status": "complete", "url": None})


def pay(store: Store, session: Object, magic_id: str) -> Object:
    """The customer pays with a card that is not kept; returns the intent. Raises ``StripeError`` for a refusal.

    The session stays open until the payment has succeeded, or is processing.
    """
    card = _entered_card(store, session, magic_id, None)
    intent = store.objects.get(session["payment_intent"] or "") or _create_intent(store, session)
    store.put(session | {"payment_intent": intent["id"]})
    intent = store.put(intent | {"payment_method": card["id"], "status": "requires_confirmation", "next_action": None})
    try:
        return attempt(store, intent, store.behaviours[card["id"]], {"return_url": session["url"]})
    finally:
        follow_intent(store, intent["id"])


def _create_intent(store: Store, session: Object) -> Object:
    given = {"amount": session["amount_total"], "currency": session["currency"], "customer": session["customer"]}
    data = given | session["payment_intent_data"]
    return create_payment_intent(store, {name: value for name, value in data.items() if value is not None})


def _entered_card(store: Store, session: Object, magic_id: str, customer_id: str | None) -> Object:
    if session["customer"]:
        find(store, "customer", session["customer"], "customer", status=400)
    card = attach_card(store, magic_id, customer_id)
    if not card:
        raise StripeError(400, f"No such card: '{magic_id}'")
    return card


def follow_intent(store: Store, intent_id: str) -> None:
    """Brings the session of an intent, if there is one, to where its payment is."""
    intent = store.objects[intent_id]
    for session in store.newest("checkout.session", payment_intent=intent_id):
        match session["status"], intent["status"]:
            case (("open" | "complete"), "succeeded"):
                store.put(session | {"status": "complete", "payment_status": "paid", "url": None})
            case "open", "processing":
                store.put(session | {"status": "complete", "url": None})
            case "complete", "requires_payment_method":
                store.put(session)  # nothing of it changes: only an event tells that the payment has failed


def expire_sessions(store: Store) -> None:
    """Expires those whose time is over by the stand-in's clock."""
    for session in store.newest("checkout.session", status="open"):
        if session["expires_at"] <= store.now():
            _expired(store, session)


def _expired(store: Store, session: Object) -> Object:
    if intent := store.objects.get(session["payment_intent"] or ""):
        store.put(canceled(store, intent))
    return store.put(session | {"status": "expired", "url": None})
