"""A customer's own promise to pay: ``POST /pay/{token}/promise``, once a month, on the page of what is unpaid."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from temporalio.client import Client

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS
from billing.collections.promise_rules import own_promise_until
from billing.commands import parse_command
from billing.customers.links import PaymentLinks
from billing.errors import InvalidInput, NotFound
from billing.model import Line
from clients.collection_commands import tell_collection
from console.customers.returned_cards import ANSWER_SECONDS
from console.web.pages import Pages
from console.web.security import same_site
from console.web.tokens import opened
from wording.english import date_text


class OwnPromise(NamedTuple):
    """``until``: it stands until then, in words; ``last``: the last day that may be promised now."""

    until: str = ""
    last: date | None = None


def own_promise(collection: Collection | None, now: datetime) -> OwnPromise:
    """What the page says of it, and offers."""
    if collection is None or collection.outcome is not None:
        return OwnPromise()
    if collection.promise:
        last_minute = collection.promise.ends_at - timedelta(minutes=1)
        return OwnPromise(date_text(last_minute, "d MMMM y", collection.customer.timezone))
    return OwnPromise(last=own_promise_until(collection, max(now, collection.contacted_at or now)))


class OwnPromisePages:
    def __init__(self, client: Client, links: PaymentLinks, pages: Pages) -> None:
        self._client = client
        self._links = links
        self._pages = pages
        self.router = APIRouter(prefix="/pay/{token}", dependencies=[Depends(same_site)])
        self.router.add_api_route("/promise", self.promise, methods=["POST"], response_model=None)

    async def promise(self, token: str, until: Annotated[Line, Form()]) -> Response:
        """Back to the page, which then shows it; or why it is not taken. A repeat changes nothing."""
        customer_id, _ = opened(self._links.read, token)
        page = f"{self._links.base_url.rstrip('/')}/pay/{token}"
        given = {"by": "the customer", "reason": "asked for time on our page", "via": "customer", "until": until}
        try:
            command = parse_command("promise", [given], COLLECTION_COMMANDS)
            async with asyncio.timeout(ANSWER_SECONDS):
                result = await tell_collection(self._client, customer_id, command)
        except InvalidInput:
            return self._refused("Please choose a day, such as 2026-12-04.", page)
        except NotFound:  # everything was settled a moment ago
            return RedirectResponse(page, 303)
        return RedirectResponse(page, 303) if result.accepted else self._refused(f"{result.result}.", page)

    def _refused(self, why: str, page: str) -> Response:
        text = f"{why[:1].upper()}{why[1:]}"
        return self._pages.message("We could not note that day", text, status=422, back=page)
