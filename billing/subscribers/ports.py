"""Service accounts in the ledger. Every method may be called again after any failure."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import Field

from billing.model import Count, Few, Model
from billing.subscribers.service import Change, NewService, Service, ServiceChange, ServiceRow, ServiceState
from billing.tasks.task import Task

PAGE_SERVICES = 100


class ServiceFilter(NamedTuple):
    """None, or "": any. ``search`` is looked for in number, customer, name and phone."""

    state: ServiceState | None = None
    customer_id: str | None = None
    search: str = ""


class ServicePage(Model):
    """A page, how many there are in all, and how many in each state, whatever state is wanted."""

    rows: Few[ServiceRow]
    count: Count
    states: dict[ServiceState, Count] = Field(max_length=10)


class Restrictions(Protocol):
    """What follows from not paying. Restoring needs no call: it is written with the money."""

    async def restrict(
        self, customer_id: str, state: ServiceState, key: str, at: datetime, by: str | None, reason: str
    ) -> tuple[ServiceChange, ...]:
        """Limits or suspends the customer's service accounts; what it has changed, also when it is repeated.

        ``key`` names this step; ``by`` None: the application. Raises ``DebtChanged`` if nothing is overdue: then
        nothing is changed. Raises ``BrakeOn``, and ``NotFound`` for an unknown customer.
        """

    async def ask_to_disconnect(self, customer_id: str, key: str, at: datetime, due_at: datetime) -> tuple[Task, ...]:
        """Opens a task to disconnect, for each account that is suspended for non-payment; a repeat finds the same.

        They close by themselves once nothing is overdue. Raises as ``restrict``.
        """


class Services(Restrictions, Protocol):
    async def register_service(self, wanted: NewService, at: datetime) -> Service:
        """Registers a service account, ordered; a repeat answers the same one.

        Raises ``NotFound`` for an unknown customer, ``InvalidInput`` for a number that is another's (an account's or a
        person's), or has a service: then nothing is kept.
        """

    async def place_service(self, number: str, node: str | None, tags: Sequence[str] | None) -> Service:
        """Says by which node the account is served, and replaces its tags; None leaves them as they are.

        Raises ``NotFound``.
        """

    async def service(self, number: str) -> Service | None:
        """The service account; None if there is none of this number, or nothing but the number."""

    async def services(self, wanted: ServiceFilter, limit: int = PAGE_SERVICES, offset: int = 0) -> ServicePage:
        """Service accounts that match, those that changed last first."""

    async def services_of(self, customer_id: str) -> list[Service]:
        """The customer's service accounts, the oldest first."""

    async def service_changes(self, number: str) -> list[ServiceChange]:
        """The account's history, the oldest first."""

    async def change_service(self, number: str, change: Change) -> ServiceChange:
        """Changes one account, by a person's word. Raises ``NotFound`` and ``InvalidInput``."""
