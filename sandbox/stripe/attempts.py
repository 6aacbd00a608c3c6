"""Attempts to pay a payment intent at the Stripe stand-in: what a card's behaviour makes of intent and charge."""

from collections.abc import Mapping

from sandbox.stripe.cards import card_error
from sandbox.stripe.store import Object, Store, StripeError

_AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
)


def attempt(store: Store, intent: Object, behaviour: str, params: Mapping[str, object]) -> Object:
    """Try to pay the intent with its payment method. Raises the 402 of a decline, which the intent then records."""
    outcome, _, decline = behaviour.partition(":")
    if outcome == "authentication_required":
        if params.get("off_session", "false") == params.get("error_on_requires_action", "false") == "false":
            action = _next_action(store, intent, params.get("return_url"))
            return store.put(intent | {"status": "requires_action", "next_action": action, "last_payment_error": None})
        outcome, decline = "decline", "authentication_required"
    charge = _charge(store, intent)
    tried = intent | {"next_action": None, "latest_charge": charge["id"], "last_payment_error": None}
    match outcome:
        case "succeed":
            paid = store.put(tried | {"status": "succeeded", "amount_received": intent["amount"]})
            store.put(charge | _PAID | {"amount_captured": intent["amount"]})
            return paid
        case "processing":
            store.put(charge)
            return store.put(tried | {"status": "processing"})
    method = store.objects[intent["payment_method"]]
    error = card_error(decline, charge=charge["id"], payment_method=method)
    last_error = error.body["error"]
    unpaid = {"status": "requires_payment_method", "payment_method": None, "last_payment_error": last_error}
    error.body = {"error": last_error | {"payment_intent": store.put(tried | unpaid)}}
    store.put(charge | _failed(last_error))
    raise error


def fail_authentication(store: Store, intent: Object) -> Object:
    """The customer did not prove to be the card's owner: there is no charge."""
    error = StripeError(
        400,
        _AUTHENTICATION_FAILED,
        code="payment_intent_authentication_failure",
        payment_method=store.objects[intent["payment_method"]],
    )
    failed = {"status": "requires_payment_method", "last_payment_error": error.body["error"]}
    return store.put(intent | failed | {"payment_method": None, "next_action": None})


def _next_action(store: Store, intent: Object, return_url: object) -> Object:
    if not return_url:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    url = f"{store.caller.base_url}/hosted/authenticate/{intent['id']}"
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}


# --- Charges ---

_PAID = {
    "captured": True,
    "outcome": {
        "advice_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "seller_message": "Payment complete.",
        "type": "authorized",
    },
    "paid": True,
    "status": "succeeded",
}


def _charge(store: Store, intent: Object) -> Object:
    """The pending charge of this attempt: a new one, or the one that was processing."""
    latest = store.objects.get(intent["latest_charge"] or "")
    if latest and latest["status"] == "pending":
        return latest
    method = store.objects[intent["payment_method"]]
    copied = ("amount", "currency", "customer", "description", "metadata", "payment_method", "receipt_email")
    return store.new(
        "charge",
        "ch",
        billing_details=method["billing_details"],
        payment_intent=intent["id"],
        payment_method_details={"card": method["card"], "type": "card"},
        **{name: intent[name] for name in copied},
    )


def _failed(error: Object) -> Object:
    outcome = {
        "advice_code": error.get("advice_code"),
        "network_status": "declined_by_network",
        "reason": error.get("decline_code", error["code"]),
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    failure = {"failure_code": error["code"], "failure_message": error["message"], "outcome": outcome}
    return failure | {"status": "failed"}
