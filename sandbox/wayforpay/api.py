"""The stand-in for WayForPay as an ASGI app: one address for all calls of its API, and pages for payers.

POST   /api {"transactionType": ...}           the API; to ``Faults``, its path is /api/REFUND and so on
POST   /_control/orders {"merchant", "reference", "status", ...}    changes an order as the gateway would
GET    /_control/orders                        all of them
GET    /_control/callbacks                     which are in which state, with their attempts
POST   /_control/callbacks {"interval_seconds": 5, "lifetime_seconds": 345600}    how they are repeated
POST   /_control/callbacks/faults {"kind": "duplicate", "times": null, "status": "^Approved"}
DELETE /_control/callbacks/faults
POST   /_control/refunds {"code": 1138}        what becomes of the next refund
POST   /_control/refund-words {"in_list": "sum", "in_status": "last"}    what answers say of how much went back
POST   /_control/clock {"advance_seconds": n}
POST   /_control/service-url {"merchant": ..., "url": ...}    where callbacks about the static page go
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.stand_ins.faults import FaultSeed
from sandbox.wayforpay.callbacks import CallbackFault, CallbackSender
from sandbox.wayforpay.calls import Calls, RefundPlan, RefundWords
from sandbox.wayforpay.orders import Orders
from sandbox.wayforpay.pages import add_pages
from sandbox.wayforpay.store import MERCHANT, Order, Store


class OrderChange(BaseModel, extra="forbid"):
    """``finish_refunds``: what waited for the shop's balance goes back. ``refund``: by the shop's cabinet, so much."""

    merchant: str = MERCHANT
    reference: str
    status: str | None = None
    reason_code: int = 1100
    refund: str | None = None
    finish_refunds: bool = False
    list_row: dict[str, Any] | None = None  # what the list says instead


class Pace(BaseModel, extra="forbid"):
    interval_seconds: float | None = Field(default=None, gt=0)
    lifetime_seconds: float | None = Field(default=None, gt=0)


class Clock(BaseModel, extra="forbid"):
    advance_seconds: float = Field(ge=0)


class ServiceUrl(BaseModel, extra="forbid"):
    merchant: str = MERCHANT
    url: str


class StandIn:
    """The parts of one stand-in."""

    def __init__(self, journal: Path | None) -> None:
        self.store = Store(journal)
        self.orders = Orders(self.store)
        self.callbacks = CallbackSender(self.store)
        self.calls = Calls(self.orders)
        self.orders.on_change = self.callbacks.take_up


class ByCall:
    """Tells the apps within which call of the API a request is: by its path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/api":
            return await self._app(scope, receive, send)
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        await self._app({**scope, "path": f"/api/{_call(body)}"}, replay, send)


def _call(body: bytes) -> str:
    try:
        return str(json.loads(body)["transactionType"])
    except (ValueError, KeyError, TypeError):
        return "UNREADABLE"


def wayforpay_app(journal: Path | None = None) -> FastAPI:
    """Wrap it: ``ByCall(Faults(wayforpay_app(path)))``."""
    stand, app = StandIn(journal), FastAPI(openapi_url=None)

    @app.post("/api/{call}")
    async def api(call: str, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return JSONResponse({"reasonCode": 1109, "reason": "Wrong format"})
        return JSONResponse(stand.calls.answer(call, body, str(request.base_url).rstrip("/")))

    add_pages(app, stand.orders, stand.calls)
    _add_order_controls(app, stand)
    _add_callback_controls(app, stand)
    return app


def _add_order_controls(app: FastAPI, stand: StandIn) -> None:
    @app.get("/_control/orders")
    async def orders() -> list[Order]:
        return list(stand.store.orders.values())

    @app.post("/_control/orders")
    async def change(wanted: OrderChange) -> Order:
        order = stand.store.orders.get((wanted.merchant, wanted.reference))
        if order is None:
            raise HTTPException(404)
        if wanted.list_row is not None:
            order = stand.store.put_order({**order, "list_row": wanted.list_row})
        if wanted.finish_refunds:
            order = stand.orders.finish_refunds(order)
        if wanted.refund is not None:
            order = stand.orders.refund(order, wanted.refund)
        if wanted.status is not None:
            order = stand.orders.change(order, wanted.status, wanted.reason_code)
        return order

    @app.post("/_control/refunds")
    async def plan(wanted: RefundPlan) -> list[RefundPlan]:
        stand.calls.refund_plans.append(wanted)
        return list(stand.calls.refund_plans)

    @app.post("/_control/refund-words")
    async def refund_words(wanted: RefundWords) -> RefundWords:
        stand.calls.refund_words = wanted
        return wanted

    @app.post("/_control/clock")
    async def clock(wanted: Clock) -> Order:
        stand.store.advance(wanted.advance_seconds)
        stand.orders.expire_due()
        stand.callbacks.start()
        return {"now": stand.store.now()}

    @app.post("/_control/service-url")
    async def service_url(wanted: ServiceUrl) -> Order:
        stand.store.set_service_url(wanted.merchant, wanted.url)
        return dict(stand.store.service_urls)


def _add_callback_controls(app: FastAPI, stand: StandIn) -> None:
    @app.get("/_control/callbacks")
    async def callbacks() -> Order:
        stand.callbacks.start()
        found = list(stand.store.callbacks.values())
        return {"counts": Counter(callback["state"] for callback in found), "callbacks": found[::-1]}

    @app.post("/_control/callbacks")
    async def pace(wanted: Pace) -> Order:
        stand.store.set_pace(**wanted.model_dump(exclude_none=True))
        return stand.store.pace

    @app.post("/_control/callbacks/faults")
    async def add_fault(fault: CallbackFault) -> list[CallbackFault]:
        stand.callbacks.faults.append(fault)
        return list(stand.callbacks.faults)

    @app.delete("/_control/callbacks/faults")
    async def clear_faults() -> list[CallbackFault]:
        """What they were, and how often each has fired."""
        cleared = list(stand.callbacks.faults)
        stand.callbacks.faults.clear()
        return cleared

    @app.post("/_control/callbacks/faults/seed")
    async def seed(body: FaultSeed) -> FaultSeed:
        stand.callbacks.faults.random.seed(body.seed)
        return body
