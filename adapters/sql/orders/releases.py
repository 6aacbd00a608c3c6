"""What is paid enough is released, in the transaction of the money. See docs/decisions/0030."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from adapters.sql.core.order_schema import releases
from adapters.sql.core.schema import brakes
from adapters.sql.events.outbox import put_events
from adapters.sql.orders.rows import ORDER, log, money_of, read_order, save_order
from adapters.sql.reviewers.alerts import put_alerts
from billing.events.event import Destination, Event, EventType
from billing.receivables.events import receivables
from billing.receivables.journal import SubjectKind, Transaction
from orders.alerts import of_money_back
from orders.events import order_changed, order_released
from orders.order import Order, OrderStanding, Release
from orders.ports import OrderLogEntry

_IS_BRAKED = select(brakes.c.number).where(brakes.c.released_at.is_(None)).limit(1)
_KNOWN = select(ORDER.owed_minor).where(ORDER.number == bindparam("number"))
_INSERT = insert(releases)


def release_what_is_paid(connection: Connection, posted: Iterable[Transaction]) -> None:
    """Called by whoever moves money, after it is posted: releases what it has paid for, and tells of it."""
    posted = list(posted)
    numbers = {each.subject.name for each in receivables(posted) if each.subject.kind is SubjectKind.ORDER}
    for number in sorted(numbers):
        release_due(connection, number, posted[-1].at)


def release_due(connection: Connection, number: str, at: datetime) -> OrderStanding | None:
    """Writes down how the order stands by now, after any change, and releases what is due; None: no such order.

    The caller holds the lock of the customer, and has saved what it has changed of the order.
    """
    before = read_order(connection, number)
    if before is None:
        return None
    money = money_of(connection, before)
    released = tuple(
        Release(kind=kind, version=before.version, at=at, position=money.position, owed_minor=money.owed_minor)
        for kind in (() if is_braked(connection) else before.due_releases(money.owed_minor))
    )
    order = before.evolve(revision=before.revision + 1, releases=(*before.releases, *released))
    standing = OrderStanding(order=order, owed_minor=money.owed_minor, given_up_minor=money.given_up_minor)
    for release in released:
        _write(connection, order, release)
    _tell_of_money_back(connection, standing, money.position, at)
    save_order(connection, order, money.owed_minor, at)
    _put(connection, order, order_changed(standing, at))
    return standing


def is_braked(connection: Connection) -> bool:
    return connection.scalar(_IS_BRAKED) is not None


def _write(connection: Connection, order: Order, release: Release) -> None:
    event = order_released(order, release)
    name = {"number": order.number, "customer_id": order.customer_id, "event_id": event.id}
    connection.execute(_INSERT, release.model_dump(exclude={"answer"}) | name)
    text = f"{release.kind}, version {release.version}, at position {release.position} of the journal"
    log(connection, order, OrderLogEntry(at=release.at, by=None, via=None, what="released", text=text))
    _put(connection, order, event)


_GO_TO = {
    EventType.ORDER_CHANGED: (Destination.ORDER, Destination.RECEIVER),
    EventType.ORDER_RELEASED: (Destination.PRODUCTION, Destination.RECEIVER),
}


def _put(connection: Connection, order: Order, event: Event) -> None:
    """Tells whoever is told by this process. What fails holds back the order, and no other of its customer."""
    for destination in connection.get_execution_options().get("destinations", ()):
        if destination in _GO_TO[event.type]:
            put_events(connection, destination, [event], "" if destination is Destination.RECEIVER else order.number)


def _tell_of_money_back(connection: Connection, standing: OrderStanding, position: int, at: datetime) -> None:
    """Tells people if more is missing by now for what was released than was before."""
    order, owed_minor = standing.order, standing.owed_minor
    known_minor = connection.scalar(_KNOWN, {"number": order.number}) or 0
    if owed_minor > known_minor and any(order.missing_minor(each.kind, owed_minor) for each in order.releases):
        put_alerts(connection, [of_money_back(standing, position, at)])
