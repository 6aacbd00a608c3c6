"""Customers and payment methods of the Stripe stand-in."""

from sandbox.stripe.cards import attach_card
from sandbox.stripe.endpoints import Endpoints, find, page
from sandbox.stripe.params import Params, invalid, read_metadata
from sandbox.stripe.store import Object, Store, StripeError

ENDPOINTS = Endpoints()

_TEXTS = ("email", "name", "phone", "description")
_CUSTOMER = f"{' '.join(_TEXTS)} metadata invoice_settings"


def require_attached(store: Store, method_id: str, customer_id: str | None, param: str = "payment_method") -> Object:
    """The payment method, if it is this customer's."""
    method = find(store, "payment_method", method_id, param, status=400)
    if not customer_id or method["customer"] != customer_id:
        raise StripeError(
            400,
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method


# --- Customers ---


@ENDPOINTS.on("POST", "/v1/customers", f"{_CUSTOMER} payment_method source")
def create_customer(store: Store, params: Params) -> Object:
    texts = {name: params.get(name) or None for name in _TEXTS}
    customer = store.new("customer", "cus", metadata=read_metadata(params), **texts)
    if ".." in (customer["email"] or ""):
        raise invalid(f"Invalid email address: {customer['email']}", "email", "email_invalid")
    if method_id := params.get("payment_method"):
        _attach(store, method_id, customer["id"])
    if token := params.get("source"):  # the legacy way: tok_visa becomes a card_…, usable as a payment method
        card = attach_card(store, token.replace("tok_", "pm_card_", 1), customer["id"], prefix="card")
        if not card:
            raise StripeError(400, f"No such token: '{token}'", code="resource_missing", param="source")
        customer["default_source"] = card["id"]
    return store.put(customer | {"invoice_settings": _invoice_settings(store, params, customer["id"])})


ENDPOINTS.readable("customer", "/v1/customers", "email")


@ENDPOINTS.on("POST", "/v1/customers/{id}", _CUSTOMER)
def update_customer(store: Store, params: Params, customer_id: str) -> Object:
    """An empty text removes what was there."""
    customer = find(store, "customer", customer_id)
    if customer.get("deleted"):
        raise StripeError(404, f"No such customer: '{customer_id}'", code="resource_missing", param="id")
    changes: Object = {name: params[name] or None for name in _TEXTS if name in params}
    changes["metadata"] = read_metadata(params, customer["metadata"])
    if "invoice_settings" in params:
        changes["invoice_settings"] = _invoice_settings(store, params, customer_id)
    return store.put(customer | changes)


@ENDPOINTS.on("DELETE", "/v1/customers/{id}")
def delete_customer(store: Store, params: Params, customer_id: str) -> Object:
    find(store, "customer", customer_id)
    for method in store.newest("payment_method", customer=customer_id):
        store.put(method | {"customer": None})
    return store.put({"id": customer_id, "object": "customer", "deleted": True})


def _invoice_settings(store: Store, params: Params, customer_id: str) -> Object:
    method_id = params.get("invoice_settings", {}).get("default_payment_method") or None
    if method_id:
        require_attached(store, method_id, customer_id, "invoice_settings[default_payment_method]")
    return {"custom_fields": None, "default_payment_method": method_id, "footer": None, "rendering_options": None}


# --- Payment methods ---


@ENDPOINTS.on("GET", "/v1/payment_methods/{id}")
def retrieve_payment_method(store: Store, params: Params, method_id: str) -> Object:
    return find(store, "payment_method", method_id, "payment_method")


@ENDPOINTS.on("GET", "/v1/customers/{id}/payment_methods", "type limit starting_after")
def list_payment_methods(store: Store, params: Params, customer_id: str) -> Object:
    find(store, "customer", customer_id)
    rows = store.newest("payment_method", customer=customer_id, type=params.get("type"))
    return page(rows, params, f"/v1/customers/{customer_id}/payment_methods")


@ENDPOINTS.on("POST", "/v1/payment_methods/{id}/attach", "customer")
def attach_payment_method(store: Store, params: Params, method_id: str) -> Object:
    if "customer" not in params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    find(store, "customer", params["customer"], "customer", status=400)
    return _attach(store, method_id, params["customer"])


def _attach(store: Store, method_id: str, customer_id: str) -> Object:
    if attached := attach_card(store, method_id, customer_id):
        return attached
    if find(store, "payment_method", method_id, "payment_method")["customer"]:
        raise StripeError(400, "The payment method you provided has already been attached to a customer.")
    raise StripeError(400, "This PaymentMethod was detached from a Customer. It may not be used again.")


@ENDPOINTS.on("POST", "/v1/payment_methods/{id}/detach")
def detach_payment_method(store: Store, params: Params, method_id: str) -> Object:
    method = find(store, "payment_method", method_id, "payment_method")
    if not method["customer"]:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise StripeError(400, message)
    customer = store.objects[method["customer"]]
    if customer["invoice_settings"]["default_payment_method"] == method_id:
        settings = customer["invoice_settings"] | {"default_payment_method": None}
        store.put(customer | {"invoice_settings": settings})
    return store.put(method | {"customer": None})
