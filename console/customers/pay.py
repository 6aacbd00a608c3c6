"""The customer's page for an unpaid month: anyone with the link may pay for it, and do nothing else.

::

    GET  /pay/{token}           the amount owed, its situation, the ways to pay
    POST /pay/{token}/pay       pays with the card on file; on to the bank's page if the bank asks for it
    GET  /pay/{token}/return    back from the bank's page
    POST /pay/{token}/card      on to Stripe's page for another card
    GET  /pay/{token}/card      back from there

All lead back to the first. Each may be repeated: by a double click, the back button, a mail program that checks links.
While the emergency brake is on, or if the collection has stopped, the page offers no payment.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple, Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from temporalio.client import Client

from billing.collections.collection import Collection
from billing.collections.commands import LookUp
from billing.collections.ports import CollectionStore
from billing.completeness.chains import ChainStatus
from billing.customers.card_vault import CardVault
from billing.customers.links import PaymentLinks
from billing.customers.ports import CustomerStore
from billing.errors import NotFound, TemporalUnavailable
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.payments.ports import PaymentStore
from billing.period import Period
from billing.reviewers.ports import BrakeStore
from clients.collection_commands import collection_handle, pay, tell_collection
from clients.month_commands import Unanswered, query_month
from clients.running_workflows import RunningWorkflows
from console.customers.customer_view import CustomerView, Situation, customer_view
from console.customers.returned_cards import ANSWER_SECONDS, ReturnedCards, Taken
from console.customers.wording import values
from console.web.pages import Pages
from console.web.security import same_site
from console.web.tokens import opened
from workflows.payment_collection import PaymentCollection

_QUERY_TIMEOUT = timedelta(seconds=3)
_LOOK_AFTER_SECONDS = (1, 2, 2, 3, 5, 8, 13, 20, *[30] * 6)
"""The pauses after which the page of a pending payment reloads: four minutes in all."""

_log = logging.getLogger(__name__)


class _Ledger(BrakeStore, CollectionStore, CustomerStore, MonthStore, PaymentStore, Protocol): ...


class _UnpaidMonth(NamedTuple):
    month: Month
    collection: Collection | None
    view: CustomerView


class PaymentPages:
    def __init__(
        self,
        client: Client,
        vault: CardVault,
        ledger: _Ledger,
        returned: ReturnedCards,
        links: PaymentLinks,
        pages: Pages,
    ) -> None:
        self._client = client
        self._vault = vault
        self._ledger = ledger
        self._returned = returned
        self._links = links
        self._pages = pages
        self.router = APIRouter(prefix="/pay/{token}", dependencies=[Depends(same_site)])
        self.router.add_api_route("", self.show)
        self.router.add_api_route("/pay", self.pay, methods=["POST"])
        self.router.add_api_route("/return", self.returned)
        self.router.add_api_route("/card", self.register_card, methods=["POST"])
        self.router.add_api_route("/card", self.card_registered)

    async def show(self, token: str, look: int = 0) -> HTMLResponse:
        """``look`` counts how often the page has reloaded itself."""
        case = await self._case(*self._opened(token))
        refresh_seconds = None
        if case.view.situation is Situation.PENDING and 0 <= look < len(_LOOK_AFTER_SECONDS):
            refresh_seconds = _LOOK_AFTER_SECONDS[look]
        page = {"here": f"/pay/{token}", "next_look": look + 1, "refresh_seconds": refresh_seconds}
        return self._pages.page("pay.html", page | values(*case))

    async def pay(self, token: str) -> RedirectResponse:
        customer_id, period = self._opened(token)
        redirect_url: str | None = None
        if (await self._case(customer_id, period)).view.can_pay:
            with suppress(NotFound):  # it was settled a moment ago
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await pay(self._client, customer_id, period, f"{self._page(token)}/return")
                    redirect_url = answer.redirect_url
        return RedirectResponse(redirect_url or self._page(token), 303)

    async def returned(self, token: str) -> RedirectResponse:
        """Back from the bank, with its answer or without: the collection asks Stripe."""
        customer_id, period = self._opened(token)
        look_up = LookUp(by="the customer", reason="back from the bank's page", via="customer")
        with suppress(NotFound):
            async with asyncio.timeout(ANSWER_SECONDS):
                await tell_collection(self._client, customer_id, period, look_up)
        return RedirectResponse(self._page(token), 303)

    async def register_card(self, token: str) -> RedirectResponse:
        customer_id, period = self._opened(token)
        customer = await self._ledger.customer(customer_id)
        if customer is None or not (await self._case(customer_id, period)).view.can_change_card:
            return RedirectResponse(self._page(token), 303)
        card_page = await self._vault.card_setup(
            customer.payment_method.payer_id,
            customer_id,
            return_url=f"{self._page(token)}/card",
            cancel_url=self._page(token),
        )
        return RedirectResponse(card_page.url, 303)

    async def card_registered(self, token: str, session_id: str = "") -> Response:
        """Takes the new card; during a charge, once its outcome is known."""
        customer_id, _ = self._opened(token)
        if await self._returned.take(session_id, customer_id) is Taken.REFUSED:
            return self._pages.card_not_saved(self._page(token))
        return RedirectResponse(self._page(token), 303)

    def _page(self, token: str) -> str:
        return f"{self._links.base_url.rstrip('/')}/pay/{token}"

    def _opened(self, token: str) -> tuple[str, Period]:
        """Customer and period of the link."""
        return opened(self._links.read, token)

    async def _case(self, customer_id: str, period: Period) -> _UnpaidMonth:
        month = await self._ledger.month(customer_id, period)
        if month is None:
            raise HTTPException(404)
        collection, is_stopped = await self._collection(customer_id, period)
        charges = await self._ledger.payments(customer_id, period)
        brake = await self._ledger.brake()
        paused = brake is not None and brake.on
        return _UnpaidMonth(month, collection, customer_view(month, collection, charges, paused, is_stopped))

    async def _collection(self, customer_id: str, period: Period) -> tuple[Collection | None, bool]:
        """The collection as its workflow has it, or if that does not answer, as last recorded; and if it has stopped.

        A closed workflow is not asked: it would answer as if it still ran.
        """
        recorded = await self._ledger.collection(customer_id, period)
        if recorded is not None and recorded.outcome is not None:
            return recorded, False
        try:
            stopped = await RunningWorkflows(self._client, _QUERY_TIMEOUT).stopped_collections([(customer_id, period)])
            if any(recorded or found.status is not ChainStatus.ABSENT for found in stopped):
                return await self._ended_meanwhile(customer_id, period) or (recorded, True)
            if stopped:  # not begun yet
                return None, False
            handle = collection_handle(self._client, customer_id, period)
            return await query_month(handle, PaymentCollection.collection, _QUERY_TIMEOUT), False
        except (TemporalUnavailable, Unanswered) as error:
            _log.warning("%s, %s: shown as last recorded: %s", customer_id, period, error)
            return recorded, False

    async def _ended_meanwhile(self, customer_id: str, period: Period) -> tuple[Collection, bool] | None:
        """The collection, if it was settled since it was read."""
        recorded = await self._ledger.collection(customer_id, period)
        return (recorded, False) if recorded is not None and recorded.outcome is not None else None
