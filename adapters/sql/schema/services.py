"""Tables of service accounts' history, and of tasks; the accounts themselves are in ``schema/billers.py``."""

from typing import Final

from sqlalchemy import BigInteger, Index

from adapters.sql.core.columns import columns, counter, instants, json, key, number, partial_index, table, texts

TASK_IS_OPEN: Final = "ended_at IS NULL"  # literal SQL, so that queries can use the partial indexes

# Every change of a service account, written with it; of the last one, state and cause are in ``service_accounts``.
service_changes: Final = table(
    "service_changes",
    *key("number"),
    *number("position"),
    *texts("customer_id", "state", "cause", "key"),
    *instants("at"),
    *texts("by", nullable=True),  # NULL: the application
    *texts("reason"),
    *texts("call", nullable=True),  # NULL: provisioning is not told
    *texts("answer", nullable=True),  # the last word of provisioning
    *instants("answered_at", nullable=True),
    *columns(BigInteger, "journal_position"),  # of the money that it was held against; 0: there was none
    Index("service_changes_by_key", "customer_id", "key", "number", unique=True),
)

tasks: Final = table(
    "tasks",
    *counter("number"),
    *texts("kind", "key", "customer_id"),
    *texts("account", nullable=True),
    *json("values"),
    *instants("opened_at"),
    *instants("due_at", nullable=True),
    *texts("outcome", "ended_by", "ended_why", nullable=True),  # ended_by NULL: the application
    *instants("ended_at", nullable=True),  # NULL: it is open
    Index("tasks_by_key", "key", unique=True),
    Index("tasks_by_customer", "customer_id", "opened_at"),
    partial_index("tasks_open", "due_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_open_by_customer", "customer_id", "kind", where=TASK_IS_OPEN),
)
