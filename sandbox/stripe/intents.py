"""Payment intents and charges of the Stripe stand-in."""

from sandbox.stripe.attempts import attempt
from sandbox.stripe.customers import require_attached
from sandbox.stripe.endpoints import Endpoints, find
from sandbox.stripe.params import AMEX_MAX, Params, invalid, read_amount, read_currency, read_metadata, require_at_most
from sandbox.stripe.store import Object, Store, StripeError

ENDPOINTS = Endpoints()

_UNCONFIRMED = ("requires_payment_method", "requires_confirmation", "requires_action")
_DESCRIPTORS = ("statement_descriptor", "statement_descriptor_suffix")
_AT_CONFIRM = "payment_method off_session error_on_requires_action return_url receipt_email"


@ENDPOINTS.on(
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
        find(store, "customer", params["customer"], "customer", status=400)
    allowed_types = list(params.get("allowed_payment_method_types", {}).values())
    texts = ("customer", "description", "receipt_email", "setup_future_usage", *_DESCRIPTORS)
    intent = store.new(
        "payment_intent",
        "pi",
        allowed_payment_method_types=allowed_types or None,
        amount=amount,
        currency=currency,
        metadata=metadata,
        payment_method_types=allowed_types or ["card"],
        **{name: params.get(name) or None for name in texts},
    )
    intent["client_secret"] = f"{intent['id']}_secret_sandbox"
    intent = store.put(_with_payment_method(store, intent, params.get("payment_method")))
    return _confirmed(store, intent, params) if confirm else intent


ENDPOINTS.readable("payment_intent", "/v1/payment_intents", "customer", "intent", "client_secret")


@ENDPOINTS.on("POST", "/v1/payment_intents/{id}", "description metadata")
def update_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    """The product never updates one, but people may, at Stripe's dashboard. Stripe then forgets the last error."""
    intent = find(store, "payment_intent", intent_id, "intent")
    changes = {"metadata": read_metadata(params, intent["metadata"]), "last_payment_error": None}
    if "description" in params:
        changes["description"] = params["description"] or None
    return store.put(intent | changes)


@ENDPOINTS.on("POST", "/v1/payment_intents/{id}/confirm", _AT_CONFIRM)
def confirm_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    _require_no_session(store, intent_id, "confirm")
    return _confirmed(store, find(store, "payment_intent", intent_id, "intent"), params)


@ENDPOINTS.on("POST", "/v1/payment_intents/{id}/cancel", "cancellation_reason")
def cancel_payment_intent(store: Store, params: Params, intent_id: str) -> Object:
    reason = params.get("cancellation_reason")
    if reason not in (None, "abandoned", "duplicate", "fraudulent", "requested_by_customer"):
        raise invalid(f"Invalid cancellation_reason: {reason}", "cancellation_reason")
    intent = find(store, "payment_intent", intent_id, "intent")
    _require_no_session(store, intent_id, "cancel")
    _require_unconfirmed(intent, "cancel")
    return store.put(canceled(store, intent, reason))


def canceled(store: Store, intent: Object, reason: str | None = None) -> Object:
    fields = {"status": "canceled", "canceled_at": store.now(), "cancellation_reason": reason, "next_action": None}
    return intent | fields


def _require_no_session(store: Store, intent_id: str, verb: str) -> None:
    if store.newest("checkout.session", payment_intent=intent_id):
        message = f"You cannot {verb} the PaymentIntent for a Checkout Session. Expire the Checkout Session instead."
        raise StripeError(400, message)


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
    method = require_attached(store, method_id, intent["customer"])
    if method["card"]["brand"] == "amex":
        require_at_most(AMEX_MAX, intent["amount"])
    return intent | {"payment_method": method_id, "status": "requires_confirmation", "next_action": None}


def _require_unconfirmed(intent: Object, verb: str) -> None:
    if intent["status"] not in _UNCONFIRMED:
        raise StripeError(
            400,
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. "
            f"It would have to have one of the following statuses: {', '.join(_UNCONFIRMED)}.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )


ENDPOINTS.readable("charge", "/v1/charges", "customer payment_intent")
