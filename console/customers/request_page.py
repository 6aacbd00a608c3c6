"""The page where a customer writes a request, and reads the answers: anyone with the link of a bill sees that alone.

::

    GET  /pay/{token}/requests    the form, and their last requests
    POST /pay/{token}/requests    opens a service order; a double click, or the same again, is the same order
"""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from billing.customers.customer import Customer
from billing.customers.links import PaymentLinks
from billing.customers.ports import CustomerStore
from billing.errors import InvalidInput
from billing.subscribers.service import Service
from console.customers.own_requests import OPEN_MAX, TEXT_MAX, OwnRequests, TooManyRequests, wrong_fields
from console.web.forms import form_of, texts_in
from console.web.pages import Pages
from console.web.security import same_site
from console.web.throttle import RequestThrottle
from console.web.tokens import opened
from orders.procedures.procedure import Asked
from wording.english import date_text, one_line

_FIELDS = ("account", "category", "text", "form_id")

_log = logging.getLogger(__name__)


class OwnRequestPages:
    """``now`` returns the present instant."""

    def __init__(
        self,
        ledger: CustomerStore,
        requests: OwnRequests,
        throttle: RequestThrottle,
        links: PaymentLinks,
        pages: Pages,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._requests = requests
        self._throttle = throttle
        self._links = links
        self._pages = pages
        self._now = now
        self.router = APIRouter(prefix="/pay/{token}/requests", dependencies=[Depends(same_site)])
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("", self.write, methods=["POST"], response_model=None)

    async def show(self, token: str, done: str = "") -> Response:
        """``done`` is the number of the request that was just written."""
        customer, accounts = await self._opened(token)
        return await self._page(token, customer, accounts, done=done)

    async def write(self, token: str, request: Request) -> Response:
        customer, accounts = await self._opened(token)
        form = texts_in(await form_of(request))
        typed = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in _FIELDS}
        assert self._requests.procedure is not None, "it takes requests: accounts are on offer"
        if wrong := wrong_fields(self._requests.procedure, typed, accounts):
            return await self._page(token, customer, accounts, typed, wrong)
        await self._throttle.count_customer(customer.customer_id)
        try:
            number = await self._requests.open(customer, typed["form_id"][:100], typed, self._now())
        except TooManyRequests:
            text = f"We are working on {OPEN_MAX} requests of yours. Please wait for our answers, or write to us."
            return self._pages.message("One thing after the other", text, status=409, back=_here(token))
        except InvalidInput as error:
            _log.warning("a request of %s was not taken: %s", customer.customer_id, error)
            text = "Please write to us instead, and we will see to it."
            return self._pages.message("We could not take your request here", text, status=409, back=_here(token))
        return RedirectResponse(f"{self._links.base_url.rstrip('/')}{_here(token)}?done={number}", 303)

    async def _opened(self, token: str) -> tuple[Customer, Sequence[Service]]:
        """The customer of the link, and the accounts about which they may write. Raises 404 if there are none."""
        customer_id, _ = opened(self._links.read, token)
        customer = await self._ledger.customer(customer_id)
        accounts = await self._requests.accounts(customer_id)
        if customer is None or not accounts:
            raise HTTPException(404)
        return customer, accounts

    async def _page(
        self,
        token: str,
        customer: Customer,
        accounts: Sequence[Service],
        typed: Mapping[str, str] | None = None,
        wrong: Mapping[str, str] | None = None,
        done: str = "",
    ) -> HTMLResponse:
        own = await self._requests.of(customer.customer_id)
        procedure = self._requests.procedure
        values: dict[str, object] = {
            "here": _here(token),
            "back": f"/pay/{token}",
            "name": one_line(customer.name),
            "accounts": accounts,
            "category": procedure.asks(Asked.CATEGORY) if procedure else None,
            "text": procedure.asks(Asked.TEXT) if procedure else None,
            "typed": typed or dict.fromkeys(_FIELDS, ""),
            "wrong": wrong or {},
            "form_id": uuid.uuid4().hex,
            "most": TEXT_MAX,
            "requests": own,
            "day": partial(date_text, pattern="d MMMM y", zone=customer.timezone),
            "done": done if done in {request.number for request in own} else "",
        }
        return self._pages.page("requests.html", values, 422 if wrong else 200)


def _here(token: str) -> str:
    return f"/pay/{token}/requests"
