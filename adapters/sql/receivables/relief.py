"""Whom money relieves: services that are restored, tasks that are needless, and service orders that go on with it."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BindParameter, Connection, bindparam, literal, select, text, union

from adapters.sql.schema.billers import IS_UNPAID, service_accounts
from adapters.sql.schema.service_orders import WAITS_FOR_MONEY
from adapters.sql.schema.services import TASK_IS_OPEN, tasks
from adapters.sql.service_orders.rows import S
from adapters.sql.service_orders.walk import tell_of_fees_back, walk_on
from adapters.sql.subscribers.restore import restore
from billing.receivables.journal import AccountKind, Transaction
from billing.tasks.task import TaskKind


class _Waiting(StrEnum):
    RESTRICTED = "restricted"  # or about to be disconnected
    ORDER = "order"


_WHOSE: BindParameter[str] = bindparam("customer_id")
_WAITING = union(
    select(literal(_Waiting.RESTRICTED)).where(service_accounts.c.customer_id == _WHOSE, text(IS_UNPAID)),
    select(literal(_Waiting.RESTRICTED)).where(
        tasks.c.customer_id == _WHOSE, tasks.c.kind == TaskKind.DISCONNECT, text(TASK_IS_OPEN)
    ),
    select(literal(_Waiting.ORDER)).where(S.customer_id == _WHOSE, text(WAITS_FOR_MONEY)),
)
"""One statement: most customers have nothing that waits, and a bank is waiting for the answer."""
_PAID = (AccountKind.RECEIVABLE, AccountKind.CREDIT)


def relieve(connection: Connection, posted: Iterable[Transaction]) -> None:
    """Called by whoever moves money, after it is posted, under the lock of the customer."""
    posted = list(posted)
    last = {customer_id: transaction for transaction in posted for customer_id in _relieved(transaction)}
    for customer_id, transaction in last.items():
        waiting = set(connection.scalars(_WAITING, {"customer_id": customer_id}))
        if _Waiting.RESTRICTED in waiting:
            restore(connection, customer_id, transaction.key, transaction.at)
        if _Waiting.ORDER in waiting:
            walk_on(connection, customer_id, transaction.at)
    tell_of_fees_back(connection, posted)


def _relieved(transaction: Transaction) -> set[str]:
    """Whose debt is less by it, or whose credit is more."""
    paid = (entry.account for entry in transaction.entries if entry.amount_minor < 0 and entry.account.kind in _PAID)
    return {account.customer_id for account in paid if account.customer_id}
