"""Where a customer registers another card, by the link that is theirs.

::

    GET  /card/{token}          which card is on file
    POST /card/{token}          on to Stripe's page for another one
    GET  /card/{token}/saved    back from there
"""

import asyncio
import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from temporalio.exceptions import TemporalError

from adapters.wording import one_line
from billing.customer import Customer
from billing.errors import BillingError, CardMissing, InvalidInput, NotFound
from billing.links import Links
from billing.ports import Ledger, PaymentGateway
from console.inbox import Inbox
from console.pages import Pages
from console.security import same_site
from console.tokens import opened
from workflows.cards import Cards

_ANSWER_SECONDS = 25.0  # less than browsers and proxies wait

_log = logging.getLogger(__name__)


class CardPages:
    def __init__(
        self, payments: PaymentGateway, ledger: Ledger, cards: Cards, inbox: Inbox, links: Links, pages: Pages
    ) -> None:
        self._payments = payments
        self._ledger = ledger
        self._cards = cards
        self._inbox = inbox
        self._links = links
        self._pages = pages
        self.router = APIRouter(prefix="/card/{token}", dependencies=[Depends(same_site)])
        self.router.add_api_route("", self.show)
        self.router.add_api_route("", self.register_card, methods=["POST"])
        self.router.add_api_route("/saved", self.card_registered)

    async def show(self, token: str, saved: str = "") -> HTMLResponse:
        """``saved`` is "now" or "soon" for those who come back from Stripe's page."""
        customer = await self._opened(token)
        brake = await self._ledger.brake()
        values: dict[str, object] = {
            "here": f"/card/{token}",
            "name": one_line(customer.name),
            "card": customer.card_last4,
            "paused": brake is not None and brake.on,
            "saved": saved if saved in ("now", "soon") else "",
        }
        return self._pages.page("card.html", values)

    async def register_card(self, token: str) -> RedirectResponse:
        customer = await self._opened(token)
        page = await self._payments.card_setup(
            customer.stripe_customer_id,
            customer.customer_id,
            success_url=f"{self._page(token)}/saved?session_id={{CHECKOUT_SESSION_ID}}",
            cancel_url=self._page(token),
        )
        return RedirectResponse(page.url, 303)

    async def card_registered(self, token: str, session_id: str = "") -> Response:
        """While a charge is under way, the card has to wait until its outcome is known."""
        customer_id = (await self._opened(token)).customer_id
        saved = "now"
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._cards.finalize_card(session_id, customer_id)
        except (CardMissing, InvalidInput, NotFound) as error:
            _log.warning("card of %s refused: %s", customer_id, error)
            return self._pages.message(
                "This card was not saved",
                "Nothing has changed, and no money has been taken. Please try again, or reply to our mail.",
                status=400,
                back=self._page(token),
            )
        except (BillingError, TemporalError, TimeoutError) as error:
            _log.warning("card of %s: later: %s", customer_id, error or type(error).__name__)
            await self._inbox.put_card(session_id, datetime.now(UTC))
            saved = "soon"
        return RedirectResponse(f"{self._page(token)}?saved={saved}", 303)

    def _page(self, token: str) -> str:
        return f"{self._links.base_url.rstrip('/')}/card/{token}"

    async def _opened(self, token: str) -> Customer:
        customer = await self._ledger.customer(opened(self._links.read_card, token))
        if customer is None:
            raise HTTPException(404)
        return customer
