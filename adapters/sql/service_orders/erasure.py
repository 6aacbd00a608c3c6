"""What an erasure does with a person's service orders. Their reasons are rewritten with those of all other tables."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from adapters.sql.schema.service_orders import service_orders
from adapters.sql.service_orders.rows import S, log_change, read_service_order
from billing.customers.erasure import ERASED
from orders.ports import OrderLogEntry


def open_service_orders(connection: Connection, customer_id: str) -> tuple[str, ...]:
    is_open = S.customer_id == customer_id, S.closed_at.is_(None)
    return tuple(connection.scalars(select(S.number).where(*is_open).order_by(S.opened_at, S.number)))


def scrub_service_orders(connection: Connection, customer_id: str) -> int:
    """Forgets what people have written into forms, and why the order was cancelled; returns how many had any."""
    count = 0
    query = select(S.number, S["values"], S.cancelled).where(S.customer_id == customer_id)
    for number, values, cancelled in connection.execute(query).all():
        fresh = {
            "values": {name: value for name, value in values.items() if isinstance(value, bool | int)},
            "cancelled": cancelled and {**cancelled, "reason": ERASED},
        }
        if fresh != {"values": values, "cancelled": cancelled}:
            connection.execute(update(service_orders).where(S.number == number).values(fresh))
            count += 1
    return count


def log_service_erasure(connection: Connection, customer_id: str, by: str, at: datetime) -> None:
    """Says in the log of each order who has erased its customer."""
    for number in connection.scalars(select(S.number).where(S.customer_id == customer_id)).all():
        if order := read_service_order(connection, number):
            log_change(connection, order, OrderLogEntry(at=at, by=by, via="cli", what="erased", reason=ERASED))
