"""``POST /orders`` and ``GET /orders/{number}``: the seller's own system hands orders over, and asks how they stand.

docs/orders.md is what the makers of that system read.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from billing.customers.account_numbers import AccountNumber
from billing.errors import BillingError, InvalidInput, NotFound
from billing.model import Code, Count, Few, Instant, Minor, Model, Words
from billing.money import format_amount
from billing.subscribers.newcomer import SubscriberBody
from billing.validation import explain
from inbound.service_orders import (
    Newcomers,
    ServiceLedger,
    is_service_order,
    read_service_order,
    service_status,
    taken,
)
from inbound.signed import Refused, Signed, fault, unavailable
from orders.order import Answered, OrderFields, OrderRequest, OrderStage, OrderStanding, Release, ReleaseKind
from orders.ports import Opened, TooManyOrders
from orders.service.asked import Unfit

NO_PROCEDURES = Newcomers()


class _Ledger(ServiceLedger, Protocol):
    async def open_order(self, request: OrderRequest, at: datetime, by: str = "", via: str = "") -> Opened: ...

    async def order(self, number: str) -> OrderStanding | None: ...


class OrderTaken(Model):
    """The answer to an order: the same to every repeat. ``status_path`` is where it is asked for;
    ``account`` was registered with it.
    """

    number: Code
    opened_at: Instant
    currency: Code
    price_minor: Minor
    price: Words
    status_path: Words
    account: AccountNumber | None = None


class ReleaseShown(Model):
    """A release; ``accepted`` None: production has not answered yet."""

    kind: ReleaseKind
    version: Count
    at: Instant
    accepted: bool | None = None
    answer: Words | None = None
    answered_at: Instant | None = None


class OrderStatus(Model):
    """How an order stands. Amounts are in minor units; what is more than the price is the customer's credit."""

    number: Code
    stage: OrderStage
    version: Count
    currency: Code
    due_minor: Minor
    paid_minor: Minor
    outstanding_minor: Minor
    is_halted: bool
    opened_at: Instant
    expires_at: Instant | None
    releases: Few[ReleaseShown]


class Orders:
    """Signed requests only; ``secrets`` are ours and the seller's system's: none, and nobody may ask.

    Nothing here needs Temporal.
    """

    def __init__(
        self,
        ledger: _Ledger,
        secrets: Sequence[str],
        now: Callable[[], datetime],
        personal_secret: str = "",
        newcomers: Newcomers = NO_PROCEDURES,
    ) -> None:
        self._ledger = ledger
        self._newcomers = newcomers
        self._personal_secret = personal_secret
        self._signed = Signed(secrets)
        self._now = now
        self.router = APIRouter()
        self.router.add_api_route("/orders", self.take, methods=["POST"], response_model=None)
        self.router.add_api_route("/orders/{number}", self.show, methods=["GET"], response_model=None)

    async def take(self, request: Request) -> JSONResponse:
        """201 once the order is on record, 200 to a repeat; 409 if the number is another order's, 422 if the order
        cannot be taken: its buyer may have too many open ones. An order that names a procedure goes by that.

        After 503, or without an answer, the same request is sent again: it takes effect once.
        """
        try:
            text = await self._signed.text(request, "an order has 200 lines at most")
            if is_service_order(text):
                return await self._take_service_order(text)
            wanted = _read(text, self._personal_secret)
            opened = await self._ledger.open_order(wanted, self._now(), via="http")
        except Refused as refused:
            return refused.answer()
        except (TooManyOrders, Unfit, NotFound) as error:
            return fault(422, str(error))
        except InvalidInput as error:
            return fault(409, str(error))
        except BillingError as error:
            return unavailable(error)
        return JSONResponse(
            _taken(wanted, opened).model_dump(mode="json", exclude_none=True), 201 if opened.is_new else 200
        )

    async def _take_service_order(self, text: str) -> JSONResponse:
        try:
            wanted, procedure = read_service_order(text, self._personal_secret, self._newcomers)
        except InvalidInput as error:
            raise Refused(422, str(error)) from None
        opened = await self._ledger.open_service_order(wanted, procedure, self._now(), via="http")
        answer = taken(opened).model_dump(mode="json", exclude_none=True)
        return JSONResponse(answer, 201 if opened.is_new else 200)

    async def show(self, request: Request, number: str) -> JSONResponse:
        """How the order stands; 404 if there is none. What is signed is the path, for there is no body."""
        try:
            self._signed.require_genuine_path(request)
            standing = await self._ledger.order(number)
            service = None if standing else await self._ledger.service_standing(number)
        except Refused as refused:
            return refused.answer()
        except BillingError as error:
            return unavailable(error)
        if service is not None:
            return JSONResponse(service_status(service).model_dump(mode="json"))
        if standing is None:
            return fault(404, f"there is no order {number[:60]!r}; open it by POST /orders")
        return JSONResponse(status_of(standing).model_dump(mode="json"))


def status_of(standing: OrderStanding) -> OrderStatus:
    order = standing.order
    return OrderStatus(
        number=order.number,
        stage=standing.stage,
        version=order.version,
        currency=order.currency,
        due_minor=order.price_minor,
        paid_minor=standing.paid_minor,
        outstanding_minor=standing.owed_minor,
        is_halted=order.halt is not None,
        opened_at=order.opened_at,
        expires_at=order.expires_at,
        releases=tuple(_shown(release) for release in order.releases),
    )


def _shown(release: Release) -> ReleaseShown:
    shown = ReleaseShown(kind=release.kind, version=release.version, at=release.at)
    if release.answer is None:
        return shown
    accepted = isinstance(release.answer, Answered)
    return shown.evolve(accepted=accepted, answer=release.answer.text, answered_at=release.answer.at)


class OrderBody(OrderFields):
    """An order as it is sent."""

    subscriber: SubscriberBody | None = None

    def request(self, personal_secret: str) -> OrderRequest:
        given = {name: getattr(self, name) for name in OrderFields.model_fields}
        return OrderRequest(**given, subscriber=self.subscriber.keyed(personal_secret) if self.subscriber else None)


def _read(text: str, personal_secret: str) -> OrderRequest:
    """The order in a body. An unknown field is refused at any depth: it may be a misspelled one."""
    try:
        return OrderBody.model_validate_json(text, strict=True, extra="forbid").request(personal_secret)
    except ValidationError as error:
        raise Refused(422, explain(error)) from None
    except InvalidInput as error:
        raise Refused(422, str(error)) from None


def _taken(wanted: OrderRequest, opened: Opened) -> OrderTaken:
    price_minor = wanted.agreed.price_minor
    return OrderTaken(
        number=wanted.number,
        opened_at=opened.standing.order.opened_at,
        currency=wanted.currency,
        price_minor=price_minor,
        price=format_amount(price_minor, wanted.currency),
        status_path=f"/orders/{wanted.number}",
        account=opened.account,
    )
