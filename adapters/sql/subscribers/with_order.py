"""Service accounts that are registered in the transaction of an order, under the lock of its buyer."""

from datetime import datetime

from sqlalchemy import Connection

from adapters.sql.customers.account_numbers import keep_personal
from adapters.sql.subscribers.changes import changes_by_key
from adapters.sql.subscribers.services import register_service
from orders.order import Order, OrderRequest


def register_with_order(connection: Connection, request: OrderRequest, by: str, at: datetime) -> str | None:
    """Registers what the order says; the account's number, if there is one.

    Raises ``InvalidInput``: then the order is not taken.
    """
    new, customer_id = request.subscriber, request.buyer.customer_id
    if new is None:
        return None
    if (personal := new.personal) is not None:
        keep_personal(connection, customer_id, personal.digest, personal.last_four, by, at)
    return register_service(connection, new.service(customer_id, request.number, by), at).number


def account_of_order(connection: Connection, order: Order) -> str | None:
    """The number of the account that was registered with it."""
    done = changes_by_key(connection, order.customer_id, f"order {order.number}")
    return done[0].number if done else None
