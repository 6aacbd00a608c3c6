"""The pages to which Stripe's page of a payment link leads back. They need no token, for they tell nothing.

::

    GET  /checkout/paid?session_id=…    the customer has paid: the money is looked up and booked, if that works now
    GET  /checkout/left                 the customer has left without paying
"""

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from console.web.pages import Pages
from services.checkouts import Checkouts

_SESSION_ID = re.compile(r"cs_(test|live)_[A-Za-z0-9]{1,200}")  # as Stripe makes them
_LOOK_SECONDS = 5.0

_log = logging.getLogger(__name__)


class CheckoutPages:
    def __init__(self, checkouts: Checkouts, pages: Pages, now: Callable[[], datetime]) -> None:
        self._checkouts = checkouts
        self._pages = pages
        self._now = now
        self.router = APIRouter(prefix="/checkout")
        self.router.add_api_route("/paid", self.paid, methods=["GET", "POST"])  # WayForPay's page posts
        self.router.add_api_route("/left", self.left)

    async def paid(self, session_id: str = "") -> HTMLResponse:
        """Only a live link of ours is looked up; if that fails, the webhook or the next sweep does it."""
        if _SESSION_ID.fullmatch(session_id):
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._checkouts.look_up(session_id, self._now())
            except Exception as error:  # of any kind
                _log.warning("%s: later: %s", session_id, error or type(error).__name__)
        return self._pages.message(
            "Thank you for your payment",
            "You need not do anything else. A payment from a bank account may take some days to arrive.",
            status=200,
        )

    async def left(self) -> HTMLResponse:
        return self._pages.message(
            "You have not paid yet",
            "No money has been taken. The link that we sent you still works until it expires; write to us if you need "
            "another one.",
            status=200,
        )
