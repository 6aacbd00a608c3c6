"""One service order: who, what, where it stands, its steps with what was filled in, its fee, and what people can do.

::

    GET  /desk/orders/{number}                     the order: OrderPages hands it over
    POST /desk/orders/{number}/service/{action}    cancel, halt, correct, resume, reopen

Each form carries the id of its change, so a double click takes effect once. A refusal says why, and keeps what was
typed.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from billing.customers.links import PaymentLinks
from billing.errors import InvalidInput, NotFound
from billing.mails.mail import StepMessageRow
from billing.receivables.ports import Journal
from billing.subscribers.ports import Services
from billing.tasks.listing import TaskFilter
from billing.tasks.ports import TaskDocuments, TaskListing
from billing.tasks.task import Task
from billing.texts.text import TextRow
from billing.validation import plain
from console.reviewers.orders.actions import Action
from console.reviewers.orders.order_view import done_by, movements
from console.reviewers.orders.service_actions import SERVICE_ACTIONS, change_of, possible, why_not_cancelled
from console.reviewers.orders.service_view import Files, asked_for, correctable_rows, picture, service_pulse, step_rows
from console.reviewers.orders.typed_change import RefusedChange, change_fields, order_page, refusal_status
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session, signed_in
from console.web.forms import form_of, texts_in
from orders.ports import OrderListing
from orders.service.ports import ServiceOrders, ServiceShown
from orders.service.service_order import ServiceOrder
from services.orders.service_desk import ServiceDesk

_TASKS_MAX, _MESSAGES_MAX = 1000, 200
_DONE = {
    "cancel": "cancelled",
    "halt": "halted",
    "correct": "corrected",
    "resume": "resumed",
    "reopen": "reopened",
    "open": "opened",
}


class _Messages(Protocol):
    async def texts(self, customer_id: str | None = None, limit: int = 100) -> list[TextRow]: ...

    async def step_messages(self, customer_id: str, limit: int = 100) -> list[StepMessageRow]: ...


class ServiceLedger(ServiceOrders, OrderListing, Journal, Services, TaskListing, TaskDocuments, _Messages, Protocol):
    """The stores it uses."""


class ServiceOrderPages:
    """``now`` returns the present instant."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: ServiceLedger,
        orders: ServiceDesk,
        links: PaymentLinks,
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._orders = orders
        self._links = links
        self._now = now
        self.router = APIRouter(prefix="/desk/orders/{number}/service")
        for action in SERVICE_ACTIONS:
            path = f"/{action.name}"
            self.router.add_api_route(path, self._receiver(action), methods=["POST"], response_model=None)
            self.router.add_api_route(path, self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def has(self, number: str) -> bool:
        return await self._ledger.service_standing(number[:100]) is not None

    async def show(self, number: str, session: Session, done: str) -> Response | None:
        """The order's page; None: no service order has this number. ``done`` is the action that was just taken."""
        shown = await self._ledger.service_order(number[:100])
        return await self._page(session, shown, done=_DONE.get(done, "")) if shown else None

    def back(self, number: str) -> RedirectResponse:
        """To the page; an action's own address is for its form only."""
        return RedirectResponse(order_page(number), 303)

    def _receiver(self, action: Action) -> Callable[..., Awaitable[Response]]:
        async def receive(
            request: Request, number: str, session: Annotated[Session, Depends(signed_in(action.role))]
        ) -> Response:
            shown, typed = await self._shown(number), texts_in(await form_of(request))
            try:
                change = change_of(action.name, change_fields(typed, session), typed)
                await self._orders.change(shown.order.number, change, self._now())
            except (InvalidInput, NotFound, ValidationError) as error:
                refused = RefusedChange(action.name, plain(error), refusal_status(error), typed)
                return await self._page(session, await self._shown(number), refused)
            return RedirectResponse(order_page(shown.order.number, done=action.name), 303)

        receive.__name__ = action.name
        return receive

    async def _shown(self, number: str) -> ServiceShown:
        shown = await self._ledger.service_order(number[:100])
        if shown is None:
            text = "Look for it in the list, by its number or its customer."
            raise DeskRefusal(404, "There is no such order", text, "/desk/orders", "To the orders", "orders")
        return shown

    async def _page(
        self, session: Session, shown: ServiceShown, refused: RefusedChange | None = None, done: str = ""
    ) -> Response:
        order = shown.order
        tasks = await self._ledger.tasks(TaskFilter(order_number=order.number, open_only=False), _TASKS_MAX)
        task = next((task for task in tasks if task.end is None), None)
        texts = await self._ledger.texts(order.customer_id, _MESSAGES_MAX)
        mails = await self._ledger.step_messages(order.customer_id, _MESSAGES_MAX)
        values: dict[str, object] = {
            "order": order,
            "standing": shown.standing,
            "log": shown.log,
            "pulse": service_pulse(shown.standing, task),
            "party": await self._ledger.buyer(order.customer_id),
            "service": await self._ledger.service(order.account) if order.account else None,
            "task": task,
            "steps": list(step_rows(shown, tasks, await self._files(tasks), texts, mails)),
            "asked_for": asked_for(order),
            "picture": picture(shown),
            "actions": possible(order, session.role, self._now(), refused.action if refused else ""),
            "too_late": why_not_cancelled(order),
            "refused": refused,
            "correctable": correctable_rows(order),
            "typed": lambda action, name="reason": (
                refused.typed.get(name, "") if refused and refused.is_of(action) else ""
            ),
            "new_id": lambda: uuid.uuid4().hex,
            "done": done_by(shown.log, session.username, done) if done else None,
            **await self._fee(order),
        }
        status = refused.status if refused else 200
        return await self._desk.page("service_order.html", session, values, section="orders", status=status)

    async def _files(self, tasks: Sequence[Task]) -> Files:
        with_files = (task.number for task in tasks if any(field.type.is_file for field in task.form))
        return {number: await self._ledger.documents(number) for number in with_files}

    async def _fee(self, order: ServiceOrder) -> dict[str, object]:
        moves = await self._ledger.transactions_of(order.customer_id, order.subject)
        return {"movements": list(movements(order.subject, moves)), "fee_page": self._links.to_fee(order.number)}


async def service_pulse_of(ledger: ServiceLedger, number: str) -> str:
    """As ``service_pulse``, of the order as it stands now; "": there is none."""
    standing = await ledger.service_standing(number)
    tasks = await ledger.tasks(TaskFilter(order_number=number), 1)
    return service_pulse(standing, tasks[0] if tasks else None) if standing else ""
