"""Whoever owes nothing overdue any more is restored, in the transaction of the money."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text, union_all

from adapters.sql.receivables.accounts import balance
from adapters.sql.schema.billers import IS_UNPAID, service_accounts
from adapters.sql.schema.services import TASK_IS_OPEN, tasks
from adapters.sql.subscribers.changes import services_of, write_changes
from adapters.sql.subscribers.task_rows import end_needless
from billing.receivables.journal import AccountKind, Transaction
from billing.receivables.overdue import overdue
from billing.subscribers.service import restored
from billing.tasks.task import TaskKind

_PAID = (AccountKind.RECEIVABLE, AccountKind.CREDIT)
_PRESSED = union_all(
    select(service_accounts.c.number).where(
        service_accounts.c.customer_id == bindparam("customer_id"), text(IS_UNPAID)
    ),
    select(tasks.c.key).where(
        tasks.c.customer_id == bindparam("customer_id"), tasks.c.kind == TaskKind.DISCONNECT, text(TASK_IS_OPEN)
    ),
).limit(1)


def restore_who_has_paid(connection: Connection, posted: Iterable[Transaction]) -> None:
    """Called by whoever moves money, after it is posted, under the lock of the customer."""
    last = {customer_id: transaction for transaction in posted for customer_id in relieved(transaction)}
    for customer_id, transaction in last.items():
        if connection.scalar(_PRESSED, {"customer_id": customer_id}) is not None:
            _restore(connection, customer_id, transaction.key, transaction.at)


def relieved(transaction: Transaction) -> set[str]:
    """Whose debt is less by it, or whose credit is more."""
    paid = (entry.account for entry in transaction.entries if entry.amount_minor < 0 and entry.account.kind in _PAID)
    return {account.customer_id for account in paid if account.customer_id}


def _restore(connection: Connection, customer_id: str, key: str, at: datetime) -> None:
    if overdue(balance(connection, customer_id), at):
        return
    end_needless(connection, customer_id, TaskKind.DISCONNECT, "nothing is overdue any more", at)
    write_changes(connection, restored(services_of(connection, customer_id), f"paid {key}"[:500], at))
