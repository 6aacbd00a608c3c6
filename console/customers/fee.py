"""The page of a service order's fee: anyone with the link in its text or mail may pay it, and nothing else.

::

    GET  /fee/{token}           what is owed for the order, and the ways to pay it
    POST /fee/{token}/link      on to the page of a gateway, the ``rail``, which takes any card

An order that waits for debts leads on to the page of the oldest month that is overdue. Each may be repeated.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import RedirectResponse, Response

from billing.customers.links import PaymentLinks
from billing.receivables.journal import Balance
from billing.receivables.ports import Accounts
from billing.reviewers.ports import BrakeStore
from console.customers.fee_view import FeeState, FeeView, fee_view, oldest_overdue
from console.customers.gateway_links import GatewayLinks
from console.customers.returned_cards import ANSWER_SECONDS
from console.web.pages import Pages
from console.web.security import same_site
from console.web.tokens import opened
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceOrder
from services.messages.ways_to_pay import PaymentWays
from wording.english import money_text, one_line

_MONTHS_OPEN = timedelta(days=1)
"""How long the page of a month stays open to which this one has led on."""


class _Ledger(Accounts, BrakeStore, Protocol):
    async def service_order(self, number: str) -> ServiceShown | None: ...


class FeePages:
    def __init__(
        self,
        ledger: _Ledger,
        links: PaymentLinks,
        pages: Pages,
        gateways: GatewayLinks,
        ways: PaymentWays,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._links = links
        self._pages = pages
        self._gateways = gateways
        self._ways = ways
        self._now = now
        self.router = APIRouter(prefix="/fee/{token}", dependencies=[Depends(same_site)])
        self.router.add_api_route("", self.show)
        self.router.add_api_route("/link", self.by_link, methods=["POST"])

    async def show(self, token: str) -> Response:
        shown, balance, view = await self._case(token)
        order = shown.order
        if period := oldest_overdue(order, balance, self._now()):
            return RedirectResponse(self._links.to(order.customer_id, period, self._now() + _MONTHS_OPEN), 303)
        ways = self._ways.by_account(order.account, order.currency)
        here: dict[str, object] = {"here": f"/fee/{token}", "gateways": self._gateways.of_fees, "ways": ways}
        return self._pages.page("fee.html", here | _values(order, view))

    async def by_link(self, token: str, rail: str) -> RedirectResponse:
        """What cannot be paid so now is shown by the page as it then stands."""
        shown, _, view = await self._case(token)
        order, url = shown.order, ""
        if view.state is FeeState.PAYABLE:
            description = one_line(f"{view.title}, order {order.number}")
            async with asyncio.timeout(ANSWER_SECONDS):
                url = await self._gateways.open_fee(rail, order.customer_id, order.subject, description)
        return RedirectResponse(url or f"/fee/{token}", 303)

    async def _case(self, token: str) -> tuple[ServiceShown, Balance, FeeView]:
        number = opened(lambda text, _: self._links.read_fee(text), token)
        shown = await self._ledger.service_order(number)
        if shown is None:
            raise HTTPException(404)
        brake = await self._ledger.brake()
        balance = await self._ledger.balance(shown.order.customer_id)
        return shown, balance, fee_view(shown, balance, is_paused=brake is not None and brake.on)


def _values(order: ServiceOrder, view: FeeView) -> dict[str, object]:
    return {
        "view": view,
        "title_of_fee": one_line(view.title),
        "number": order.number,
        "outstanding": money_text(view.owed_minor, order.currency),
    }
