"""The customer's page for what is unpaid: anyone with the link of a month may pay all that they owe, and nothing else.

::

    GET  /pay/{token}           the amounts owed, their situation, the ways to pay
    POST /pay/{token}/pay       pays all or one ``month`` with the card on file; on to the bank's page if the bank asks
    GET  /pay/{token}/return    back from the bank's page, which was about one ``month``
    POST /pay/{token}/link      on to the page of a gateway, the ``rail``, which takes any card for one ``month``
    POST /pay/{token}/card      on to Stripe's page for another card
    GET  /pay/{token}/card      back from there

All lead back to the first. Each may be repeated: by a double click, the back button, a mail program that checks links.
While the emergency brake is on, or if the collection has stopped, the page offers no payment.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from temporalio.client import Client

from billing.collections.collection import Collection
from billing.collections.commands import LookUp
from billing.collections.ports import CollectionStore
from billing.completeness.chains import ChainStatus
from billing.customers.account_numbers import AccountNumbers
from billing.customers.card_vault import CardVault
from billing.customers.links import PaymentLinks
from billing.customers.ports import CustomerStore
from billing.errors import NotFound, TemporalUnavailable
from billing.invoices.ports import MonthStore
from billing.payments.ports import PaymentStore
from billing.period import Period
from billing.receivables.journal import Subject
from billing.receivables.ports import Accounts
from billing.reviewers.ports import BrakeStore
from clients.collection_commands import collection_handle, pay, tell_collection
from clients.month_commands import Unanswered, query_month
from clients.running_workflows import RunningWorkflows
from console.customers.customer_view import CustomersPage, OwedMonth, Situation, customer_view, debt_view
from console.customers.gateway_links import GatewayLinks
from console.customers.own_requests import OwnRequests
from console.customers.promise import own_promise
from console.customers.returned_cards import ANSWER_SECONDS, ReturnedCards, Taken
from console.customers.wording import values, values_of_all
from console.web.pages import Pages
from console.web.security import same_site
from console.web.tokens import opened
from services.messages.ways_to_pay import PaymentWays
from workflows.payment_collection import PaymentCollection

_QUERY_TIMEOUT = timedelta(seconds=3)
_NOT_BEGUN = (ChainStatus.ABSENT, ChainStatus.COMPLETED)
"""The workflow's status while nothing is recorded yet: it begins, for the first time or once more."""
_LOOK_AFTER_SECONDS = (1, 2, 2, 3, 5, 8, 13, 20, *[30] * 6)
"""The pauses after which the page of a pending payment reloads: four minutes in all."""

_log = logging.getLogger(__name__)


class _Ledger(
    AccountNumbers, Accounts, BrakeStore, CollectionStore, CustomerStore, MonthStore, PaymentStore, Protocol
): ...


