"""Whoever owes nothing overdue any more is restored, in the transaction of the money."""

from datetime import datetime

from sqlalchemy import Connection

from adapters.sql.receivables.accounts import balance
from adapters.sql.subscribers.changes import services_of, write_changes
from adapters.sql.subscribers.task_rows import end_needless
from billing.receivables.overdue import overdue
from billing.subscribers.service import restored
from billing.tasks.task import TaskKind


def restore(connection: Connection, customer_id: str, key: str, at: datetime) -> None:
    """Restores what is restricted, and ends the tasks to disconnect, unless something is overdue still.

    ``key`` is that of the money; the caller has the customer's lock.
    """
    if overdue(balance(connection, customer_id), at):
        return
    end_needless(connection, customer_id, TaskKind.DISCONNECT, "nothing is overdue any more", at)
    write_changes(connection, restored(services_of(connection, customer_id), f"paid {key}"[:500], at))
