"""Pages of the stand-in for payers: of invoices and purchases, and a shop's static page where they type what they pay.

/invoice/{page}           GET: the page; POST answer=pay, decline or leave
/pay                      POST: a purchase, of a form; with ?behavior=offline, JSON that is answered by an address
/static/{merchant}        GET: the page; POST amount, currency and order, the number that the payer types
"""

from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import DictLoader, Environment

from sandbox.wayforpay.calls import Calls, Refused
from sandbox.wayforpay.orders import Orders, is_payable
from sandbox.wayforpay.store import MERCHANT, Order

_FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>WayForPay (sandbox)</title><h1>WayForPay (sandbox)</h1><p>No money moves here.</p>{% block main %}{% endblock %}
</html>"""
_INVOICE = """{% extends "frame" %}{% block main %}<h2>{{ order.product }}</h2>
<p>{{ order.amount }} {{ order.currency }}</p><form method="post">
<button name="answer" value="pay">Pay</button>
<button name="answer" value="decline">Use a card that is declined</button>
<button name="answer" value="leave">Leave</button></form>{% endblock %}"""
_CLOSED = """{% extends "frame" %}{% block main %}<h2>{{ heading }}</h2>{% endblock %}"""
_STATIC = """{% extends "frame" %}{% block main %}<form method="post">
<label>Order <input name="order"></label> <label>Amount <input name="amount"></label>
<label>Currency <input name="currency" value="UAH"></label> <button>Pay</button></form>{% endblock %}"""
_PAGES = Environment(
    loader=DictLoader({"frame": _FRAME, "invoice": _INVOICE, "closed": _CLOSED, "static": _STATIC}), autoescape=True
)


def _page(name: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_PAGES.get_template(name).render(values), status)


def _closed(heading: str, status: int) -> Response:
    return _page("closed", status, heading=heading)


def add_pages(app: FastAPI, orders: Orders, calls: Calls) -> None:
    @app.get("/invoice/{page}")
    async def show(page: str) -> Response:
        orders.expire_due()
        order = orders.store.order_of(page)
        if order is None or not is_payable(order):
            return _closed("This page cannot be paid" if order else "There is no such page", 410 if order else 404)
        return _page("invoice", order=order)

    @app.post("/invoice/{page}")
    async def answer(page: str, request: Request) -> Response:
        orders.expire_due()
        order, form = orders.store.order_of(page), await _form(request)
        if order is None or not is_payable(order):
            return _closed("This page cannot be paid" if order else "There is no such page", 410 if order else 404)
        if (how := form.get("answer", "pay")) in ("pay", "decline"):
            order = orders.pay(order) if how == "pay" else orders.decline(order)
        if order["return_url"] and how != "decline":
            return RedirectResponse(order["return_url"], 303)
        return _closed({"pay": "Paid", "decline": "The bank has declined"}.get(how, "Nothing was paid"), 200)

    _add_purchases(app, calls)
    _add_static_page(app, orders)


def _add_purchases(app: FastAPI, calls: Calls) -> None:
    @app.post("/pay")
    async def purchase(request: Request, behavior: str = "") -> Response:
        is_offline = behavior == "offline"
        body = await request.json() if is_offline else _nested(parse_qs((await request.body()).decode()))
        try:
            order = calls.offer(body)
        except Refused as refused:
            return JSONResponse(refused.answer)
        url = f"{str(request.base_url).rstrip('/')}/invoice/{order['page']}"
        return JSONResponse({"url": url}) if is_offline else RedirectResponse(url, 303)


def _add_static_page(app: FastAPI, orders: Orders) -> None:
    @app.get("/static/{merchant}")
    async def static(merchant: str) -> Response:
        return _page("static") if merchant.startswith(MERCHANT) else _closed("There is no such shop", 404)

    @app.post("/static/{merchant}")
    async def pay_static(merchant: str, request: Request) -> Response:
        form = await _form(request)
        if not merchant.startswith(MERCHANT):
            return _closed("There is no such shop", 404)
        number = sum(order["reference"].startswith("WFP-BTN-") for order in orders.store.orders.values()) + 1
        reference, typed = f"WFP-BTN-{number}-{int(orders.store.now())}", form.get("order", "")
        order = orders.create(
            merchant,
            reference,
            form.get("amount", "1"),
            form.get("currency", "UAH"),
            typed={"order": typed} if typed else {},
            service_url=orders.store.service_urls.get(merchant, ""),
        )
        orders.pay(order)
        return HTMLResponse(reference)


async def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}


def _nested(form: dict[str, list[str]]) -> Order:
    return {name.removesuffix("[]"): values if name.endswith("[]") else values[0] for name, values in form.items()}
