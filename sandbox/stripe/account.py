"""Account, balance and events of the Stripe stand-in."""

from fnmatch import fnmatchcase

from sandbox.stripe.endpoints import Endpoints, find, page
from sandbox.stripe.params import Params
from sandbox.stripe.store import SHAPES, Object, Store

ENDPOINTS = Endpoints()


@ENDPOINTS.on("GET", "/v1/account")
def retrieve_account(store: Store, params: Params) -> Object:
    return SHAPES["account"]


@ENDPOINTS.on("GET", "/v1/balance")
def retrieve_balance(store: Store, params: Params) -> Object:
    return SHAPES["balance"]


@ENDPOINTS.on("GET", "/v1/events/{id}")
def retrieve_event(store: Store, params: Params, event_id: str) -> Object:
    return _as_delivered(store, find(store, "event", event_id))


@ENDPOINTS.on("GET", "/v1/events", "type types created limit starting_after")
def list_events(store: Store, params: Params) -> Object:
    """`type` may be a group, "charge.*"."""
    patterns = [*params.get("types", {}).values(), *([params["type"]] if "type" in params else [])] or ["*"]
    events = store.newest("event")
    matching = [event for event in events if any(fnmatchcase(event["type"], pattern) for pattern in patterns)]
    events_page = page(matching, params, "/v1/events")
    return events_page | {"data": [_as_delivered(store, event) for event in events_page["data"]]}


def _as_delivered(store: Store, event: Object) -> Object:
    delivery = store.deliveries.get(event["id"], {})
    return event | {"pending_webhooks": int(delivery.get("state") == "pending")}
