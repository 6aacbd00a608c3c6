"""All incoming payments, unmatched ones first, and what waits for a second person; and one customer's account.

::

    GET /desk/money                            filters and page are in the query
    GET /desk/money/accounts/{customer_id}     what the customer owes, their credit, every movement
"""

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from billing.customers.account_numbers import ServiceAccount
from billing.customers.ports import CustomerStore
from billing.payments.rails import CARDS, Rail, billers
from billing.receivables.payment_list import PAGE_ROWS, PaymentFilter
from billing.receivables.ports import Journal, PaymentListing
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import SignedIn
from orders.order import Buyer

SHOWN = 500  # movements of an account, the newest
_PAGE = re.compile(r"[1-9][0-9]{0,5}")


class MoneyLedger(CustomerStore, Journal, PaymentListing, Protocol):
    async def numbers_of(self, customer_id: str) -> list[ServiceAccount]: ...

    async def closed_reason(self, customer_id: str) -> str:
        """Who closed the account, and why; "" while it is open, and of a buyer."""

    async def buyer(self, customer_id: str) -> Buyer | None: ...


class PaymentListPages:
    """``rails`` are those that people record, by name."""

    def __init__(self, desk: PageFrame, ledger: MoneyLedger, rails: Mapping[str, Rail]) -> None:
        self._desk = desk
        self._ledger = ledger
        self._has_registers = bool(billers(dict(rails)))
        self._rails = [CARDS, *(name for name in rails if name != CARDS)]
        self.router = APIRouter(prefix="/desk/money")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/accounts/{customer_id}", self.account, response_model=None)

    async def show(self, request: Request, session: SignedIn) -> Response:
        query = request.query_params
        wanted, number = read_filter(query), query.get("page", "")
        page = int(number) if _PAGE.fullmatch(number) else 1
        payments = await self._ledger.incoming_payments(wanted, PAGE_ROWS, (page - 1) * PAGE_ROWS)
        given = _query(wanted)
        values = {
            "wanted": wanted,
            "payments": payments,
            "filtered": bool(given),
            "link": lambda **changes: _link(given | changes),
            "page": page,
            "pages": max(1, -(-payments.count // PAGE_ROWS)),
            "first": (page - 1) * PAGE_ROWS + 1,
            "rails": self._rails,
            "has_registers": self._has_registers,
            "waiting": await self._ledger.instructions(),
        }
        return await self._desk.page("money.html", session, values, section="money")

    async def account(self, customer_id: str, session: SignedIn) -> Response:
        billed = await self._ledger.customer(customer_id[:100])
        customer = billed or await self._ledger.buyer(customer_id[:100])
        if customer is None:
            text = "Look for the customer's id in the list of invoices or payments."
            raise DeskRefusal(404, "There is no such account", text, "/desk/money", "To the payments", "money")
        transactions = await self._ledger.transactions(customer.customer_id)
        payments = await self._ledger.incoming_payments(PaymentFilter(customer_id=customer.customer_id), SHOWN)
        values: dict[str, object] = {
            "customer": customer,
            "is_billed": billed is not None,
            "closed": await self._ledger.closed_reason(customer.customer_id),
            "numbers": await self._ledger.numbers_of(customer.customer_id),
            "balance": await self._ledger.balance(customer.customer_id),
            "transactions": transactions[::-1][:SHOWN],
            "count": len(transactions),
            "references": {(row.rail, row.digest): row.reference for row in payments.rows},
        }
        return await self._desk.page("account.html", session, values, section="money")


def read_filter(query: Mapping[str, str]) -> PaymentFilter:
    """The filters of a query; texts are cut to what there can be."""
    return PaymentFilter(
        search=query.get("search", "").strip()[:200],
        rail=query.get("rail", "").strip()[:40],
        customer_id=query.get("customer", "").strip()[:200],
        unmatched=query.get("unmatched", "") == "1",
    )


def _query(wanted: PaymentFilter) -> dict[str, str]:
    query = {"search": wanted.search, "rail": wanted.rail, "customer": wanted.customer_id}
    query["unmatched"] = "1" if wanted.unmatched else ""
    return {name: value for name, value in query.items() if value}


def _link(query: Mapping[str, object]) -> str:
    return f"/desk/money?{urlencode({name: value for name, value in query.items() if value})}"
