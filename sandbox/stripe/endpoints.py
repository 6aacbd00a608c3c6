"""Building blocks of the Stripe stand-in's API methods: registration, finding objects, pages of lists.

ENDPOINTS = Endpoints()

@ENDPOINTS.on("GET", "/v1/charges/{id}")
def retrieve_charge(store: Store, params: Params, charge_id: str) -> Object: ...
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.stripe.params import Params, invalid, read_integer
from sandbox.stripe.store import Object, Store, StripeError

Method = Callable[..., Object]

_PAGE_MAX = 100
_NAMES = {"payment_method": "PaymentMethod", "checkout.session": "checkout session"}  # in messages


@dataclass(frozen=True)
class Endpoint:
    """One API method: `run` gets the store, the parameters and the id in the path; `params` are those it accepts."""

    method: str
    path: str
    params: frozenset[str]
    run: Method


class Endpoints(list[Endpoint]):
    """The API methods of one file."""

    def on(self, method: str, path: str, params: str = "") -> Callable[[Method], Method]:
        def register(run: Method) -> Method:
            self.append(Endpoint(method, path, frozenset(params.split()) | {"expand"}, run))
            return run

        return register

    def readable(self, kind: str, url: str, fields: str = "", param: str = "id", accepted: str = "") -> None:
        """GET of a list, filtered by ``fields``, and of one object, whose id is called ``param`` in messages."""

        def list_objects(store: Store, params: Params) -> Object:
            rows = store.newest(kind, **{name: params.get(name) for name in fields.split()})
            return page(rows, params, url)

        def retrieve(store: Store, params: Params, object_id: str) -> Object:
            return find(store, kind, object_id, param)

        self.on("GET", url, f"{fields} created limit starting_after")(list_objects)
        self.on("GET", f"{url}/{{id}}", accepted)(retrieve)


def find(store: Store, kind: str, object_id: object, param: str = "id", status: int = 404) -> Object:
    """The object of this id. Stripe answers 404 for an id in the path, and 400 for an id in a parameter."""
    row = store.objects.get(str(object_id))
    if not row or row["object"] != kind or (row.get("deleted") and status == 400):
        message = f"No such {_NAMES.get(kind, kind)}: '{object_id}'"
        raise StripeError(status, message, code="resource_missing", param=param)
    return row


def page(rows: list[Object], params: Params, url: str) -> Object:
    """The part of `rows`, newest first, that `created`, `starting_after` and `limit` ask for."""
    limit = read_integer(params, "limit", 1, default=10)
    if limit > _PAGE_MAX:
        message = f"This value must be less than or equal to {_PAGE_MAX}."
        raise invalid(message, "limit", "parameter_invalid_integer")
    rows = _created(rows, params.get("created", {}))
    if after := params.get("starting_after"):
        if all(row["id"] != after for row in rows):
            message = f"No such object: '{after}'"
            raise StripeError(400, message, code="resource_missing", param="starting_after")
        rows = list(itertools.dropwhile(lambda row: row["id"] != after, rows))[1:]
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}


def _created(rows: list[Object], created: Params | str) -> list[Object]:
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    tests: dict[str, Callable[[int, int], bool]] = {
        "gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__
    }  # fmt: skip
    for name in bounds:
        if name not in tests:
            raise invalid(f"Received unknown parameter: created[{name}]", "created", "parameter_unknown")
        bound = read_integer(bounds, name, 0)
        rows = [row for row in rows if tests[name](row["created"], bound)]
    return rows
