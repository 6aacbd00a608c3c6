"""Orders that wait for money, and the gateway's signed callbacks that bring it.

callbacks = await prepare(ledger, ["o-1", "o-2"])
status = await post(http, url, callbacks[0])
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx

from adapters.sql.ledger import SqlLedger
from billing.payments.checkouts import CheckoutPage, CheckoutRequest, CheckoutState
from billing.receivables.journal import Subject
from orders.order import Agreement, Buyer, OrderLine, OrderRequest
from sandbox.wayforpay.callbacks import body_of
from sandbox.wayforpay.orders import Orders, shown
from sandbox.wayforpay.store import MERCHANT, Store

RAIL, CURRENCY, PRICE = "wayforpay", "eur", "90.00"
_PREPARED_AT_ONCE = 8
_BUYERS = 200
"""Each has several orders."""


class Callback(NamedTuple):
    """What the gateway sends about one order."""

    number: str
    reference: str
    body: str


async def prepare(ledger: SqlLedger, numbers: Sequence[str]) -> list[Callback]:
    """Opens the orders, each with a payment link of the gateway's, and signs a callback for each."""
    slots, now = asyncio.Semaphore(_PREPARED_AT_ONCE), datetime.now(UTC)

    async def one(place: int, number: str) -> Callback:
        async with slots:
            return await _prepared(ledger, number, f"buyer-{place % _BUYERS}", now)

    return await asyncio.gather(*(one(place, number) for place, number in enumerate(numbers)))


async def _prepared(ledger: SqlLedger, number: str, buyer_id: str, now: datetime) -> Callback:
    lines = (OrderLine(description="Sign", quantity=2, amount_minor=9000),)
    buyer, agreed = Buyer(customer_id=buyer_id, name="A. Buyer"), Agreement(lines=lines, file_digest="a" * 64)
    await ledger.open_order(OrderRequest(number=number, buyer=buyer, currency=CURRENCY, agreed=agreed), now, via="http")
    link = CheckoutRequest(
        rail=RAIL,
        customer_id=buyer_id,
        payer_id=None,
        subject=Subject.order(number),
        description=f"Order {number}",
        expires_at=now + timedelta(hours=20),
        by="bench",
        reason="bench",
    )
    name = (await ledger.begin_checkout(link, now)).checkout_id
    page = CheckoutPage(
        session_id=name, state=CheckoutState.OPEN, url="http://127.0.0.1/invoice", expires_at=link.expires_at
    )
    await ledger.note_checkout(name, CheckoutState.OPEN, now, page)
    return Callback(number, name, _signed(name))


def _signed(reference: str) -> str:
    """As the stand-in sends it."""
    orders = Orders(Store())
    return body_of(shown(orders.pay(orders.create(MERCHANT, reference, PRICE, CURRENCY.upper()))))


async def post(http: httpx.AsyncClient, url: str, callback: Callback) -> int:
    """The answer's status. Raises ``AssertionError`` for a 200 that does not accept."""
    try:
        answer = await http.post(url, content=callback.body)
    except httpx.HTTPError:
        return 0
    assert answer.status_code != 200 or json.loads(answer.text)["status"] == "accept", answer.text
    return answer.status_code
