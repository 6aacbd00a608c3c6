"""The page on which a customer registers another card, by a personal link.

::

    GET  /card/{token}          the card on file
    POST /card/{token}          on to Stripe's page for another one
    GET  /card/{token}/saved    back from there
"""

from typing import Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from billing.customers.card_vault import CardVault
from billing.customers.customer import Customer
from billing.customers.links import Links
from billing.customers.ports import CustomerStore
from billing.reviewers.ports import BrakeStore
from console.customers.returned_cards import ReturnedCards, Taken
from console.web.pages import Pages
from console.web.security import same_site
from console.web.tokens import opened
from wording.english import one_line


class _Ledger(BrakeStore, CustomerStore, Protocol): ...


class CardPages:
    def __init__(self, vault: CardVault, ledger: _Ledger, returned: ReturnedCards, links: Links, pages: Pages) -> None:
        self._vault = vault
        self._ledger = ledger
        self._returned = returned
        self._links = links
        self._pages = pages
        self.router = APIRouter(prefix="/card/{token}", dependencies=[Depends(same_site)])
        self.router.add_api_route("", self.show)
        self.router.add_api_route("", self.register_card, methods=["POST"])
        self.router.add_api_route("/saved", self.card_registered)

    async def show(self, token: str, saved: str = "") -> HTMLResponse:
        """``saved`` is "now" or "soon" after a return from Stripe's page."""
        customer = await self._opened(token)
        brake = await self._ledger.brake()
        values: dict[str, object] = {
            "here": f"/card/{token}",
            "name": one_line(customer.name),
            "card": customer.last4,
            "has_card": customer.card is not None,
            "paused": brake is not None and brake.on,
            "saved": saved if saved in ("now", "soon") else "",
        }
        return self._pages.page("card.html", values)

    async def register_card(self, token: str) -> RedirectResponse:
        customer = await self._opened(token)
        if customer.payer_id is None and customer.email is None:
            raise HTTPException(404)
        page = await self._vault.card_setup(
            customer.payer_id or await self._known_to_processor(customer.customer_id, customer.mailbox),
            customer.customer_id,
            return_url=f"{self._page(token)}/saved",
            cancel_url=self._page(token),
        )
        return RedirectResponse(page.url, 303)

    async def _known_to_processor(self, customer_id: str, email: str) -> str:
        """The id there of somebody who has had no card so far; a repeat answers the same."""
        return await self._vault.new_customer(f"R-{customer_id}", customer_id, email)

    async def card_registered(self, token: str, session_id: str = "") -> Response:
        """Takes the new card; during a charge, once its outcome is known."""
        taken = await self._returned.take(session_id, (await self._opened(token)).customer_id)
        if taken is Taken.REFUSED:
            return self._pages.card_not_saved(self._page(token))
        return RedirectResponse(f"{self._page(token)}?saved={taken}", 303)

    def _page(self, token: str) -> str:
        return f"{self._links.base_url.rstrip('/')}/card/{token}"

    async def _opened(self, token: str) -> Customer:
        customer = await self._ledger.customer(opened(self._links.read_card, token))
        if customer is None:
            raise HTTPException(404)
        return customer
