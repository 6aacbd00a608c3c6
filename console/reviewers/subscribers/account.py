"""One service account: its state, since when and why, its history, tariffs, and what people can do with it.

::

    GET  /desk/subscribers/{number}
    POST /desk/subscribers/{number}/{action}     activate, suspend, restore, close
"""

import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.collections.collection import Collection
from billing.collections.ports import CollectionStore
from billing.customers.account_numbers import is_account_number
from billing.customers.links import PaymentLinks
from billing.customers.ports import CustomerStore
from billing.errors import InvalidInput, NotFound
from billing.receivables.overdue import overdue
from billing.receivables.ports import Accounts
from billing.reviewers.users import Role
from billing.subscribers.actions import ServiceAction
from billing.subscribers.ports import Services
from billing.subscribers.service import Service
from billing.tariffs.ports import AgreedItems
from billing.tariffs.words import item_words
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.reviewers.subscribers.account_list import TONES
from console.reviewers.subscribers.typed import Reviewer, change_id_of, reason_of
from console.web.forms import form_of, texts_in
from orders.procedures.procedure import Asked, Procedure
from orders.service.ports import ServiceFilter, ServiceOrders
from wording.procedures import spaced
from wording.services import cause_words

_EFFECTS = {
    ServiceAction.ACTIVATE: "It is connected: it works from now on, and provisioning is told.",
    ServiceAction.SUSPEND: "It stops until a person restores it; money does not restore it.",
    ServiceAction.RESTORE: "It works again, whatever is owed.",
    ServiceAction.CLOSE: "It ends for good. What is owed stays owed.",
}


class _Ledger(Services, ServiceOrders, CustomerStore, Accounts, AgreedItems, CollectionStore, Protocol):
    """The stores it uses."""


class AccountPages:
    """``now`` returns the present instant; an order of each of the ``procedures`` can be opened here."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: _Ledger,
        links: PaymentLinks,
        procedures: Mapping[str, Procedure],
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._links = links
        self._procedures = procedures
        self._now = now
        self.router = APIRouter(prefix="/desk/subscribers/{number}")
        self.router.add_api_route("", self.show, response_model=None)
        for action in ServiceAction:
            path, receive = f"/{action}", self._receiver(action)
            self.router.add_api_route(path, receive, methods=["POST"], response_model=None)
            self.router.add_api_route(path, self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, number: str, session: SignedIn) -> Response:
        return await self._page(session, await self._service(number))

    def back(self, number: str) -> RedirectResponse:
        """To the page; an action's own address is for its form only."""
        return RedirectResponse(f"/desk/subscribers/{number}", 303)

    def _receiver(self, action: ServiceAction) -> Callable[..., Awaitable[Response]]:
        async def receive(request: Request, number: str, session: Reviewer) -> Response:
            service, typed = await self._service(number), texts_in(await form_of(request))
            try:
                change = action.change(change_id_of(typed), self._now(), session.username, reason_of(typed))
                await self._ledger.change_service(service.number, change)
            except (InvalidInput, NotFound) as error:
                return await self._page(session, await self._service(number), action, str(error), typed)
            return self.back(service.number)

        receive.__name__ = action
        return receive

    async def _service(self, number: str) -> Service:
        service = await self._ledger.service(number) if is_account_number(number) else None
        if service is None:
            text = "Look for it in the list, by its number, its customer or a phone."
            here = "/desk/subscribers", "To the subscribers", "subscribers"
            raise DeskRefusal(404, "There is no such service account", text, *here)
        return service

    async def _page(
        self,
        session: Session,
        service: Service,
        refused: ServiceAction | None = None,
        why: str = "",
        typed: Mapping[str, str] | None = None,
    ) -> Response:
        customer_id = service.customer_id
        agreed = await self._ledger.agreed(customer_id)
        open_orders = ServiceFilter(customer_id=customer_id, open_only=True)
        values: dict[str, object] = {
            "service": service,
            "customer": await self._ledger.customer(customer_id),
            "own_page": self._links.to_own_page(customer_id, service.number),
            "history": await self._ledger.service_changes(service.number),
            "overdue": overdue(await self._ledger.balance(customer_id), self._now()),
            "collection": await self._collection(customer_id),
            "items": [item for item in agreed.items if getattr(item, "account", service.number) == service.number],
            "item_words": item_words,
            "orders": [row.standing for row in (await self._ledger.service_orders(open_orders)).rows],
            "openings": list(_openings(self._procedures, service)) if session.role.may(Role.REVIEWER) else [],
            "actions": ServiceAction.possible(service.state) if session.role.may(Role.REVIEWER) else [],
            "effects": _EFFECTS,
            "tones": TONES,
            "cause_words": cause_words,
            "refused": refused,
            "why": why,
            "typed": typed or {},
            "new_id": lambda: uuid.uuid4().hex,
        }
        status = 409 if refused else 200
        return await self._desk.page("subscriber.html", session, values, section="subscribers", status=status)

    async def _collection(self, customer_id: str) -> Collection | None:
        """What collects the customer's debts now."""
        debts = await self._ledger.debts(customer_id=customer_id, open_only=True)
        return await self._ledger.collection(customer_id, debts[0].period) if debts else None


def _openings(procedures: Mapping[str, Procedure], service: Service) -> Iterator[tuple[str, str]]:
    """What can be asked for about the account, or by its customer, with the address of its form."""
    for procedure in procedures.values():
        if procedure.asks(Asked.ACCOUNT):
            query = {"account": service.number}
        elif procedure.asks(Asked.SUBSCRIBER):
            query = {"customer": service.customer_id}
        else:
            continue
        yield spaced(procedure.name).capitalize(), f"/desk/procedures/{procedure.name}/open?{urlencode(query)}"
