"""Orders: taken in, changed, expired and answered, each in one transaction under the lock of the customer."""

import hashlib
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select, text, update

from adapters.sql.core.database import SqlDatabase, ahead, in_thread
from adapters.sql.core.statements import insert_new, lock, upsert
from adapters.sql.events.outbox import finish, put_events, send_again
from adapters.sql.orders.credit import usable_credit
from adapters.sql.orders.releases import is_braked, release_due, release_order
from adapters.sql.orders.rows import (
    LOG,
    ORDER,
    RELEASE,
    log,
    order_values,
    read_order,
    save_order,
    save_version,
    standing_of,
)
from adapters.sql.receivables.accounts import balance, lock_account, lock_customer
from adapters.sql.receivables.journal import post
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.orders import ORDER_IS_OPEN, buyers, orders, releases
from adapters.sql.schema.service_orders import service_orders
from adapters.sql.subscribers.with_order import account_of_order, register_with_order
from billing.errors import BrakeOn, InvalidInput, NotFound
from billing.events.event import Destination, OutgoingEvent
from billing.model import Model
from billing.receivables.journal import Balance
from orders import ports
from orders.alerts import of_rejection
from orders.changes import Amend, Cancel, Change, SendAgain
from orders.effects import Effect, effect, expired
from orders.events import order_released
from orders.order import Answered, Buyer, Order, OrderRequest, OrderStanding, Rejected, Release, ReleaseKind
from orders.ports import Opened, OrderLogEntry, TooManyOrders
from orders.postings import amended, ended, opened

_OPEN_COUNT = select(func.count()).where(ORDER.customer_id == bindparam("customer_id"), text(ORDER_IS_OPEN))

_CUSTOMER = select(ORDER.customer_id).where(ORDER.number == bindparam("number"))


class SqlOrders(SqlDatabase):
    """The part of ``SqlLedger`` that takes orders in and changes them."""

    @in_thread
    def open_order(self, request: OrderRequest, at: datetime, by: str = "", via: str = "") -> Opened:
        digest = _digest(request)
        with self._writing(f"take order {request.number} in") as connection:
            if known := _known(connection, request.number, digest):
                return _opened_before(connection, known)
            lock_number(connection, request.number, service_orders)
            ensure_buyer(connection, request.buyer, at)
            _require_room(connection, request.buyer.customer_id)
            order = _as_order(request, at, by)
            values = order_values(order, order.price_minor, at) | _fixed_values(order, digest)
            if not insert_new(connection, orders, [values]):  # another process just has; its transaction has ended
                known = _known(connection, request.number, digest)
                assert known is not None, f"order {request.number} is there and is not"
                return _opened_before(connection, known)
            save_version(connection, order, by, at)
            entry = OrderLogEntry(at=at, by=by or None, via=via or None, what="opened", text=_price(order))
            log(connection, order, entry)
            post(connection, opened(order, *_credit(connection, order), at))
            buyer_id = request.buyer.customer_id
            account = register_with_order(connection, request.subscriber, buyer_id, request.number, by, at)
            return Opened(standing=_standing(connection, order.number), is_new=True, account=account)

    @in_thread
    def change_order(self, number: str, change: Change, at: datetime) -> tuple[OrderStanding, str]:
        with self._writing(f"change order {number}") as connection:
            standing = _locked(connection, number)
            if (before := _done_before(connection, number, change)) is not None:
                return standing, before
            done = effect(standing, change, at)
            entry = OrderLogEntry(
                at=at, by=change.by, via=change.via, what=done.what, reason=change.reason, text=done.text
            )
            log(connection, standing.order, entry, change_id=change.change_id, content=_digest(change))
            _carry_out(connection, standing, change, done.order, at)
            return _standing(connection, number), done.text

    @in_thread
    def expire_order(self, number: str, at: datetime) -> OrderStanding:
        with self._writing(f"let order {number} expire") as connection:
            standing = _locked(connection, number)
            done = expired(standing, at)
            if done is None:
                return standing
            _log_own(connection, done, at)
            _end(connection, standing, done.order, at)
            return _standing(connection, number)

    @in_thread
    def release_due(self, number: str, at: datetime) -> OrderStanding:
        with self._writing(f"release order {number}") as connection:
            standing = _locked(connection, number)
            if next(standing.order.due_releases(standing.owed_minor), None) is None:
                return standing
            if is_braked(connection):
                raise BrakeOn(f"order {number} is not released while the emergency brake is on")
            release_due(connection, number, at)
            return _standing(connection, number)

    @ahead
    def order_under_brake(self, number: str) -> tuple[Order | None, bool]:
        with self._reading(f"read order {number}") as connection:
            return read_order(connection, number), is_braked(connection)

    @ahead
    def note_answer(
        self,
        number: str,
        kind: ReleaseKind,
        accepted: bool,
        text: str,
        at: datetime,
        told: OutgoingEvent | None = None,
    ) -> None:
        with self._writing(f"keep production's answer to order {number}") as connection:
            order = _locked_order(connection, number)
            if told is not None:
                finish(connection, [told], at)
            release = order.release(kind)
            if release is None:
                raise NotFound(f"order {number} has no release for {kind}")
            if isinstance(release.answer, Answered) or (isinstance(release.answer, Rejected) and not accepted):
                return
            answer = Answered(at=at, text=text) if accepted else Rejected(at=at, text=text)
            answered = release.evolve(answer=answer)
            _save_answer(connection, number, answered)
            what = "answered" if accepted else "rejected"
            log(connection, order, OrderLogEntry(at=at, by=None, via=None, what=what, text=f"{kind}: {answer.text}"))
            if not accepted:
                put_alerts(connection, [of_rejection(order, release, answer.text, at)])
            now = tuple(answered if each is release else each for each in order.releases)
            release_order(connection, order.evolve(releases=now), at)


