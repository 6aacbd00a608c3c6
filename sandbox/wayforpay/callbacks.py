"""Delivery of the stand-in's callbacks: signed, in order, repeated until our signed accept is right; faults on demand.

A callback is given up after four days of the stand-in's clock. What is pending survives a restart.
"""

import asyncio
import json
import re
from typing import Any, Literal
from urllib.parse import quote, urlencode

import httpx
from pydantic import Field

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Fault, FaultRules
from sandbox.wayforpay.orders import shown
from sandbox.wayforpay.store import Order, Store, signature

ANSWER_SECONDS_MAX = 10.0
IDLE_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class CallbackFault(Fault):
    """A failure of delivery, decided when a state changes, by the first rule that fires.

    duplicate: sent twice. reorder: sent after the next one, or after ``seconds``. drop: never sent. delay: sent after
    ``seconds``. expired_after: an Expired of the same order follows. pending_first: an InProcessing comes before.
    The others are shapes of the body: JSON as a form's only name, as a form's value, or all fields as a form.
    """

    kind: Literal[
        "duplicate",
        "reorder",
        "drop",
        "delay",
        "expired_after",
        "pending_first",
        "form_key",
        "form_value",
        "form_fields",
    ]
    status: re.Pattern[str] = re.compile("")  # searched for in the transactionStatus
    seconds: float = Field(default=1.5, ge=0)


class CallbackSender:
    """The task that delivers lives while there is something to deliver."""

    def __init__(self, store: Store) -> None:
        self.faults = FaultRules[CallbackFault]()
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._held: int | None = None  # by a reorder, until the next one

    def take_up(self, order: Order) -> None:
        """A change of state, which is in the journal already."""
        if not order["service_url"]:
            return
        fault = self.faults.firing(lambda rule: bool(rule.status.search(order["status"])))
        kind = fault.kind if fault else ""
        if kind == "drop":
            return
        if kind == "pending_first":
            self._put({**order, "status": "InProcessing", "reason_code": 1131, "auth_code": None, "card": None})
        late = fault.seconds if fault and kind in ("delay", "reorder") else 0.0
        number = self._put(order, kind if kind.startswith("form") else "", late)
        if kind == "duplicate":
            self._put(order)
        if kind == "expired_after":
            self._put({**order, "status": "Expired", "reason_code": 1124})
        if kind == "reorder":
            self._held = number
        else:
            self._release()
        self.start()

    def start(self) -> None:
        """Delivers what is due. Without a running loop nothing happens; the next request starts it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._pending() and (self._task is None or self._task.done()):
            self._task = loop.create_task(self._deliver_all())

    def _put(self, order: Order, shape: str = "", late: float = 0.0) -> int:
        now, number = self._store.now(), len(self._store.callbacks) + 1
        callback = {
            "number": number,
            "reference": order["reference"],
            "status": order["status"],
            "url": order["service_url"],
            "body": body_of(shown(order), shape),
            "first": now,
            "due": now + late,
            "attempts": 0,
            "state": "pending",
            "last": "",
        }
        self._store.put_callback(callback)
        return number

    def _release(self) -> None:
        """Lets the one follow that a reorder held back."""
        if self._held is not None:
            self._store.put_callback({**self._store.callbacks[self._held], "due": self._store.now()})
            self._held = None

    def _pending(self) -> list[Order]:
        pending = [callback for callback in self._store.callbacks.values() if callback["state"] == "pending"]
        return sorted(pending, key=lambda callback: (callback["due"], callback["number"]))

    async def _deliver_all(self) -> None:
        async with local_http(timeout=ANSWER_SECONDS_MAX) as http:
            while pending := self._pending():
                if pending[0]["due"] <= self._store.now():
                    await self._deliver(http, pending[0])
                else:
                    await asyncio.sleep(_LOOK_SECONDS)  # the clock may be skipped

    async def _deliver(self, http: httpx.AsyncClient, callback: Order) -> None:
        fault = await _sent(http, callback)
        now, pace, state = self._store.now(), self._store.pace, "accepted" if fault is None else "pending"
        if fault is not None and now - callback["first"] > pace["lifetime_seconds"]:
            state = "given up"
        changes = {"state": state, "attempts": callback["attempts"] + 1, "last": fault or ""}
        self._store.put_callback({**callback, **changes, "due": now + pace["interval_seconds"]})


async def _sent(http: httpx.AsyncClient, callback: Order) -> str | None:
    """What was wrong with the answer; None: it accepts, and its signature is right."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = await http.post(callback["url"], content=callback["body"], headers=headers)
        fields: Any = answer.json()
        signed = signature((fields["orderReference"], fields["status"], fields["time"]))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}, no accept"
    is_right = fields["orderReference"] == callback["reference"] and fields["status"] == "accept"
    return None if answer.is_success and is_right and fields.get("signature") == signed else "not a right accept"


def body_of(fields: Order, shape: str = "") -> str:
    """The body of a callback. An amount is a number of JSON, written as it was ordered."""
    text = json.dumps({**fields, "amount": "@"}, ensure_ascii=False).replace('"@"', str(fields["amount"]), 1)
    match shape:
        case "form_key":
            return f"{quote(text)}="
        case "form_value":
            return f"data={quote(text)}"
        case "form_fields":
            return urlencode({name: "" if value is None else value for name, value in fields.items()})
    return text
