"""A service account: whether what the subscriber has works, why, and since when.

ordered -> active <-> limited -> suspended -> disconnected, which is the end. Whoever does not pay is limited or
suspended, and is active again once nothing is overdue. Whoever has asked for a break is not restored by money.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import StringConstraints

from billing.customers.account_numbers import AccountNumber, PersonalKey
from billing.customers.channels import Phone
from billing.errors import InvalidInput
from billing.model import LINE_MAX, Author, Count, Id, Instant, Kept, Line, Model, Why, Words
from billing.subscribers.place import Node, Tags

ServiceAddress = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LINE_MAX), Kept]


class ServiceState(StrEnum):
    ORDERED = "ordered"  # not connected yet
    ACTIVE = "active"
    LIMITED = "limited"  # works, but worse
    SUSPENDED = "suspended"
    DISCONNECTED = "disconnected"

    @property
    def is_restricted(self) -> bool:
        return self in (ServiceState.LIMITED, ServiceState.SUSPENDED)


class ServiceCause(StrEnum):
    REGISTERED = "registered"
    CONNECTED = "connected"
    NON_PAYMENT = "non_payment"
    PAID = "paid"  # nothing is overdue any more
    REQUEST = "request"  # the subscriber has asked for it, or a person has decided
    TERMINATED = "terminated"


class CallState(StrEnum):
    """What became of telling provisioning of a change."""

    WAITING = "waiting"
    REFUSED = "refused"  # it has said no; it is asked again
    DONE = "done"
    SUPERSEDED = "superseded"  # something else was true before it was told


class Service(Model):
    """A service account as it stands; ``position`` is that of its last change."""

    number: AccountNumber
    customer_id: Id
    state: ServiceState
    cause: ServiceCause
    state_at: Instant
    position: Count
    phone: Line | None = None
    address: Line | None = None
    node: Node | None = None
    tags: Tags = ()

    @property
    def is_unpaid(self) -> bool:
        """Whether it is restricted until nothing is overdue."""
        return self.state.is_restricted and self.cause is ServiceCause.NON_PAYMENT


class ServiceRow(Service):
    """A service account in a listing; ``name`` is the customer's."""

    name: Line | None


class ServiceChange(Model):
    """A change of a service account, the ``position``-th; ``by`` None: the application.

    ``call`` None: provisioning is not told of it. ``answer`` is its last word. ``journal_position`` is the number of
    the customer's last transaction of money before it, or with it (0: there is none).
    """

    number: AccountNumber
    position: Count
    customer_id: Id
    state: ServiceState
    cause: ServiceCause
    key: Line
    at: Instant
    by: Author | None
    reason: Words
    call: CallState | None = None
    answer: Words | None = None
    answered_at: Instant | None = None
    journal_position: Count = 0


class NewService(Model):
    """A service account to be registered; ``number`` None: one of the customer's, or a new one.

    ``personal`` is of the customer's personal number, in place of the one before; None leaves that as it is.
    ``key`` names it once; None: what it says does, so that the same again is no other account; a ``node`` and ``tags``
    that it says then replace those that were there.
    """

    customer_id: Id
    key: Line | None = None
    number: AccountNumber | None = None
    phone: Phone | None = None
    address: ServiceAddress | None = None
    node: Node | None = None
    tags: Tags = ()
    personal: PersonalKey | None = None
    by: Author
    reason: Why

    def is_like(self, service: Service) -> bool:
        """Whether the account says the same."""
        same = (self.phone, self.address) == (service.phone, service.address)
        return same and self.number in (None, service.number) and service.state is not ServiceState.DISCONNECTED

    def change(self, number: str, at: datetime) -> ServiceChange:
        """The first of the account's history."""
        return ServiceChange(
            **self.model_dump(include={"customer_id", "by", "reason"}),
            key=self.key or f"registered {number}",
            number=number,
            position=1,
            state=ServiceState.ORDERED,
            cause=ServiceCause.REGISTERED,
            at=at,
        )


class Change(NamedTuple):
    """What is to become of service accounts, and why. ``key`` names it once: a repeat has no effect."""

    state: ServiceState
    cause: ServiceCause
    key: Line
    at: datetime
    by: str | None
    reason: str

    def of(self, service: Service) -> ServiceChange:
        """Raises ``InvalidInput`` for what cannot become of the account."""
        is_same = (self.state, self.cause) == (service.state, service.cause)
        is_first = self.state is ServiceState.ACTIVE and service.state is ServiceState.ORDERED
        if is_same or self.state not in _NEXT[service.state] or is_first != (self.cause is ServiceCause.CONNECTED):
            raise InvalidInput(f"account {service.number} is {service.state}: {_ADVICE[service.state]}")
        return ServiceChange(
            **self._asdict(),
            number=service.number,
            position=service.position + 1,
            customer_id=service.customer_id,
            call=CallState.WAITING if self.state is not service.state else None,
        )


_NEXT = {
    ServiceState.ORDERED: {ServiceState.ACTIVE, ServiceState.DISCONNECTED},
    ServiceState.ACTIVE: {ServiceState.LIMITED, ServiceState.SUSPENDED, ServiceState.DISCONNECTED},
    ServiceState.LIMITED: {ServiceState.ACTIVE, ServiceState.SUSPENDED, ServiceState.DISCONNECTED},
    ServiceState.SUSPENDED: {ServiceState.ACTIVE, ServiceState.SUSPENDED, ServiceState.DISCONNECTED},
    ServiceState.DISCONNECTED: set[ServiceState](),
}
_ADVICE = {
    ServiceState.ORDERED: "activate it first, or close it",
    ServiceState.ACTIVE: "suspend or close it, or leave it as it is",
    ServiceState.LIMITED: "restore, suspend or close it, or leave it as it is",
    ServiceState.SUSPENDED: "restore or close it, or leave it as it is",
    ServiceState.DISCONNECTED: "register another account",
}


def restricted(services: Iterable[Service], change: Change) -> Iterator[ServiceChange]:
    """The changes that restrict whatever works, or is limited for the same reason and is to be suspended."""
    for service in services:
        is_milder = service.state is ServiceState.LIMITED and service.is_unpaid
        if service.state is ServiceState.ACTIVE or (is_milder and change.state is ServiceState.SUSPENDED):
            yield change.of(service)


def restored(services: Iterable[Service], key: str, at: datetime) -> Iterator[ServiceChange]:
    """The changes that restore whatever was restricted because something was overdue, which nothing is any more."""
    change = Change(ServiceState.ACTIVE, ServiceCause.PAID, key, at, None, "nothing is overdue any more")
    return (change.of(service) for service in services if service.is_unpaid)
