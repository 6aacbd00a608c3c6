"""Which changes of objects the Stripe stand-in announces, as Stripe does, by the types of its events."""

from collections.abc import Mapping
from typing import Any

_INTENT_STATUSES = {
    "succeeded": "payment_intent.succeeded",
    "processing": "payment_intent.processing",
    "canceled": "payment_intent.canceled",
    "requires_action": "payment_intent.requires_action",
}
_STATUSES = {
    ("charge", "succeeded"): "charge.succeeded",
    ("charge", "failed"): "charge.failed",
    ("dispute", "needs_response"): "charge.dispute.created",
    ("dispute", "won"): "charge.dispute.closed",
    ("dispute", "lost"): "charge.dispute.closed",
    ("checkout.session", "complete"): "checkout.session.completed",
    ("checkout.session", "expired"): "checkout.session.expired",
    ("setup_intent", "succeeded"): "setup_intent.succeeded",
}


def announced(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """The types of the events that tell of this change; `before` is None for a new object."""
    old = before or {}
    match after["object"]:
        case "payment_intent":
            return _of_intent(old, after)
        case "customer" if after.get("deleted"):
            return [] if old.get("deleted") else ["customer.deleted"]
        case "customer":
            return ["customer.updated" if old else "customer.created"]
        case "payment_method" if old.get("customer") != after["customer"]:
            return ["payment_method.attached" if after["customer"] else "payment_method.detached"]
        case "payment_method" if old["card"] != after["card"]:
            return ["payment_method.automatically_updated"]
        case "charge" if old.get("amount_refunded", 0) != after["amount_refunded"]:
            return ["charge.refunded"]
        case kind if (kind, after.get("status")) in _STATUSES and old.get("status") != after["status"]:
            return [_STATUSES[kind, after["status"]]]
    return []


def _of_intent(old: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    types = [] if old else ["payment_intent.created"]
    error = after["last_payment_error"]
    if error and error != old.get("last_payment_error"):
        types.append("payment_intent.payment_failed")
    told = ("status", "next_action")  # who confirms again is asked for authentication again
    if after["status"] in _INTENT_STATUSES and any(old.get(name) != after[name] for name in told):
        types.append(_INTENT_STATUSES[after["status"]])
    return types
