"""``GET /p/{token}``, the address in a customer's texts: on to the page of what they owe, or of their last bill.

Of what is owed the oldest month comes first. Who owes no month, but a service order's fee, is led on to the fee's page;
whoever was never billed reads that nothing is owed. It may be repeated.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse, Response

from billing.customers.account_numbers import AccountKey, AccountNumbers
from billing.customers.links import PaymentLinks
from billing.customers.ports import CustomerStore
from billing.invoices.ports import InvoiceListing
from billing.invoices.stages import OUTCOMES
from billing.period import Period
from billing.receivables.journal import Balance, SubjectKind
from billing.receivables.ports import Accounts
from console.web.pages import Pages
from console.web.tokens import opened

_OPEN = timedelta(days=1)
"""How long the page stays open to which this one has led on."""


class _Ledger(AccountNumbers, Accounts, CustomerStore, InvoiceListing, Protocol):
    """The stores it uses."""


class OwnPage:
    def __init__(self, ledger: _Ledger, links: PaymentLinks, pages: Pages, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._links = links
        self._pages = pages
        self._now = now
        self.router = APIRouter(prefix="/p/{token}")
        self.router.add_api_route("", self.show, response_model=None)

    async def show(self, token: str) -> Response:
        customer_id = await self._customer(token)
        balance = await self._ledger.balance(customer_id)
        if period := _oldest_owed(balance) or await self._last_closed(customer_id):
            return RedirectResponse(self._links.to(customer_id, period, self._now() + _OPEN), 303)
        fees = [item.subject.name for item in balance.owed if item.subject.kind is SubjectKind.FEE]
        if fees:
            return RedirectResponse(self._links.to_fee(fees[0]), 303)
        return self._pages.message("There is nothing to pay here", "You need not do anything.", status=200)

    async def _customer(self, token: str) -> str:
        owner = opened(lambda text, _: self._links.read_own_page(text), token)
        customer_id = owner.customer_id
        if owner.account is not None:
            customer_id = await self._ledger.account_owner(AccountKey(number=owner.account))
        if customer_id is None:
            raise HTTPException(404)
        return customer_id

    async def _last_closed(self, customer_id: str) -> Period | None:
        rows = await self._ledger.invoices(customer_id=customer_id)
        return max((row.period for row in rows if row.stage in OUTCOMES), default=None)


def _oldest_owed(balance: Balance) -> Period | None:
    """Not what is not announced yet."""
    owed = (item for item in balance.owed if item.subject.kind is SubjectKind.MONTH)
    return min((Period(item.subject.name) for item in owed if item.amount_minor > 0 and item.due_at), default=None)
