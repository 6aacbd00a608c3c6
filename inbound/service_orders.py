"""Orders that go by a procedure, as ``POST /orders`` takes them and ``GET /orders/{number}`` shows them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field, ValidationError
from pydantic_core import from_json

from billing.customers.account_numbers import AccountNumber
from billing.customers.customer import Currency, Timezone
from billing.errors import InvalidInput
from billing.model import Code, Instant, Line, Minor, Model, Words
from billing.money import format_amount
from billing.subscribers.newcomer import SubscriberBody
from billing.validation import explain
from orders.order import Buyer, OrderNumber
from orders.procedures.files import procedure_of
from orders.procedures.procedure import Asked, Procedure
from orders.service.ports import ServiceOpened
from orders.service.service_order import ServiceRequest, ServiceStage, ServiceStanding

_TYPED = (Asked.TARIFF, Asked.ADDRESS, Asked.DATE, Asked.CATEGORY, Asked.TEXT)
_Text = Annotated[str, Field(max_length=2000)] | None


class ServiceLedger(Protocol):
    async def open_service_order(
        self, request: ServiceRequest, procedure: Procedure, at: datetime, by: str = "", via: str = ""
    ) -> ServiceOpened: ...

    async def service_standing(self, number: str) -> ServiceStanding | None: ...


class Newcomers(NamedTuple):
    """The procedures, and the currency and time zone of whoever is not billed by the month yet; "": they have to be
    said.

    ``procedures`` raises ``InvalidInput`` if a file has a fault.
    """

    procedures: Callable[[], Mapping[str, Procedure]] = dict
    currency: str = ""
    timezone: str = ""


class ServiceBody(Model, extra="forbid"):
    """A service order as it is sent; what it has to say is up to its procedure."""

    number: OrderNumber
    procedure: Code
    buyer: Buyer | None = None
    currency: Currency | None = None
    timezone: Timezone | None = None
    account: AccountNumber | None = None
    subscriber: SubscriberBody | None = None
    tariff: _Text = None
    address: _Text = None
    date: _Text = None
    category: _Text = None
    text: _Text = None

    def request(self, personal_secret: str, newcomers: Newcomers) -> ServiceRequest:
        """Raises ``InvalidInput``."""
        given = {str(name): value for name in _TYPED if (value := getattr(self, name)) is not None}
        currency, timezone = self.currency or newcomers.currency, self.timezone or newcomers.timezone
        if not currency or not timezone:
            raise InvalidInput("currency and timezone: say both, for nothing is set here for whoever is new")
        return ServiceRequest(
            number=self.number,
            procedure=self.procedure,
            buyer=self.buyer,
            currency=currency,
            timezone=timezone,
            account=self.account,
            subscriber=self.subscriber.keyed(personal_secret) if self.subscriber else None,
            values=given,
        )


class ServiceTaken(Model):
    """The answer to a service order: the same to every repeat. ``account`` is what it is about."""

    number: Code
    procedure: Code
    opened_at: Instant
    status_path: Words
    account: AccountNumber | None = None


class ServiceStatus(Model):
    """How a service order stands; ``title`` is that of its ``step``, since then. Amounts are in minor units."""

    number: Code
    procedure: Code
    stage: ServiceStage
    step: Code
    title: Line
    step_since: Instant
    due_at: Instant | None
    currency: Code
    outstanding_minor: Minor
    outstanding: Words
    is_halted: bool
    outcome: Code
    opened_at: Instant


def is_service_order(text: str) -> bool:
    """Whether the body names a procedure; what cannot be read is refused by whoever reads it as an order."""
    try:
        found = from_json(text)
    except ValueError:
        return False
    return isinstance(found, dict) and "procedure" in found


def read_service_order(text: str, personal_secret: str, newcomers: Newcomers) -> tuple[ServiceRequest, Procedure]:
    """Raises ``InvalidInput`` and ``NotFound``, which say what is wrong with it."""
    try:
        body = ServiceBody.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None
    procedure = procedure_of(dict(newcomers.procedures()), body.procedure)
    return body.request(personal_secret, newcomers), procedure


def taken(opened: ServiceOpened) -> ServiceTaken:
    standing = opened.standing
    return ServiceTaken(
        number=standing.number,
        procedure=standing.procedure,
        opened_at=standing.opened_at,
        status_path=f"/orders/{standing.number}",
        account=opened.account,
    )


def service_status(standing: ServiceStanding) -> ServiceStatus:
    same = ServiceStatus.model_fields.keys() & ServiceStanding.model_fields.keys() - {"title"}
    return ServiceStatus(
        **{name: getattr(standing, name) for name in same},
        title=standing.step_title,
        outstanding_minor=standing.owed_minor,
        outstanding=format_amount(standing.owed_minor, standing.currency),
        is_halted=bool(standing.halt_text),
    )
