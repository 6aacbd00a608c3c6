"""The form by which people open an order of a procedure: it has what the procedure asks for.

::

    GET  /desk/procedures/{name}/open    the form; account or customer may be in the query
    POST /desk/procedures/{name}/open    opens the order, once for each form
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from billing.customers.customer import Customer
from billing.customers.ports import CustomerStore
from billing.errors import InvalidInput, NotFound
from billing.subscribers.ports import Services
from billing.subscribers.service import Service
from billing.subscribers.service_file import ReadPhone
from billing.tariffs.ports import TariffBook
from billing.tariffs.tariff import Tariff
from billing.validation import plain
from console.reviewers.orders.open_form import FIELDS, OpenForm, person_of
from console.reviewers.orders.typed_change import order_page
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session
from console.reviewers.subscribers.typed import Reviewer, change_id_of
from console.web.forms import form_of, texts_in
from inbound.service_orders import Newcomers
from orders.ports import OrderListing
from orders.procedures.procedure import Procedure
from orders.service.asked import Unfit
from services.orders.service_desk import ServiceDesk
from wording.english import one_line


class _Ledger(CustomerStore, Services, OrderListing, TariffBook, Protocol):
    """The stores it uses."""


class OpenOrderPages:
    """``procedures`` as they were when the console began; ``newcomers``: the currency of whoever is not billed yet."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: _Ledger,
        orders: ServiceDesk,
        procedures: Mapping[str, Procedure],
        newcomers: Newcomers,
        personal_secret: str,
        read_phone: ReadPhone,
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._orders = orders
        self._procedures = procedures
        self._newcomers = newcomers
        self._personal_secret = personal_secret
        self._read_phone = read_phone
        self._now = now
        self.router = APIRouter(prefix="/desk/procedures/{name}/open")
        self.router.add_api_route("", self.form, response_model=None)
        self.router.add_api_route("", self.open, methods=["POST"], response_model=None)

    async def form(self, request: Request, name: str, session: Reviewer) -> Response:
        query = {field: request.query_params.get(field, "")[:200] for field in FIELDS}
        buyer = await self._ledger.buyer(query["customer"]) if query["customer"] else None
        return await self._page(session, self._procedure(name), query | (person_of(buyer) if buyer else {}))

    async def open(self, request: Request, name: str, session: Reviewer) -> Response:
        procedure, typed = self._procedure(name), texts_in(await form_of(request))
        try:
            form = OpenForm(procedure, typed, change_id_of(typed), self._read_phone)
            customer = await self._customer(await self._service(typed), typed)
            wanted = form.request(customer, self._personal_secret, self._newcomers)
            opened = await self._orders.open(wanted, procedure, session.username, "console", self._now())
        except (InvalidInput, NotFound, ValidationError) as error:
            status = 422 if isinstance(error, ValidationError | Unfit) else 409
            return await self._page(session, procedure, typed, plain(error), status)
        return RedirectResponse(order_page(opened.standing.number, done="open"), 303)

    def _procedure(self, name: str) -> Procedure:
        procedure = self._procedures.get(name)
        if procedure is None:
            text = f"“{one_line(name)[:40]}” is no procedure. Choose one of the list."
            raise DeskRefusal(
                404, "There is no such procedure", text, "/desk/procedures", "To the procedures", section="orders"
            )
        return procedure

    async def _service(self, typed: Mapping[str, str]) -> Service | None:
        """The account that was typed, if there is one."""
        return await self._ledger.service(typed["account"].strip()[:30]) if typed.get("account") else None

    async def _customer(self, service: Service | None, typed: Mapping[str, str]) -> Customer | None:
        """Whose order it is, if they are billed by the month already."""
        customer_id = service.customer_id if service else typed.get("customer", "").strip()[:200]
        return await self._ledger.customer(customer_id) if customer_id else None

    async def _page(
        self, session: Session, procedure: Procedure, typed: Mapping[str, str], refused: str = "", status: int = 200
    ) -> Response:
        service = await self._service(typed)
        customer = await self._customer(service, typed)
        currency = customer.currency if customer else self._newcomers.currency
        values: dict[str, object] = {
            "procedure": procedure,
            "asked": {str(field.name): field for field in procedure.fields},
            "typed": {name: typed.get(name, "") for name in FIELDS},
            "service": service,
            "party": await self._ledger.buyer(service.customer_id) if service else None,
            "tariffs": [each for each in await self._ledger.tariffs() if self._is_offered(each, currency)],
            "is_currency_asked": not (customer or self._newcomers.currency),
            "change_id": change_id_of({} if status == 409 else typed),  # another number, unless it is typed
            "refused": refused,
        }
        return await self._desk.page("open_order.html", session, values, section="orders", status=status)

    def _is_offered(self, tariff: Tariff, currency: str) -> bool:
        is_over = tariff.ended_on is not None and tariff.ended_on < self._now().date()
        return not is_over and currency in ("", tariff.currency)
