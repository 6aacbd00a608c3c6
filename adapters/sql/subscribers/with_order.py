"""Service accounts that are registered in the transaction of an order, under the lock of its buyer."""

from datetime import datetime

from sqlalchemy import Connection

from adapters.sql.subscribers.changes import changes_by_key
from adapters.sql.subscribers.services import register_service
from billing.subscribers.newcomer import NewSubscriber


def register_with_order(
    connection: Connection, new: NewSubscriber | None, customer_id: str, order_number: str, by: str, at: datetime
) -> str | None:
    """Registers what the order says; the account's number, if there is one.

    Raises ``InvalidInput``: then the order is not taken.
    """
    return register_service(connection, new.service(customer_id, order_number, by), at).number if new else None


def account_of_order(connection: Connection, customer_id: str, order_number: str) -> str | None:
    """The number of the account that was registered with it."""
    done = changes_by_key(connection, customer_id, f"order {order_number}")
    return done[0].number if done else None