def _credit(connection: Connection, order: Order) -> tuple[Balance, int]:
    """The customer's balance, and what of their credit may pay for the order."""
    known = balance(connection, order.customer_id, [order.subject])
    return known, usable_credit(connection, order.customer_id, order.currency, known)


def _known(connection: Connection, number: str, digest: str) -> OrderStanding | None:
    """The order of that number, if it is the same request's. Raises ``InvalidInput`` if it is another's."""
    stored = connection.scalar(select(ORDER.digest).where(ORDER.number == number))
    if stored is None:
        return None
    if stored != digest:
        raise InvalidInput(f"order {number} is another order already; give this one a number of its own, or amend it")
    return _standing(connection, number)


def _opened_before(connection: Connection, known: OrderStanding) -> Opened:
    order = known.order
    account = account_of_order(connection, order.customer_id, order.number)
    return Opened(standing=known, is_new=False, account=account)


def lock_number(connection: Connection, number: str, others: Table) -> None:
    """Lets one transaction at a time open an order of that number, of either kind.

    Raises ``InvalidInput`` if one of the ``others`` has it.
    """
    lock(connection, f"order {number}")
    if connection.scalar(select(others.c.number).where(others.c.number == number)) is not None:
        raise InvalidInput(f"order {number} is another order already; give this one a number of its own")


def ensure_buyer(connection: Connection, buyer: Buyer, at: datetime) -> None:
    """Locks the customer, or the buyer, who has the name and address of their newest order."""
    if not lock_customer(connection, buyer.customer_id):
        upsert(connection, buyers, {**dict(buyer), "created_at": at}, keep=("created_at",))
        lock_account(connection, buyer.customer_id)


def _require_room(connection: Connection, customer_id: str) -> None:
    count = connection.scalar(_OPEN_COUNT, {"customer_id": customer_id}) or 0
    if count >= ports.OPEN_MAX:
        raise TooManyOrders(
            f"{customer_id} has {count} open orders, and may have {ports.OPEN_MAX}: cancel what nobody will pay, let "
            "orders expire (expires_at), or give each buyer an id of their own"
        )


