"""Refunds and disputes of the Stripe stand-in: money that goes back."""

from typing import Literal

from sandbox.stripe.endpoints import Endpoints, find
from sandbox.stripe.params import Params, invalid, read_integer, read_metadata
from sandbox.stripe.store import Object, Store, StripeError

ENDPOINTS = Endpoints()

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_EVIDENCE_DUE_SECONDS = 9 * 24 * 60 * 60


# --- Refunds ---


@ENDPOINTS.on("POST", "/v1/refunds", "payment_intent charge amount reason metadata")
def create_refund(store: Store, params: Params) -> Object:
    if params.get("reason") not in (None, *_REASONS):
        raise invalid(f"Invalid reason: must be one of {', '.join(_REASONS)}", "reason")
    metadata = read_metadata(params)
    charge = _refundable(store, params)
    refundable = charge["amount"] - charge["amount_refunded"]
    amount = read_integer(params, "amount", 1, default=refundable)
    if amount > refundable:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({refundable})"
        raise StripeError(400, message, param="amount")
    fields = {"charge": charge["id"], "payment_intent": charge["payment_intent"], "currency": charge["currency"]}
    reason = params.get("reason")
    refund = store.put(store.new("refund", "re", amount=amount, metadata=metadata, reason=reason, **fields))
    store.put(charge | {"amount_refunded": charge["amount_refunded"] + amount, "refunded": amount == refundable})
    return refund


ENDPOINTS.readable("refund", "/v1/refunds", "payment_intent charge")


def _refundable(store: Store, params: Params) -> Object:
    charge = _charge_named(store, params)
    charge_id = charge["id"]
    if not charge["paid"]:
        raise StripeError(400, f"Charge {charge_id} is not paid, so there is nothing to refund.", param="charge")
    if charge["refunded"]:
        message = f"Charge {charge_id} has already been refunded."
        raise StripeError(400, message, code="charge_already_refunded")
    if any(dispute["status"] != "won" for dispute in store.newest("dispute", charge=charge_id)):
        message = f"Charge {charge_id} has been charged back; cannot issue a refund."
        raise StripeError(400, message, code="charge_disputed")
    return charge


def _charge_named(store: Store, params: Params) -> Object:
    if "charge" in params:
        return find(store, "charge", params["charge"], "charge", status=400)
    if "payment_intent" not in params:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise invalid(message, "payment_intent", "parameter_missing")
    return _charge_of(store, find(store, "payment_intent", params["payment_intent"], "payment_intent", status=400))


def _charge_of(store: Store, intent: Object) -> Object:
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise StripeError(400, message, code="payment_intent_unexpected_state", param="payment_intent")
    return store.objects[intent["latest_charge"]]


# --- Disputes ---


ENDPOINTS.readable("dispute", "/v1/disputes", "payment_intent charge")


def open_dispute(store: Store, intent_id: str, reason: str) -> Object:
    """The customer's bank disputes a charge. Raises ``StripeError`` if no money could be returned."""
    charge = _charge_of(store, find(store, "payment_intent", intent_id, "intent"))
    if charge["disputed"] or charge["refunded"]:
        done = "disputed" if charge["disputed"] else "refunded"
        raise StripeError(400, f"Charge {charge['id']} has been {done} already.")
    store.put(charge | {"disputed": True})
    details = {
        "due_by": store.now() + _EVIDENCE_DUE_SECONDS,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }
    dispute = store.new(
        "dispute",
        "dp",
        amount=charge["amount"] - charge["amount_refunded"],
        charge=charge["id"],
        currency=charge["currency"],
        evidence_details=details,
        payment_intent=intent_id,
        reason=reason,
    )
    return store.put(dispute)


def close_dispute(store: Store, dispute_id: str, status: Literal["won", "lost"]) -> Object:
    """The bank decides. Raises ``StripeError`` for a dispute that is closed."""
    dispute = find(store, "dispute", dispute_id)
    if dispute["status"] != "needs_response":
        raise StripeError(400, f"Dispute {dispute_id} is {dispute['status']} already.")
    return store.put(dispute | {"status": status})
