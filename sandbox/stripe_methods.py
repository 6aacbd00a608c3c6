"""The API methods of the Stripe stand-in: customers, cards, payment intents; each registered in ENDPOINTS."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.stripe_cards import attach_card, attempt
from sandbox.stripe_params import Params, invalid, read_amount, read_currency, read_integer, read_metadata
from sandbox.stripe_store import Object, Store, StripeError, new_id

Method = Callable[..., Object]


@dataclass(frozen=True)
class Endpoint:
    """One API method: `run` gets the store, the parameters and the id in the path; `params` are those it accepts."""

    method: str
    path: str
    params: frozenset[str]
    run: Method


ENDPOINTS: list[Endpoint] = []


def endpoint(method: str, path: str, params: str = "") -> Callable[[Method], Method]:
    def register(run: Method) -> Method:
        ENDPOINTS.append(Endpoint(method, path, frozenset(params.split()) | {"expand"}, run))
        return run

    return register


# --- The account ---


@endpoint("GET", "/v1/account")
def retrieve_account(store: Store, params: Params) -> Object:
    return {"id": "acct_sandbox", "object": "account", "charges_enabled": True, "country": "US"}


@endpoint("GET", "/v1/balance")
def retrieve_balance(store: Store, params: Params) -> Object:
    return {"object": "balance", "available": [], "livemode": False, "pending": []}


# --- Customers ---


@endpoint("POST", "/v1/customers", "email name phone description metadata payment_method source")
def create_customer(store: Store, params: Params) -> Object:
    customer: Object = {
        "id": new_id("cus"),
        "object": "customer",
        "created": store.now(),
        "default_source": None,
        "invoice_settings": {"default_payment_method": None},
        "livemode": False,
        "metadata": read_metadata(params),
    }
    for name in ("email", "name", "phone", "description"):
        customer[name] = params.get(name)
    if method_id := params.get("payment_method"):
        _attach(store, method_id, customer["id"])
    if token := params.get("source"):  # the legacy way: tok_visa becomes a card_…, usable as a payment method
        card = attach_card(store, token.replace("tok_", "pm_card_", 1), customer["id"], prefix="card")
        if not card:
            raise StripeError(400, f"No such token: '{token}'", code="resource_missing", param="source")
        customer["default_source"] = card["id"]
    return store.put(customer)


@endpoint("GET", "/v1/customers", "email created limit starting_after")
def list_customers(store: Store, params: Params) -> Object:
    return _page(store.newest("customer", email=params.get("email")), params, "/v1/customers")


@endpoint("GET", "/v1/customers/{id}")
def retrieve_customer(store: Store, params: Params, customer_id: str) -> Object:
    return _found(store, "customer", customer_id, "id")


@endpoint("DELETE", "/v1/customers/{id}")
def delete_customer(store: Store, params: Params, customer_id: str) -> Object:
    _found(store, "customer", customer_id, "id")
    for method in store.newest("payment_method", customer=customer_id):
        store.put(method | {"customer": None})
    return store.put({"id": customer_id, "object": "customer", "deleted": True})


@endpoint("GET", "/v1/customers/{id}/payment_methods", "type limit starting_after")
def list_customer_payment_methods(store: Store, params: Params, customer_id: str) -> Object:
    _found(store, "customer", customer_id, "customer")
    methods = store.newest("payment_method", customer=customer_id, type=params.get("type"))
    return _page(methods, params, f"/v1/customers/{customer_id}/payment_methods")


# --- Payment methods ---


@endpoint("GET", "/v1/payment_methods", "customer type limit starting_after")
def list_payment_methods(store: Store, params: Params) -> Object:
    if "customer" in params:
        _found(store, "customer", params["customer"], "customer", status=400)
    methods = store.newest("payment_method", customer=params.get("customer"), type=params.get("type"))
    return _page(methods, params, "/v1/payment_methods")


@endpoint("GET", "/v1/payment_methods/{id}")
def retrieve_payment_method(store: Store, params: Params, method_id: str) -> Object:
    return _found(store, "payment_method", method_id, "payment_method")


@endpoint("POST", "/v1/payment_methods/{id}/attach", "customer")
def attach_payment_method(store: Store, params: Params, method_id: str) -> Object:
    if "customer" not in params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    _found(store, "customer", params["customer"], "customer", status=400)
    return _attach(store, method_id, params["customer"])


def _attach(store: Store, method_id: str, customer_id: str) -> Object:
    if attached := attach_card(store, method_id, customer_id):
        return attached
    if _found(store, "payment_method", method_id, "payment_method")["customer"]:
        raise StripeError(400, "The payment method you provided has already been attached to a customer.")
    raise StripeError(400, "This PaymentMethod was detached from a Customer. It may not be used again.")


@endpoint("POST", "/v1/payment_methods/{id}/detach")
def detach_payment_method(store: Store, params: Params, method_id: str) -> Object:
    method = _found(store, "payment_method", method_id, "payment_method")
    if not method["customer"]:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise StripeError(400, message)
    return store.put(method | {"customer": None})


# --- Payment intents ---

_UNCONFIRMED = ("requires_payment_method", "requires_confirmation", "requires_action")
_DESCRIPTORS = ("statement_descriptor", "statement_descriptor_suffix")
_AT_CONFIRM = "payment_method off_session error_on_requires_action return_url receipt_email"


@endpoint(
    "POST",
    "/v1/payment_intents",
    "amount currency customer confirm metadata description allowed_payment_method_types "
    f"automatic_payment_methods setup_future_usage {' '.join(_DESCRIPTORS)} {_AT_CONFIRM}",
)
def create_payment_intent(store: Store, params: Params) -> Object:
    currency = read_currency(params)
    amount = read_amount(params, currency)
    metadata = read_metadata(params)
    confirm = params.get("confirm") == "true"
    for name in ("off_session", "error_on_requires_action", "return_url"):
        if name in params and not confirm:
            raise invalid(f"`{name}` can only be used together with `confirm=true`.", name)
    if "customer" in params:
        _found(store, "customer", params["customer"], "customer", status=400)
    allowed_types = list(params.get("allowed_payment_method_types", {}).values())
    intent_id = new_id("pi")
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": allowed_types or None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": store.now(),
        "currency": currency,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata,
        "next_action": None,
        "payment_method": None,
        "payment_method_types": allowed_types or ["card"],
        "processing": None,
        "status": "requires_payment_method",
    }
    for name in ("customer", "description", "receipt_email", "setup_future_usage", *_DESCRIPTORS):
        intent[name] = params.get(name)
    intent = store.put(_with_payment_method(store, intent, params.get("payment_method")))
    return _confirmed(store, intent, params) if confirm else intent


@endpoint("GET", "/v1/payment_intents", "customer created limit starting_after")
def list_payment_intents(store: Store, params: Params) -> Object:
    intents = store.newest("payment_intent", customer=params.get("customer"))
    return _page(intents, params, "/v1/payment_intents")


@endpoint("GET", "/v1/payment_intents/{id}", "client_secret")
def retrieve_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    return _found(store, "payment_intent", intent_id, "intent")


@endpoint("POST", "/v1/payment_intents/{id}", "amount metadata description payment_method receipt_email")
def update_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    intent = _found(store, "payment_intent", intent_id, "intent")
    changes: Object = {name: params[name] for name in ("description", "receipt_email") if name in params}
    changes["metadata"] = read_metadata(params, intent["metadata"])
    if "amount" in params:
        changes["amount"] = read_amount(params, intent["currency"])
    if params.keys() & {"amount", "payment_method"}:
        _require_unconfirmed(intent, "update")
    return store.put(_with_payment_method(store, intent | changes, params.get("payment_method")))


@endpoint("POST", "/v1/payment_intents/{id}/confirm", _AT_CONFIRM)
def confirm_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    return _confirmed(store, _found(store, "payment_intent", intent_id, "intent"), params)


@endpoint("POST", "/v1/payment_intents/{id}/cancel", "cancellation_reason")
def cancel_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    reason = params.get("cancellation_reason")
    if reason not in (None, "abandoned", "duplicate", "fraudulent", "requested_by_customer"):
        raise invalid(f"Invalid cancellation_reason: {reason}", "cancellation_reason")
    intent = _found(store, "payment_intent", intent_id, "intent")
    _require_unconfirmed(intent, "cancel")
    canceled = {"status": "canceled", "canceled_at": store.now(), "cancellation_reason": reason}
    return store.put(intent | canceled | {"next_action": None})


def _confirmed(store: Store, intent: Object, params: Params) -> Object:
    _require_unconfirmed(intent, "confirm")
    method_id = params.get("payment_method", intent["payment_method"])
    if not method_id:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise StripeError(400, message, code="payment_intent_unexpected_state", payment_intent=intent)
    # Also for the card that is on the intent already: it may have been detached since.
    intent = _with_payment_method(store, intent, method_id)
    return attempt(store, intent, store.behaviours[method_id], params)


def _with_payment_method(store: Store, intent: Object, method_id: str | None) -> Object:
    if not method_id:
        return intent
    method = _found(store, "payment_method", method_id, "payment_method", status=400)
    if not intent["customer"] or method["customer"] != intent["customer"]:
        raise StripeError(
            400,
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    return intent | {"payment_method": method_id, "status": "requires_confirmation"}


def _require_unconfirmed(intent: Object, verb: str) -> None:
    if intent["status"] not in _UNCONFIRMED:
        raise StripeError(
            400,
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. "
            f"It would have to have one of the following statuses: {', '.join(_UNCONFIRMED)}.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )


# --- Shared by the methods ---


def _found(store: Store, kind: str, object_id: object, param: str, status: int = 404) -> Object:
    """404 for an id in the path; Stripe answers 400 for an id in a parameter."""
    found = store.objects.get(str(object_id))
    if not found or found["object"] != kind or (found.get("deleted") and status == 400):
        name = kind.replace("payment_method", "PaymentMethod")
        raise StripeError(status, f"No such {name}: '{object_id}'", code="resource_missing", param=param)
    return found


def _page(rows: list[Object], params: Params, url: str) -> Object:
    limit = read_integer(params, "limit", 1, default=10)
    if limit > 100:
        raise invalid("This value must be less than or equal to 100.", "limit", "parameter_invalid_integer")
    created = params.get("created", {})
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    tests: dict[str, Callable[[int, int], bool]] = {
        "gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__
    }  # fmt: skip
    for name in bounds:
        if name not in tests:
            raise invalid(f"Received unknown parameter: created[{name}]", "created", "parameter_unknown")
        bound = read_integer(bounds, name, 0)
        rows = [row for row in rows if tests[name](row["created"], bound)]
    if after := params.get("starting_after"):
        if all(row["id"] != after for row in rows):
            message = f"No such object: '{after}'"
            raise StripeError(400, message, code="resource_missing", param="starting_after")
        rows = list(itertools.dropwhile(lambda row: row["id"] != after, rows))[1:]
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}
