"""Where service orders are kept. Every method may be called again after any failure."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Protocol

from pydantic import Field

from billing.apart import Failed
from billing.customers.account_numbers import AccountNumber
from billing.model import Code, Count, Id, Line, Many, Model
from orders.changes import Change
from orders.ports import OrderLogEntry
from orders.procedures.procedure import Procedure
from orders.service.findings import ServiceOrderFaults
from orders.service.service_order import ServiceOrder, ServiceRequest, ServiceStage, ServiceStanding, StepRecord

PAGE_ROWS = 100


class ServiceOpened(Model):
    """A service order that was taken in, now (``is_new``) or before; ``account`` is what it is about."""

    standing: ServiceStanding
    is_new: bool
    account: AccountNumber | None = None


class ServiceShown(Model):
    """Everything that is known of a service order."""

    order: ServiceOrder
    standing: ServiceStanding
    steps: Many[StepRecord]
    log: Many[OrderLogEntry]


class ServiceFilter(Model):
    """``search`` is part of a number, or of a customer's name or id, in any case. "" and None: any."""

    search: Line = ""
    stage: ServiceStage | None = None
    customer_id: Id = ""
    procedure: Code = ""
    step: Code = ""
    open_only: bool = False


class ServiceRow(Model):
    """A service order in a list; ``name`` is the customer's."""

    standing: ServiceStanding
    name: Line


class ServicePage(Model):
    """Rows of the list, the newest first; ``count`` is how many match, ``stages`` how many stand where."""

    rows: Many[ServiceRow]
    count: Count
    stages: Annotated[dict[ServiceStage, Count], Field(max_length=len(ServiceStage))]


class ServiceFulfilments(Protocol):
    async def tell_service(self, standing: ServiceStanding) -> None:
        """Has the order's workflow know how it stands; begins it if none runs. Raises ``BillingError``."""


class OpenServiceOrders(Protocol):
    async def service_standing(self, number: str) -> ServiceStanding | None: ...

    def open_service_orders(self, failed: list[Failed]) -> AsyncIterator[list[ServiceStanding]]:
        """All open service orders, oldest first, in pages. One that cannot be read is added to ``failed``."""


class ServiceOrderFindings(Protocol):
    async def service_order_faults(self, now: datetime, failed: list[Failed]) -> ServiceOrderFaults:
        """Those that stand still, and their tasks that nobody has claimed; the first thousand of each."""


class ServiceOrders(OpenServiceOrders, Protocol):
    async def open_service_order(
        self, request: ServiceRequest, procedure: Procedure, at: datetime, by: str = "", via: str = ""
    ) -> ServiceOpened:
        """Takes an order in, registers its subscriber, and leads it to the first step that waits. Once for each number.

        Raises ``InvalidInput`` if the number is another order's, or if the request does not say what the procedure asks
        for; ``NotFound`` for an account that nobody has.
        """

    async def change_service_order(self, number: str, change: Change, at: datetime) -> tuple[ServiceStanding, str]:
        """Carries the change out; returns how the order stands, and the effect in words. A repeat answers the same.

        Raises ``NotFound``, and ``InvalidInput``, which says what to do instead.
        """

    async def pass_time(self, number: str, at: datetime) -> ServiceStanding:
        """Does what time has done of the order by that instant: an expiry, a date, a reminder. A repeat has no effect.

        Raises ``NotFound``.
        """

    async def service_order(self, number: str) -> ServiceShown | None: ...

    async def service_orders(self, wanted: ServiceFilter, limit: int = PAGE_ROWS, offset: int = 0) -> ServicePage: ...
