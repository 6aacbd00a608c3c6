"""Pages of the bank for its customers: they type an account number, see what is owed, and pay.

/{rail}           GET: the page
/{rail}/bill      POST account: what is owed
/{rail}/payments  POST account and sum: paid, on its way, or refused
"""

from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import DictLoader, Environment

from sandbox.bank.caller import Caller
from sandbox.bank.dialects import Verdict
from sandbox.bank.store import PaymentState, Store

_FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ rail }} (sandbox)</title><h1>Pay a bill: {{ rail }}</h1><p>No money moves here.</p>
{% block main %}{% endblock %}</html>"""
_ASK = """{% extends "frame" %}{% block main %}<form method="post" action="/{{ rail }}/bill">
<label>Account or personal number <input name="account" inputmode="numeric" autocomplete="off"></label>
<button>Show the bill</button></form>{% endblock %}"""
_BILL = """{% extends "frame" %}{% block main %}<p>{{ comment }}</p><p>To pay: {{ owed }} {{ currency }}</p>
<form method="post" action="/{{ rail }}/payments"><input type="hidden" name="account" value="{{ account }}">
<label>Sum <input name="sum" inputmode="decimal" value="{{ owed }}"></label>
<button>Pay</button></form>{% endblock %}"""
_SAID = """{% extends "frame" %}{% block main %}<h2>{{ words }}</h2>{% endblock %}"""
_PAGES = Environment(loader=DictLoader({"frame": _FRAME, "ask": _ASK, "bill": _BILL, "said": _SAID}), autoescape=True)
_WORDS = {
    PaymentState.TAKEN: "Paid",
    PaymentState.SENDING: "Your payment is on its way",
    PaymentState.REFUSED: "Refused: the money is back on your card",
}


def add_pages(app: FastAPI, store: Store, caller: Caller) -> None:
    def page(name: str, rail: str, status: int = 200, **values: str) -> Response:
        return HTMLResponse(_PAGES.get_template(name).render(rail=rail, **values), status)

    @app.get("/{rail}")
    async def ask(rail: str) -> Response:
        if rail not in store.contracts:
            return page("said", rail, 404, words="There is no such service")
        return page("ask", rail)

    @app.post("/{rail}/bill")
    async def bill(rail: str, request: Request) -> Response:
        contract, form = store.contracts.get(rail), await _form(request)
        if contract is None:
            return page("said", rail, 404, words="There is no such service")
        account = form.get("account", "")
        answer = await caller.check(contract, account)
        if answer is None:
            return page("said", rail, 503, words="The company does not answer: try again later")
        if answer.verdict is not Verdict.OK:
            return page("said", rail, 404, words=f"The company knows no such account: {answer.comment or answer.code}")
        currency = contract.currency.upper()
        return page("bill", rail, account=account, owed=answer.sum, comment=answer.comment, currency=currency)

    @app.post("/{rail}/payments")
    async def pay(rail: str, request: Request) -> Response:
        contract, form = store.contracts.get(rail), await _form(request)
        if contract is None:
            return page("said", rail, 404, words="There is no such service")
        payment = await caller.buy(contract, form.get("account", ""), form.get("sum", ""))
        if payment is None:
            return page("said", rail, 404, words="The company knows no such account")
        return page("said", rail, words=f"{_WORDS[payment.state]}: {payment.txn_id}")


async def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
