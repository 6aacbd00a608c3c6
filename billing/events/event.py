"""An event on its way to other systems: the envelope, its place in the outbox, and when it is tried again.

docs/events.md is what the makers of a receiver read.
"""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import SerializeAsAny

from billing.model import Code, Count, Id, Instant, Model, Words

OVERDUE = timedelta(hours=1)
"""An event that nobody has taken for longer is a person's matter."""
_PAUSE_SECONDS_MAX = 600.0
_NAMESPACE = uuid.UUID("6f1d3c8e-5a53-4c1b-9d6b-1f6f2f0c7b1a")


class EventType(StrEnum):
    BILL_ISSUED = "bill.issued"
    BILL_VOIDED = "bill.voided"
    PAYMENT_BOOKED = "payment.booked"
    PAYMENT_ASSIGNED = "payment.assigned"
    RECEIVABLE_SETTLED = "receivable.settled"
    ORDER_CHANGED = "order.changed"
    ORDER_RELEASED = "order.released"
    ORDER_STEP = "order.step"
    SERVICE_CONNECTED = "service.connected"
    SERVICE_LIMITED = "service.limited"
    SERVICE_SUSPENDED = "service.suspended"
    SERVICE_RESTORED = "service.restored"
    SERVICE_DISCONNECTED = "service.disconnected"
    ANNOUNCEMENT_PAGE = "announcement.page"  # to our own sender of texts only
    PING = "ping"  # the doctor asks whether the receiver answers


INTERNAL = frozenset({EventType.ANNOUNCEMENT_PAGE})
"""What no receiver is ever told."""
OF_ACCOUNTS = frozenset(kind for kind in EventType if kind.startswith("service."))
"""Their data's ``number`` is an account number."""


class Destination(StrEnum):
    """Where events go. Each has an order of its own, and a sender."""

    RECEIVER = "receiver"  # the company's own system, at BILLING_EVENTS_URL: every event
    COLLECTION = "collection"  # the customer's collection: money of another rail for a month
    ORDER = "order"  # the order's workflow: where the order stands by now
    PRODUCTION = "production"  # what may be made or shipped from now on
    ANNOUNCEMENT = "announcement"  # pages of texts about planned works, when they may be sent
    CUSTOMER = "customer"  # what a service order has to tell its customer
    BILLING = "billing"  # the customer's months, which a service order has begun
    PROVISIONING = "provisioning"  # what becomes of service accounts, in order for each


class Event(Model):
    """The envelope. ``id`` names the event once and for all; ``customer_id`` None: it is nobody's yet.

    ``version`` counts the incompatible changes of the envelope or of a type's ``data``.
    """

    id: Code
    type: EventType
    version: Count = 1
    created_at: Instant
    customer_id: Id | None
    data: SerializeAsAny[Model]


class OutgoingEvent(Model):
    """An event in the outbox, with what became of it.

    ``payload`` is its ``Event`` as it was written. ``next_at`` None: it is due. ``fault`` is why the last try failed;
    ``claimed_until``: a process is delivering it. ``done_at``: when its destination took it.
    """

    number: Count
    event_id: Code
    destination: Destination
    type: Code
    customer_id: Id | None
    payload: dict[str, object]
    created_at: Instant
    tries: Count
    next_at: Instant | None
    fault: Words | None
    claimed_until: Instant | None
    done_at: Instant | None


def event_id(cause: str) -> str:
    """The id of the event of ``cause``, which names one fact: the same fact has the same id, whenever it is written."""
    return str(uuid.uuid5(_NAMESPACE, cause))


def ping(at: datetime) -> Event:
    return Event(
        id=event_id(f"ping {at.isoformat()}"), type=EventType.PING, created_at=at, customer_id=None, data=Model()
    )


def pause(tries: int) -> timedelta:
    """How long to wait after the ``tries``-th failure: a second at first, ten minutes at last."""
    return timedelta(seconds=min(2.0 ** min(tries - 1, 10), _PAUSE_SECONDS_MAX))
