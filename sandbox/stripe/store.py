"""State of the Stripe stand-in: objects, events, idempotency records, a clock; every change is a line of its journal.

    store = Store(Path("stripe.jsonl"))         # rebuilt from the file, so SIGKILL loses nothing acknowledged
    store.put({"id": "cus_1", "object": "customer"})
    store.commit()                              # the changes of one request reach the file, or none of them

Journal lines: {"at": real time in UTC, "kind": "object" | "request" | "behaviour" | "clock" | "webhook" | "delivery",
...}. A request whose answer its idempotency key remembers carries "stored": true: that line is the idempotency record.
Events are objects too. "webhook" is where they go from then on, "delivery" the state of one event's delivery.
"""

import contextlib
import functools
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sandbox.stand_ins.journal_file import JournalFile, read_entries, temporary_journal

_P = ParamSpec("_P")
_T = TypeVar("_T")
Object = dict[str, Any]

API_VERSION = "2026-10-28.endive"
SHAPES: dict[str, Object] = json.loads(Path(__file__).with_name("objects.json").read_text())
"""The fields with which objects of each kind begin, beside those that are given."""

KEY_LIFETIME_SECONDS = 24 * 60 * 60
KEY_LENGTH_MAX = 255


class StripeError(Exception):
    """An answer other than 200. `stored`: execution had begun, so the idempotency key keeps the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        stored: bool = True,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        error = {"type": kind, "message": message} | {name: value for name, value in details.items() if value}
        self.body: Object = {"error": error}


@dataclass(frozen=True)
class Caller:
    """Whose request is executed: named in the events of its changes, and how it reaches the hosted pages."""

    base_url: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


# `newest` looks these fields up; by the others it filters.
_INDEXED = ("customer", "payment_intent")


class Store:
    """Objects are never changed in place: `put` a new snapshot, so that remembered answers stay as they were."""

    def __init__(self, journal: Path | None = None) -> None:
        self.objects: dict[str, Object] = {}  # by id
        self.behaviours: dict[str, str] = {}  # of cards, by payment method id
        self.webhook: Object = {"url": None}  # where events go: url, secret, attempts_max
        self.deliveries: dict[str, Object] = {}  # by event id: event, state, attempts, last_status, last_error
        self.in_flight: set[str] = set()
        self.caller = Caller()
        self.on_event: Callable[[Object], None] = lambda event: None  # called with each new one
        self._ids: dict[tuple[str, ...], dict[str, None]] = {}  # by kind, and by (kind, field, value); oldest first
        self._records: dict[str, Object] = {}  # by idempotency key, oldest first
        self._clock_offset_seconds = 0.0
        self._lines: list[str] = []
        self.journal = journal or temporary_journal(self)
        if self.journal.exists():
            for entry in read_entries(self.journal):
                self._apply(entry)
        self._file = JournalFile(self.journal)

    def now(self) -> int:
        """Unix time of the stand-in, in seconds: real time plus what `advance` added."""
        return int(time.time() + self._clock_offset_seconds)

    def advance(self, seconds: float) -> None:
        self.note("clock", offset_seconds=self._clock_offset_seconds + seconds)

    @contextlib.contextmanager
    def called_by(self, caller: Caller) -> Iterator[None]:
        self.caller = caller
        try:
            yield
        finally:
            self.caller = Caller()

    def new(self, kind: str, prefix: str, **fields: Any) -> Object:
        """An object with an id of its own, which is yet to be ``put``."""
        return {"id": new_id(prefix), "object": kind, "created": self.now()} | SHAPES[kind] | fields

    def put(self, snapshot: Object) -> Object:
        """The object as it is from now on; makes the events that announce the change."""
        before = self.objects.get(snapshot["id"])
        self.note("object", object=snapshot)
        for kind in announced(before, snapshot):
            self._announce(kind, before or {}, snapshot)
        return snapshot

    def _announce(self, kind: str, before: Object, after: Object) -> None:
        data: Object = {"object": before if after.get("deleted") else after}
        if kind.endswith(".updated"):
            data["previous_attributes"] = {name: old for name, old in before.items() if after.get(name) != old}
        event = self.new(
            "event",
            "evt",
            api_version=API_VERSION,
            data=data,
            pending_webhooks=1 if self.webhook["url"] else 0,
            request={"id": self.caller.request_id, "idempotency_key": self.caller.idempotency_key},
            type=kind,
        )
        self.note("object", object=event)
        self.on_event(event)

    def newest(self, kind: str, **fields: Any) -> list[Object]:
        """The objects of a kind whose fields have the given values (None: any), newest first."""
        fields = {name: value for name, value in fields.items() if value is not None}
        key = next(((kind, name, str(fields[name])) for name in _INDEXED if name in fields), (kind,))
        return [
            row
            for row in (self.objects[object_id] for object_id in reversed(self._ids.get(key, {})))
            if not row.get("deleted") and all(row.get(name) == value for name, value in fields.items())
        ]

    def note(self, kind: str, **fields: Any) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, **fields}
        self._apply(entry)
        self._lines.append(json.dumps(entry, ensure_ascii=False) + "\n")

    def commit(self) -> None:
        """Write what was noted since the last commit. Raises ``OSError`` if it does not fit; the next tries again."""
        if self._lines:
            self._file.append("".join(self._lines))
            self._lines.clear()

    def committing(self, handler: Callable[_P, Awaitable[_T]]) -> Callable[_P, Awaitable[_T]]:
        """The handler of a request, committed before it is answered."""

        @functools.wraps(handler)
        async def run(*arguments: _P.args, **fields: _P.kwargs) -> _T:
            answer = await handler(*arguments, **fields)
            self.commit()
            return answer

        return run

    def _apply(self, entry: Object) -> None:
        match entry["kind"]:
            case "object":
                self._remember(entry["object"])
            case "behaviour":
                self.behaviours[entry["card"]] = entry["behaviour"]
            case "clock":
                self._clock_offset_seconds = entry["offset_seconds"]
            case "webhook":
                self.webhook = entry
            case "delivery":
                delivery = {name: value for name, value in entry.items() if name not in ("at", "kind")}
                self.deliveries[delivery["event"]] = delivery
            case "request" if entry["stored"]:
                self._records[entry["idempotency_key"]] = entry

    def _remember(self, snapshot: Object) -> None:
        kind, object_id = snapshot["object"], snapshot["id"]
        self.objects[object_id] = snapshot
        self._ids.setdefault((kind,), {})[object_id] = None
        for name in _INDEXED:
            if value := snapshot.get(name):
                self._ids.setdefault((kind, name, str(value)), {})[object_id] = None

    def begin(self, key: str, call: Object) -> Object | None:
        """The record to replay for this key, or None when the call may run (it is then in flight).

        Raises StripeError when the key is in use or was first used for another call.
        """
        if len(key) > KEY_LENGTH_MAX:
            raise StripeError(400, f"Idempotency keys have up to {KEY_LENGTH_MAX} characters.", stored=False)
        if key in self.in_flight:
            raise StripeError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably means "
                f"you submitted twice, and the other request is still going through): {key}.",
                code="idempotency_key_in_use",
                stored=False,
            )
        self._prune()
        record = self._records.get(key)
        if record is None:
            self.in_flight.add(key)
        elif any(record[name] != value for name, value in call.items()):
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
                stored=False,
            )
        return record

    def _prune(self) -> None:
        oldest_kept = self.now() - KEY_LIFETIME_SECONDS
        while self._records and next(iter(self._records.values()))["clock"] <= oldest_kept:
            del self._records[next(iter(self._records))]


# -- which changes of objects are announced, as Stripe does, by the types of its events

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
        case "payment_method" if old and old["card"] != after["card"]:
            return ["payment_method.automatically_updated"]
        case "checkout.session" if old.get("status") == after["status"] == "complete":
            succeeded = after["payment_status"] == "paid"
            return [f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}"]
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
    announced_fields = ("status", "next_action")  # a second confirmation asks for authentication again
    if after["status"] in _INTENT_STATUSES and any(old.get(name) != after[name] for name in announced_fields):
        types.append(_INTENT_STATUSES[after["status"]])
    return types
