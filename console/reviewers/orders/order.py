"""One order: what was agreed, its money, its releases, who did what, and what people can do with it.

::

    GET  /desk/orders/{number}                the order
    GET  /desk/orders/{number}/events         says when it has changed, as server-sent events
    GET  /desk/orders/{number}/amend          what was agreed as a form
    POST /desk/orders/{number}/{action}       amend, cancel, halt, resume, send-again

Each form carries the id of its change, so a double click takes effect once; an amendment carries the version that was
seen, so one of another version is refused. A refusal says why, and keeps what was typed.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from billing.errors import InvalidInput, NotFound
from billing.money import minor_digits
from billing.receivables.instructions import Instruction, InstructionKind
from billing.receivables.journal import PaymentName, Transaction
from billing.receivables.ports import Journal, PaymentListing
from billing.validation import plain
from console.reviewers.live import Live, stream
from console.reviewers.orders.actions import ACTIONS, AMEND, Action, possible
from console.reviewers.orders.amend_form import AmendForm, blank, read
from console.reviewers.orders.order_view import (
    answer_of,
    done_by,
    earlier,
    left_credit_minor,
    movements,
    payments_of,
    waits_for,
)
from console.reviewers.orders.service_order import ServiceOrderPages
from console.reviewers.orders.typed_change import RefusedChange, change_fields, order_page, refusal_status
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.web.forms import form_of, texts_in
from orders.changes import Amend, Cancel, Change, Halt, Resume, SendAgain
from orders.order import Order, OrderStanding
from orders.ports import OrderListing
from services.orders.desk import OrderDesk

PAYMENTS_SHOWN = 100  # by their reference; of more, by their rail
_DONE = {"amend": "amended", "cancel": "cancelled", "halt": "halted", "resume": "resumed", "send-again": "sent_again"}

Receiver = Callable[..., Awaitable[Response]]


class OrderLedger(OrderListing, Journal, PaymentListing, Protocol):
    """The stores it uses."""


class OrderPages:
    """``now`` returns the present instant. The numbers of ``service`` orders are among these: so are their pages."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: OrderLedger,
        orders: OrderDesk,
        service: ServiceOrderPages,
        live: Live[str],
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._orders = orders
        self._service = service
        self._live = live
        self._now = now
        self.router = APIRouter(prefix="/desk/orders/{number}")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/events", self.events, response_model=None)
        self.router.add_api_route("/amend", self.form, response_model=None)
        for action in ACTIONS:
            path, receive = f"/{action.name}", self._receiver(action)
            self.router.add_api_route(path, receive, methods=["POST"], response_model=None)
            if action is not AMEND:
                self.router.add_api_route(path, self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, number: str, session: SignedIn, done: str = "") -> Response:
        """``done`` is the action that was just taken: the page says what came of it."""
        if (page := await self._service.show(number, session, done)) is not None:
            return page
        return await self._page(session, await self._standing(number), done=_DONE.get(done, ""))

    async def events(self, request: Request, session: SignedIn, number: str) -> Response:
        if not await self._service.has(number):
            await self._standing(number)
        return stream(request, self._live.pulses(number))

    async def form(self, number: str, session: Annotated[Session, Depends(signed_in(AMEND.role))]) -> Response:
        standing = await self._standing(number)
        if AMEND not in possible(standing.order, session.role):
            return self.back(number)
        return await self._amending(session, standing, blank(standing.order))

    def back(self, number: str) -> RedirectResponse:
        """To the page; an action's own address is for its form only."""
        return RedirectResponse(order_page(number), 303)

    # -- acting

    def _receiver(self, action: Action) -> Receiver:
        async def receive(
            request: Request, number: str, session: Annotated[Session, Depends(signed_in(action.role))]
        ) -> Response:
            standing, form = await self._standing(number), await form_of(request)
            if action is AMEND:
                return await self._amend(session, standing, read(form, standing.order), texts_in(form))
            return await self._act(session, standing, action, texts_in(form))

        receive.__name__ = action.name.replace("-", "_")
        return receive

    async def _act(
        self, session: Session, standing: OrderStanding, action: Action, typed: Mapping[str, str]
    ) -> Response:
        try:
            change = _change(action, change_fields(typed, session), typed)
            await self._orders.change(standing.order.number, change, self._now())
        except (InvalidInput, NotFound, ValidationError) as error:
            refused = RefusedChange(action.name, plain(error), refusal_status(error), typed)
            return await self._page(session, await self._standing(standing.order.number), refused)
        return RedirectResponse(order_page(standing.order.number, done=action.name), 303)

    async def _amend(
        self, session: Session, standing: OrderStanding, form: AmendForm, typed: Mapping[str, str]
    ) -> Response:
        order = standing.order
        if form.is_wrong:
            why = form.error or "Correct the marked lines"
            return await self._amending(session, standing, form, RefusedChange(AMEND.name, why, 422, typed))
        try:
            agreed = form.agreement(order)
            change = Amend(**change_fields(typed, session), version=form.version, agreed=agreed)
            await self._orders.change(order.number, change, self._now())
        except (InvalidInput, NotFound, ValidationError) as error:
            refused = RefusedChange(AMEND.name, plain(error), refusal_status(error), typed)
            return await self._amending(session, await self._standing(order.number), form, refused)
        return RedirectResponse(order_page(order.number, done=AMEND.name), 303)

    # -- the pages

    async def _standing(self, number: str) -> OrderStanding:
        standing = await self._ledger.order(number[:100])
        if standing is None and await self._service.has(number):
            text = "It is not changed like an order to make something. Its page has what can be done with it."
            back = order_page(number), "To the order", "orders"
            raise DeskRefusal(404, f"Order {number} goes by a procedure", text, *back)
        if standing is None:
            text = "Look for it in the list, by its number or its buyer."
            raise DeskRefusal(404, "There is no such order", text, "/desk/orders", "To the orders", "orders")
        return standing

    async def _page(
        self, session: Session, standing: OrderStanding, refused: RefusedChange | None = None, done: str = ""
    ) -> Response:
        order, log = standing.order, await self._ledger.order_log(standing.order.number)
        moves = await self._ledger.transactions_of(order.customer_id, order.subject)
        offered = possible(order, session.role)
        values: dict[str, object] = {
            **await self._common_values(standing, refused),
            "actions": [*offered, *(action for action in ACTIONS if _is_kept(action, offered, refused))],
            "waits_for": waits_for(standing),
            "movements": list(movements(order.subject, moves)),
            "references": await self._references(moves),
            "refunds": await self._refunds(order, moves),
            "credit_minor": left_credit_minor(order, await self._ledger.balance(order.customer_id)),
            "earlier": earlier(await self._ledger.order_versions(order.number), order),
            "answer_of": answer_of,
            "log": log,
            "done": done_by(log, session.username, done) if done else None,
        }
        status = refused.status if refused else 200
        return await self._desk.page("order.html", session, values, section="orders", status=status)

    async def _amending(
        self, session: Session, standing: OrderStanding, form: AmendForm, refused: RefusedChange | None = None
    ) -> Response:
        """A form of another version is kept as one of the current version, to be checked."""
        values: dict[str, object] = {
            **await self._common_values(standing, refused),
            "form": form,
            "is_stale": form.version != standing.order.version,
            "can_amend": AMEND in possible(standing.order, session.role),
            "digits": minor_digits(standing.order.currency),
        }
        status = refused.status if refused else 200
        return await self._desk.page("amend_order.html", session, values, section="orders", status=status)

    async def _common_values(self, standing: OrderStanding, refused: RefusedChange | None) -> dict[str, object]:
        order = standing.order
        return {
            "standing": standing,
            "order": order,
            "pulse": pulse_of(standing),
            "buyer": await self._ledger.buyer(order.customer_id),
            "refused": refused,
            "typed": lambda action, field: refused.typed.get(field, "") if refused and refused.is_of(action) else "",
            "new_id": lambda: uuid.uuid4().hex,
        }

    async def _refunds(self, order: Order, moves: Sequence[Transaction]) -> list[Instruction]:
        """What people have asked to be given back to the customer of an order that has ended, the newest first."""
        names = payments_of(moves)[:PAYMENTS_SHOWN] if order.end else []
        asked = [instruction for name in names for instruction in await self._ledger.instructions(name)]
        return [each for each in asked if each.kind is InstructionKind.REFUND]

    async def _references(self, moves: Sequence[Transaction]) -> dict[PaymentName, str]:
        records = {name: await self._ledger.incoming_payment(name) for name in payments_of(moves)[:PAYMENTS_SHOWN]}
        return {name: record.payment.reference for name, record in records.items() if record}


def pulse_of(standing: OrderStanding) -> str:
    """A text that differs after every change of the order, and of what is owed for it."""
    return f"{standing.order.revision}-{standing.owed_minor}"


def _change(action: Action, common: dict[str, Any], typed: Mapping[str, str]) -> Change:
    match action.name:
        case "cancel":
            return Cancel(**common, refund=typed.get("refund", "") == "1")
        case "halt":
            return Halt(**common)
        case "resume":
            return Resume(**common)
    return SendAgain(**common)


def _is_kept(action: Action, offered: tuple[Action, ...], refused: RefusedChange | None) -> bool:
    """Whether the action was refused just now, and is not offered any more: its form keeps what was typed."""
    return refused is not None and refused.is_of(action.name) and action not in offered
