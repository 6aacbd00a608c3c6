"""Requests that customers write by themselves, and what became of them: service orders of the procedure ``request``."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from billing.customers.customer import Customer
from billing.errors import InvalidInput
from billing.subscribers.ports import Services
from billing.subscribers.service import Service, ServiceState
from orders.procedures.procedure import Asked, Procedure
from orders.procedures.steps import TellStep
from orders.procedures.texts import ProcedureText
from orders.service.corrections import correctable
from orders.service.numbers import number_from
from orders.service.ports import ServiceFilter, ServiceOrders, ServiceShown
from orders.service.service_order import ServiceOrder, ServiceRequest
from services.orders.service_desk import ServiceDesk
from wording.tasks import answer_words

PROCEDURE = "request"
TEXT_MAX = 1000
OPEN_MAX = 20
SHOWN = 10
_TYPED = (Asked.ACCOUNT, Asked.CATEGORY, Asked.TEXT)
_ANSWERS = (ProcedureText.ANSWERED, ProcedureText.REFUSED)


class TooManyRequests(InvalidInput):
    """So many requests of the customer are open that one more would not be read sooner."""


class Answering(StrEnum):
    """How far a request is, for whoever has written it."""

    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"  # without an answer in writing


class OwnRequest(NamedTuple):
    """``about`` is its category; ``answer`` "": there is none yet."""

    number: str
    opened_at: datetime
    about: str
    text: str
    state: Answering
    answer: str


class _Ledger(ServiceOrders, Services, Protocol): ...


class OwnRequests:
    """``procedure`` None, or one that asks for more than customers are asked here: no requests are taken."""

    def __init__(self, ledger: _Ledger, orders: ServiceDesk, procedure: Procedure | None) -> None:
        self._ledger = ledger
        self._orders = orders
        self.procedure = procedure if procedure is not None and _fits(procedure) else None

    async def accounts(self, customer_id: str) -> list[Service]:
        """The accounts about which the customer may write now."""
        if self.procedure is None:
            return []
        services = await self._ledger.services_of(customer_id)
        return [service for service in services if service.state is not ServiceState.DISCONNECTED]

    async def of(self, customer_id: str) -> list[OwnRequest]:
        """Their last ones, the newest first."""
        page = await self._ledger.service_orders(ServiceFilter(customer_id=customer_id, procedure=PROCEDURE), SHOWN)
        shown = [await self._ledger.service_order(row.standing.number) for row in page.rows]
        return [_own(each) for each in shown if each is not None]

    async def open(self, customer: Customer, form_id: str, values: Mapping[str, str], now: datetime) -> str:
        """Opens an order; its number. The same form with the same words is the same order. Raises ``InvalidInput``."""
        assert self.procedure is not None, "nobody is asked for what is not taken"
        said = {name: values[name] for name in _TYPED if self.procedure.asks(name)}
        number = number_from(f"{customer.customer_id} {form_id} {sorted(said.items())}")
        request = ServiceRequest(
            number=number,
            procedure=PROCEDURE,
            currency=customer.currency,
            timezone=customer.timezone,
            account=said.pop(Asked.ACCOUNT),
            values={str(name): text for name, text in said.items()},
        )
        await self._require_room(customer.customer_id, number)
        await self._orders.open(request, self.procedure, "the customer", "customer", now)
        return number

    async def _require_room(self, customer_id: str, number: str) -> None:
        wanted = ServiceFilter(customer_id=customer_id, procedure=PROCEDURE, open_only=True)
        is_full = (await self._ledger.service_orders(wanted, 0)).count >= OPEN_MAX
        if is_full and await self._ledger.service_standing(number) is None:
            raise TooManyRequests(f"{customer_id} has {OPEN_MAX} open requests")


def wrong_fields(procedure: Procedure, typed: Mapping[str, str], accounts: Sequence[Service]) -> dict[str, str]:
    """What is wrong with what a customer has typed, by field, in words for them."""
    return dict(_wrong(procedure, typed, accounts))


def _wrong(procedure: Procedure, typed: Mapping[str, str], accounts: Sequence[Service]) -> Iterator[tuple[str, str]]:
    if typed["account"] not in {service.number for service in accounts}:
        yield "account", "Please choose one of your accounts."
    category = procedure.asks(Asked.CATEGORY)
    if category is not None and typed["category"] not in category.options:
        yield "category", "Please choose what it is about."
    if not typed["text"]:
        yield "text", "Please write a few words, so that we know what to do."
    elif len(typed["text"]) > TEXT_MAX:
        yield "text", f"Please write {TEXT_MAX:,} characters at most; these are {len(typed['text']):,}."


def _fits(procedure: Procedure) -> bool:
    """Whether all that it needs can be typed on the page of a customer."""
    needed = {field.name for field in procedure.fields if field.required}
    return needed <= {*_TYPED} and all(procedure.asks(name) for name in (Asked.ACCOUNT, Asked.TEXT))


def _own(shown: ServiceShown) -> OwnRequest:
    order, answer = shown.order, _answer(shown)
    about, text = (str(order.values.get(name, "")) for name in (Asked.CATEGORY, Asked.TEXT))
    return OwnRequest(order.number, order.opened_at, about, text, _state(shown, answer), answer)


def _state(shown: ServiceShown, answer: str) -> Answering:
    if shown.order.cancelled is not None:
        return Answering.WITHDRAWN
    if not shown.order.is_closed:
        return Answering.OPEN
    return Answering.ANSWERED if answer else Answering.CLOSED


def _answer(shown: ServiceShown) -> str:
    """What the last step has told them that answers."""
    for record in reversed(shown.steps):
        step = shown.order.procedure.step(record.step)
        if isinstance(step, TellStep) and step.text in _ANSWERS and step.quotes is not None:
            return _words(shown.order, step.quotes)
    return ""


def _words(order: ServiceOrder, name: str) -> str:
    """Of any length, unlike in a text."""
    answer, field = order.values.get(name, ""), correctable(order).get(name)
    return answer_words(field, answer, order.currency) if field else str(answer)
