"""What an erasure does with a person's orders. Their texts and lines are rewritten with those of all other tables."""

from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from adapters.sql.orders.rows import ORDER, RELEASE, log, read_order
from adapters.sql.schema.orders import orders
from billing.customers.erasure import ERASED
from orders.ports import OrderLogEntry

_IS_RELEASED = exists().where(RELEASE.number == ORDER.number)
_IS_UNANSWERED = exists().where(RELEASE.number == ORDER.number, RELEASE.accepted.is_not(True))


def open_orders(connection: Connection, customer_id: str) -> tuple[str, ...]:
    """The customer's orders that may be released yet, or to whose release production has not agreed."""
    is_open = ORDER.customer_id == customer_id, ORDER.closed_at.is_(None), ~_IS_RELEASED | _IS_UNANSWERED
    return tuple(connection.scalars(select(ORDER.number).where(*is_open).order_by(ORDER.opened_at, ORDER.number)))


def scrub_ends(connection: Connection, customer_id: str) -> int:
    """Rewrites why orders were halted or given up; returns how many."""
    count = 0
    query = select(ORDER.number, ORDER.halt, ORDER.end).where(ORDER.customer_id == customer_id)
    for row in connection.execute(query).all():
        before = {"halt": row.halt, "end": row.end}
        fresh = {name: value and {**value, "reason": ERASED} for name, value in before.items()}
        if fresh != before:
            connection.execute(update(orders).where(ORDER.number == row.number).values(fresh))
            count += 1
    return count


def log_erasure(connection: Connection, customer_id: str, by: str, at: datetime) -> None:
    """Says in the log of each order who has erased its buyer."""
    for number in connection.scalars(select(ORDER.number).where(ORDER.customer_id == customer_id)).all():
        if order := read_order(connection, number):
            log(connection, order, OrderLogEntry(at=at, by=by, via="cli", what="erased", reason=ERASED))
