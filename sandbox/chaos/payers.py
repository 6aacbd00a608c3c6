"""How buyers pay: by transfer, at the gateway's own page, and by links.

The bank's register has every transfer before anybody records it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from billing.errors import BillingError
from billing.money import plain_amount
from billing.payments.checkouts import LIFETIME_MAX, Checkout, CheckoutRequest
from billing.payments.typed_payment import TypedPayment
from billing.receivables.journal import Subject
from bootstrap import Adapters, connect_checkouts, connect_payment_desk
from sandbox.chaos.orders.plan import Move, PlannedOrder
from sandbox.judge.rails.gateway_register import GATEWAY
from sandbox.judge.rails.registers import BANK
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.control import control, local_http
from sandbox.timeline import pause
from sandbox.wayforpay.store import MERCHANT
from settings import Settings

_T = TypeVar("_T")
_LINK_LIFE = LIFETIME_MAX  # a day is the processor's own: its clock is ahead here
_LINK_TRIES = 15  # under the brake none is opened


class Payers:
    """``done`` counts what came of links."""

    def __init__(self, settings: Settings, adapters: Adapters, bank: Bank) -> None:
        self.done: Counter[str] = Counter()
        self.typed: dict[str, list[str]] = {}  # references at the gateway, by order
        self._settings = settings
        self._bank = bank
        self._desk = connect_payment_desk(settings, adapters)
        self._checkouts = connect_checkouts(settings, adapters)
        self._names: Counter[str] = Counter()

    async def calls_back(self) -> None:
        """The gateway calls the console back, also about its own page, and soon again if it is not accepted."""
        port = self._settings.sandbox_wayforpay_port
        url = f"{self._settings.links.base_url}/webhooks/wayforpay/{GATEWAY}"
        await control(port, "service-url", {"url": url})
        await control(port, "callbacks", {"interval_seconds": 0.5})

    def _name(self, order: PlannedOrder) -> str:
        self._names[order.number] += 1
        return f"{order.number}-{self._names[order.number]}"

    async def transfer(self, order: PlannedOrder, amount_minor: int) -> None:
        sent = Transfer(
            reference=self._name(order),
            payer=order.customer_id,
            amount_minor=amount_minor,
            currency=order.currency,
            sent_at=_now(),
            customer_id=order.customer_id,
            order=order.number,
        )
        self._bank.credit(sent)
        amount, reason = plain_amount(amount_minor, order.currency), "by the statement"
        names = (BANK, sent.reference, amount, order.currency, "cleo", reason, order.customer_id)
        typed = TypedPayment(*names, order=order.number)
        await asyncio.gather(*(patiently(lambda: self._desk.record(typed, _now())) for _ in range(2)))

    async def type(self, order: PlannedOrder, amount_minor: int) -> None:
        amount = plain_amount(amount_minor, order.currency)
        form = {"order": order.number, "amount": amount, "currency": order.currency.upper()}
        answer = await self.at_the_gateway(f"static/{MERCHANT}", data=form)
        self.typed.setdefault(order.number, []).append(answer.text)

    async def link(self, order: PlannedOrder, move: Move) -> None:
        """For what is owed, if anything is."""
        rail = GATEWAY if move in (Move.GATEWAY_LINK, Move.DECLINED) else "stripe-link"
        wanted = CheckoutRequest(
            rail=rail,
            customer_id=order.customer_id,
            payer_id=None,
            subject=Subject.order(order.number),
            description=f"Order {order.number}",
            expires_at=_now() + _LINK_LIFE,
            by="cleo",
            reason="asked for",
        )
        try:
            link: Checkout = await patiently(lambda: self._checkouts.open(wanted, _now()), tries=_LINK_TRIES)
        except BillingError as error:
            self.done[f"no link: {type(error).__name__}"] += 1
            return
        if move is Move.LEFT_LINK or link.url is None:
            return
        answers = ["decline"] if move is Move.DECLINED else ["pay"]
        for answer in answers:
            async with local_http() as http:
                await http.post(link.url, data={"answer": answer, "card": "pm_card_visa"})

    async def at_the_gateway(self, path: str, **body: Any) -> httpx.Response:
        async with local_http() as http:
            url = f"http://127.0.0.1:{self._settings.sandbox_wayforpay_port}/{path}"
            return (await http.post(url, **body)).raise_for_status()


async def patiently(call: Callable[[], Awaitable[_T]], tries: int = 1000) -> _T:
    """The answer of ``call``, which a person repeats until it comes."""
    for _ in range(tries - 1):
        try:
            return await call()
        except BillingError as error:
            if not error.retryable:
                raise
        await pause()
    return await call()


def _now() -> datetime:
    return datetime.now(UTC)
