"""What is paid enough is released, in the transaction of the money. See docs/decisions/0030."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from adapters.sql.events.outbox import put_events, tell_once
from adapters.sql.orders.rows import ORDER, UNPAID, log, money_of, read_order, save_order
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.orders import releases
from adapters.sql.schema.reviewers import brakes
from billing.events.event import Destination, Event, EventType
from billing.receivables.journal import SubjectKind, Transaction
from orders.alerts import of_money_back
from orders.events import brake_released, order_changed, order_released
from orders.order import Order, OrderStage, OrderStanding, Release
from orders.ports import OrderLogEntry
from orders.postings import forgiven

_IS_BRAKED = select(brakes.c.number).where(brakes.c.released_at.is_(None)).limit(1)
_KNOWN = select(ORDER.owed_minor).where(ORDER.number == bindparam("number"))
_INSERT = insert(releases)
_HELD = select(ORDER.number, ORDER.customer_id, ORDER.version).where(
    ORDER.closed_at.is_(None), ORDER.stage == OrderStage.AWAITING_RELEASE
)


def release_what_is_paid(connection: Connection, posted: Iterable[Transaction]) -> None:
    """Called by whoever moves money, after it is posted: releases what it has paid for, and tells of it."""
    posted = list(posted)
    for number in sorted(_orders_of(posted)):
        release_due(connection, number, posted[-1].at)


def _orders_of(posted: Iterable[Transaction]) -> set[str]:
    """The orders of which more or less is unpaid by these transactions; what makes a write-off good pays, too."""
    accounts = (entry.account for transaction in posted for entry in transaction.entries)
    subjects = (account.subject for account in accounts if account.kind in UNPAID)
    return {subject.name for subject in subjects if subject and subject.kind is SubjectKind.ORDER}


def release_due(connection: Connection, number: str, at: datetime) -> OrderStanding | None:
    """Writes down how the order stands by now, after any change, and releases what is due; None: no such order.

    What is missing at the last release is within the tolerance, and is written off.

    The caller holds the lock of the customer, and has saved what it has changed of the order.
    """
    before = read_order(connection, number)
    return None if before is None else release_order(connection, before, at)


def release_order(connection: Connection, before: Order, at: datetime) -> OrderStanding:
    """As ``release_due``, of an order as it is in the ledger by now, but for its revision and stage."""
    money = money_of(connection, before)
    due = tuple(before.due_releases(money.owed_minor))
    released = tuple(
        Release(kind=kind, version=before.version, at=at, position=money.position, owed_minor=money.owed_minor)
        for kind in (() if due and is_braked(connection) else due)
    )
    order = before.evolve(revision=before.revision + 1, releases=(*before.releases, *released))
    standing = OrderStanding(order=order, owed_minor=money.owed_minor, given_up_minor=money.given_up_minor)
    for release in released:
        _write(connection, order, release)
    _tell_of_money_back(connection, standing, money.position, at)
    save_order(connection, order, money.owed_minor, at)
    _put(connection, order, order_changed(standing, at))
    if released and money.asked_minor > 0 and all(map(order.release, order.kinds)):
        from adapters.sql.receivables.journal import post  # whose every posting comes here

        post(connection, [forgiven(order, money.asked_minor, at)])
    return standing


def tell_of_brake_release(connection: Connection, brake: int, at: datetime) -> None:
    """Tells the workflows of the orders that the brake has held; one that is lost begins again."""
    if Destination.ORDER in connection.get_execution_options().get("destinations", ()):
        for number, customer_id, version in connection.execute(_HELD).all():
            event = brake_released(number, customer_id, version, brake, at)
            put_events(connection, Destination.ORDER, [event], number)


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
        if destination not in _GO_TO[event.type]:
            continue
        if destination is Destination.ORDER:
            tell_once(connection, destination, event, order.number)
        else:
            put_events(connection, destination, [event], "" if destination is Destination.RECEIVER else order.number)


def _tell_of_money_back(connection: Connection, standing: OrderStanding, position: int, at: datetime) -> None:
    """Tells people if more is missing by now for what was released than was before."""
    order, owed_minor = standing.order, standing.owed_minor
    is_missing = any(order.missing_minor(each.kind, owed_minor) for each in order.releases)
    if is_missing and owed_minor > (connection.scalar(_KNOWN, {"number": order.number}) or 0):
        put_alerts(connection, [of_money_back(standing, position, at)])
