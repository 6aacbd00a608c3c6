"""Orders from rows, with their money, and rows from orders."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, func, insert, select, update

from adapters.sql.core.columns import UtcInstant
from adapters.sql.schema.journal import journal_entries
from adapters.sql.schema.orders import order_log, order_versions, orders, releases
from billing.receivables.journal import AccountKind, SubjectKind
from orders.order import Answered, Order, OrderStage, OrderStanding, Rejected, Release, ReleaseKind
from orders.ports import OrderLogEntry

ORDER, RELEASE, LOG = orders.c, releases.c, order_log.c
CLOSED_STAGES = (OrderStage.FULFILLED, OrderStage.CANCELLED, OrderStage.EXPIRED)
_V, _E = order_versions.c, journal_entries.c
_MANY = 500  # orders in one query
_IS_CURRENT = and_(_V.number == ORDER.number, _V.version == ORDER.version)
ORDERS = select(orders, _V.agreed).join(order_versions, _IS_CURRENT)
OF_ORDERS = _E.subject_kind == SubjectKind.ORDER
UNPAID = (AccountKind.RECEIVABLE, AccountKind.WRITTEN_OFF)
"""The accounts that say what of an order was not paid: what is written off was not."""
_ONE = ORDERS.where(ORDER.number == bindparam("number"))
_OWN_RELEASES = select(releases).where(RELEASE.number == bindparam("number"))
_GIVEN_UP = case((_E.kind == AccountKind.WRITTEN_OFF, _E.amount_minor), else_=0)
_MONEY = select(func.sum(_E.amount_minor), func.sum(_GIVEN_UP), func.max(_E.number)).where(
    _E.customer_id == bindparam("customer_id"),
    _E.kind.in_(UNPAID),
    OF_ORDERS,
    _E.subject == bindparam("number"),
    _E.currency == bindparam("currency"),
)
_KINDS = list(ReleaseKind)
_INSERT_ENTRY = insert(order_log)
_SAVE = update(orders).where(ORDER.number == bindparam("of"))
_SAVE_CLOSED = _SAVE.values(closed_at=func.coalesce(ORDER.closed_at, bindparam("at", type_=UtcInstant)))


class Money(NamedTuple):
    """What of an order was not paid, what of that was written off, and the journal's newest transaction of it."""

    owed_minor: int
    given_up_minor: int
    position: int

    @property
    def asked_minor(self) -> int:
        """What is still asked for."""
        return self.owed_minor - self.given_up_minor


def read_order(connection: Connection, number: str) -> Order | None:
    row = connection.execute(_ONE, {"number": number}).mappings().one_or_none()
    return as_order(row, connection.execute(_OWN_RELEASES, {"number": number}).mappings()) if row else None


def money_of(connection: Connection, order: Order) -> Money:
    key = {"customer_id": order.customer_id, "number": order.number, "currency": order.currency}
    owed_minor, given_up_minor, position = connection.execute(_MONEY, key).one()
    return Money(int(owed_minor or 0), int(given_up_minor or 0), position or 0)


def standing_of(connection: Connection, order: Order) -> OrderStanding:
    money = money_of(connection, order)
    return OrderStanding(order=order, owed_minor=money.owed_minor, given_up_minor=money.given_up_minor)


def releases_of(connection: Connection, numbers: Sequence[str]) -> dict[str, list[RowMapping]]:
    """The releases of these orders, by number."""
    rows: defaultdict[str, list[RowMapping]] = defaultdict(list)
    for start in range(0, len(numbers), _MANY):
        query = select(releases).where(RELEASE.number.in_(numbers[start : start + _MANY]))
        for row in connection.execute(query).mappings():
            rows[row["number"]].append(row)
    return rows


def as_order(row: RowMapping, released: Iterable[RowMapping]) -> Order:
    names = Order.model_fields.keys() - {"releases"}
    in_order = sorted(released, key=lambda each: _KINDS.index(each["kind"]))
    return Order(**{name: row[name] for name in names}, releases=tuple(map(as_release, in_order)))


def as_release(row: RowMapping) -> Release:
    answer = None
    if row["accepted"] is not None:
        answer = (Answered if row["accepted"] else Rejected)(at=row["answered_at"], text=row["answer"] or "")
    return Release(**{name: row[name] for name in Release.model_fields if name != "answer"}, answer=answer)


def order_values(order: Order, owed_minor: int, at: datetime) -> dict[str, Any]:
    """The columns that an order may change, as it stands with ``owed_minor``."""
    return {
        "version": order.version,
        "price_minor": order.price_minor,
        "owed_minor": owed_minor,
        "revision": order.revision,
        "halt": order.halt.model_dump(mode="json") if order.halt else None,
        "end": order.end.model_dump(mode="json") if order.end else None,
        "stage": order.stage(owed_minor),
        "changed_at": at,
    }


def save_order(connection: Connection, order: Order, owed_minor: int, at: datetime) -> None:
    values = order_values(order, owed_minor, at) | {"of": order.number}
    if order.is_closed:
        connection.execute(_SAVE_CLOSED, values | {"at": at})
    else:
        connection.execute(_SAVE, values | {"closed_at": None})


def save_version(connection: Connection, order: Order, by: str, at: datetime) -> None:
    values = {"number": order.number, "version": order.version, "customer_id": order.customer_id, "by": by, "at": at}
    connection.execute(insert(order_versions), values | {"agreed": order.agreed.model_dump(mode="json")})


def log(connection: Connection, order: Order, entry: OrderLogEntry, **of_change: str) -> None:
    """Adds an entry to the order's log; ``of_change``: the change's id and content."""
    values = {"number": order.number, "customer_id": order.customer_id, **entry.model_dump()}
    connection.execute(_INSERT_ENTRY, values | {"change_id": None, "content": None} | of_change)