def _as_order(request: OrderRequest, at: datetime, by: str) -> Order:
    given = {name: value for name, value in request if name not in ("buyer", "subscriber")}
    return Order(**given, customer_id=request.buyer.customer_id, opened_at=at, opened_by=by)


def _fixed_values(order: Order, digest: str) -> dict[str, object]:
    names = ("number", "customer_id", "currency", "tolerance_minor", "expires_at", "opened_by", "opened_at")
    return {name: getattr(order, name) for name in names} | {"digest": digest}


def _locked(connection: Connection, number: str) -> OrderStanding:
    """How the order stands, with its customer locked. Raises ``NotFound``."""
    return standing_of(connection, _locked_order(connection, number))


def _locked_order(connection: Connection, number: str) -> Order:
    customer_id = connection.scalar(_CUSTOMER, {"number": number})
    if customer_id is None:
        raise NotFound(f"there is no order {number}; see: python starter.py orders list")
    lock_account(connection, customer_id)
    return _order(connection, number)


def _standing(connection: Connection, number: str) -> OrderStanding:
    return standing_of(connection, _order(connection, number))


def _order(connection: Connection, number: str) -> Order:
    order = read_order(connection, number)
    assert order is not None, f"order {number} has gone"
    return order


def _done_before(connection: Connection, number: str, change: Change) -> str | None:
    """What was answered to this change before; None: it is new. Raises ``InvalidInput`` if its id is another's."""
    of_change = select(LOG.content, LOG.text).where(LOG.number == number, LOG.change_id == change.change_id)
    row = connection.execute(of_change).one_or_none()
    if row is not None and row.content != _digest(change):
        raise InvalidInput(f"{change.change_id} was another change of order {number}; give this one an id of its own")
    return None if row is None else row.text


def _carry_out(connection: Connection, before: OrderStanding, change: Change, order: Order, at: datetime) -> None:
    match change:
        case Amend():
            save_version(connection, order, change.by, at)
            save_order(connection, order, before.owed_minor, at)
            post(connection, amended(before.order, order, *_credit(connection, order), at))
        case Cancel():
            _end(connection, before, order, at)
        case _:
            if isinstance(change, SendAgain):
                _send_again(connection, before.order, order)
            save_order(connection, order, before.owed_minor, at)
            release_due(connection, order.number, at)


def _end(connection: Connection, before: OrderStanding, order: Order, at: datetime) -> None:
    save_order(connection, order, before.owed_minor, at)
    post(connection, ended(order, balance(connection, order.customer_id, [order.subject]), at))


def _send_again(connection: Connection, before: Order, order: Order) -> None:
    for old, release in zip(before.releases, order.releases, strict=True):
        if old != release:
            _save_answer(connection, order.number, release)
            event = order_released(order, release)
            if not send_again(connection, event.id, Destination.PRODUCTION):  # forgotten, or not there since a restore
                put_events(connection, Destination.PRODUCTION, [event], order.number)


def _save_answer(connection: Connection, number: str, release: Release) -> None:
    answer = release.answer
    values = {
        "accepted": isinstance(answer, Answered) if answer else None,
        "answer": answer.text if answer else None,
        "answered_at": answer.at if answer else None,
    }
    connection.execute(update(releases).where(*_is(number, release.kind)).values(values))


def _is(number: str, kind: ReleaseKind) -> tuple[ColumnElement[bool], ...]:
    return RELEASE.number == number, RELEASE.kind == kind


def _log_own(connection: Connection, done: Effect, at: datetime) -> None:
    entry = OrderLogEntry(at=at, by=None, via=None, what=done.what, text=done.text)
    log(connection, done.order, entry)


def _digest(value: Model) -> str:
    return hashlib.sha256(value.model_dump_json().encode()).hexdigest()


def _price(order: Order) -> str:
    return OrderStanding(order=order, owed_minor=order.price_minor).due