class PaymentPages:
    def __init__(
        self,
        client: Client,
        vault: CardVault,
        ledger: _Ledger,
        returned: ReturnedCards,
        links: PaymentLinks,
        pages: Pages,
        gateways: GatewayLinks,
        ways: PaymentWays,
        requests: OwnRequests,
        now: Callable[[], datetime],
    ) -> None:
        self._now = now
        self._requests = requests
        self._gateways = gateways
        self._ways = ways
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
        self.router.add_api_route("/link", self.by_link, methods=["POST"])
        self.router.add_api_route("/card", self.register_card, methods=["POST"])
        self.router.add_api_route("/card", self.card_registered)

    async def show(self, token: str, look: int = 0) -> HTMLResponse:
        """``look`` counts how often the page has reloaded itself."""
        customer_id, period = self._opened(token)
        case = await self._case(customer_id, period)
        others = [owed.debt.period for owed in case.owed if owed.debt.period != period]
        if len(case.owed) == len(others) == 1:  # its own month is paid, another one is not
            case = await self._case(customer_id, others[0])
        refresh_seconds = None
        if case.situation is Situation.PENDING and 0 <= look < len(_LOOK_AFTER_SECONDS):
            refresh_seconds = _LOOK_AFTER_SECONDS[look]
        customer = await self._ledger.customer(customer_id)
        page: dict[str, object] = {"here": f"/pay/{token}", "next_look": look + 1, "refresh_seconds": refresh_seconds}
        whose = case.collection.customer if case.collection else case.month.customer
        page |= {"gateways": self._gateways.titles(customer), "ways": await self._ways.of(whose)}
        page |= {"promise": own_promise(case.collection, self._now())}
        page |= {"takes_requests": bool(await self._requests.accounts(customer_id))}
        if len(case.owed) > 1:
            return self._pages.page("pay_all.html", page | values_of_all(case))
        return self._pages.page("pay.html", page | values(case))

    async def pay(self, token: str, month: str = "") -> RedirectResponse:
        """``month`` "": everything that can be paid by card."""
        customer_id, period = self._opened(token)
        case = await self._case(customer_id, period)
        with suppress(NotFound):  # it was settled a moment ago
            async with asyncio.timeout(ANSWER_SECONDS):
                for owed in case.payable(Period.read(month)):
                    return_url = f"{self._page(token)}/return?month={owed}"
                    answer = await pay(self._client, customer_id, owed, return_url)
                    if answer.redirect_url:
                        return RedirectResponse(answer.redirect_url, 303)
        return RedirectResponse(self._page(token), 303)

    async def returned(self, token: str, month: str = "") -> RedirectResponse:
        """Back from the bank, with its answer or without: the collection asks Stripe."""
        customer_id, period = self._opened(token)
        given = {"by": "the customer", "reason": "back from the bank's page", "via": "customer"}
        look_up = LookUp.model_validate(given | {"period": Period.read(month) or period})
        with suppress(NotFound):
            async with asyncio.timeout(ANSWER_SECONDS):
                await tell_collection(self._client, customer_id, look_up)
        return RedirectResponse(self._page(token), 303)

    async def by_link(self, token: str, rail: str, month: str = "") -> RedirectResponse:
        """``month`` "": that of the link. What cannot be paid so now is shown by the page as it then stands."""
        customer_id, period = self._opened(token)
        wanted = Period.read(month) or period
        url = ""
        if (await self._case(customer_id, period)).has_link(wanted):
            async with asyncio.timeout(ANSWER_SECONDS):
                url = await self._gateways.open(rail, customer_id, wanted)
        return RedirectResponse(url or self._page(token), 303)

    async def register_card(self, token: str) -> RedirectResponse:
        customer_id, period = self._opened(token)
        customer = await self._ledger.customer(customer_id)
        payer_id = customer.payer_id if customer else None
        if payer_id is None or not (await self._case(customer_id, period)).can_change_card:
            return RedirectResponse(self._page(token), 303)
        card_page = await self._vault.card_setup(
            payer_id,
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

    async def _case(self, customer_id: str, period: Period) -> CustomersPage:
        month = await self._ledger.month(customer_id, period)
        if month is None:
            raise HTTPException(404)
        brake = await self._ledger.brake()
        paused = brake is not None and brake.on
        running, is_stopped = await self._running(customer_id, period)
        own = running
        if running is None or running.debt(period) is None:
            own = await self._ledger.collection(customer_id, period)
        charges = await self._ledger.payments(customer_id, period)
        balance = await self._ledger.balance(customer_id)
        owed_minor = balance.owed_for(Subject.month(period), month.currency)
        view = customer_view(month, own, charges, paused, is_stopped, owed_minor)
        return CustomersPage(month, own, view, await self._owed(running, paused, is_stopped) if running else ())

    async def _owed(self, running: Collection, paused: bool, is_stopped: bool) -> tuple[OwedMonth, ...]:
        owed = []
        for debt in running.open_debts:
            charges = await self._ledger.payments(running.customer_id, debt.period)
            owed.append(OwedMonth(debt, debt_view(running, debt, charges, paused, is_stopped)))
        return tuple(month for month in owed if month.view.situation is not Situation.PAID)

    async def _running(self, customer_id: str, period: Period) -> tuple[Collection | None, bool]:
        """The customer's collection as its workflow has it, or if that does not answer, as last recorded.

        Also whether it has stopped. A closed workflow is not asked: it would answer as if it still ran.
        """
        open_rows = await self._ledger.debts(customer_id=customer_id, open_only=True)
        recorded = await self._ledger.collection(customer_id, open_rows[0].period if open_rows else period)
        if recorded is not None and not open_rows:
            return recorded, False
        try:
            stopped = await RunningWorkflows(self._client, _QUERY_TIMEOUT).stopped_collections([(customer_id, period)])
            if any(recorded or found.status not in _NOT_BEGUN for found in stopped):
                return await self._ended_meanwhile(customer_id, period) or (recorded, True)
            if stopped:
                return None, False
            handle = collection_handle(self._client, customer_id)
            running = await query_month(handle, PaymentCollection.collection, _QUERY_TIMEOUT)
        except (TemporalUnavailable, Unanswered) as error:
            _log.warning("%s, %s: shown as last recorded: %s", customer_id, period, error)
            return recorded, False
        is_older = recorded is not None and running.debt(open_rows[0].period) is None
        return (recorded if is_older else running), False

    async def _ended_meanwhile(self, customer_id: str, period: Period) -> tuple[Collection | None, bool] | None:
        """The collection, if everything was settled since it was read."""
        if await self._ledger.debts(customer_id=customer_id, open_only=True):
            return None
        recorded = await self._ledger.collection(customer_id, period)
        return (recorded, False) if recorded is not None else None
