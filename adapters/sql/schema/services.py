"""Tables of service accounts' history, and of tasks with their documents; the accounts are in ``schema/billers.py``."""

from typing import Final

from sqlalchemy import BigInteger, Index, LargeBinary

from adapters.sql.core.columns import columns, counter, counts, instants, json, key, number, partial_index, table, texts

TASK_IS_OPEN: Final = "ended_at IS NULL"  # literal SQL, so that queries can use the partial indexes
TASK_IS_UNCLAIMED: Final = "(ended_at IS NULL) AND (owner IS NULL)"
TASK_HAS_ENDED: Final = "ended_at IS NOT NULL"

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
    *texts("kind", "key", "customer_id", "department"),
    *texts("account", "order_number", "step", nullable=True),
    *texts("crew", "visit_on", nullable=True),  # of a visit
    *json("values", "form", "returns_to", "answers"),
    *instants("opened_at"),
    *instants("due_at", nullable=True),
    *instants("sort_at"),  # due_at, or the end of time: pages go on after it
    *texts("owner", nullable=True),  # NULL: nobody has claimed it
    *instants("claimed_at", nullable=True),
    *texts("outcome", "ended_by", "ended_why", "to_step", nullable=True),  # ended_by NULL: the application
    *instants("ended_at", nullable=True),  # NULL: it is open
    Index("tasks_by_key", "key", unique=True),
    Index("tasks_by_customer", "customer_id", "opened_at"),
    partial_index("tasks_by_order", "order_number", "number", where="order_number IS NOT NULL"),
    partial_index("tasks_by_visit", "crew", "visit_on", where="visit_on IS NOT NULL"),
    partial_index("tasks_open", "sort_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_open_by_customer", "customer_id", "kind", where=TASK_IS_OPEN),
    partial_index("tasks_open_by_department", "department", "sort_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_open_by_kind", "kind", "sort_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_open_by_owner", "owner", "sort_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_open_of_department_by_kind", "department", "kind", "sort_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_unclaimed", "department", "sort_at", "number", where=TASK_IS_UNCLAIMED),
    partial_index("tasks_ended", "ended_at", "number", where=TASK_HAS_ENDED),
    partial_index("tasks_ended_by_department", "department", "ended_at", "number", where=TASK_HAS_ENDED),
    partial_index("tasks_ended_by_kind", "kind", "ended_at", "number", where=TASK_HAS_ENDED),
    partial_index("tasks_ended_by_owner", "owner", "ended_at", "number", where=TASK_HAS_ENDED),
    partial_index("tasks_open_of_owner_by_kind", "owner", "kind", "sort_at", "number", where=TASK_IS_OPEN),
    partial_index("tasks_ended_of_owner_by_kind", "owner", "kind", "ended_at", "number", where=TASK_HAS_ENDED),
    partial_index(
        "tasks_ended_of_department_by_kind", "department", "kind", "ended_at", "number", where=TASK_HAS_ENDED
    ),
)

# What has become of a task before it ended.
task_log: Final = table(
    "task_log",
    *counter("entry"),
    *columns(BigInteger, "number"),
    *texts("customer_id", "act", "by"),
    *instants("at"),
    *texts("owner", "department", "reason", "key", nullable=True),  # owner NULL: nobody's again
    Index("task_log_by_number", "number", "entry"),
    Index("task_log_by_key", "number", "key", unique=True),
    Index("task_log_by_customer", "customer_id"),
)

documents: Final = table(
    "documents",
    *columns(BigInteger, "number", primary_key=True, autoincrement=False),  # of the task
    *key("field", "digest"),
    *texts("customer_id", "name", "media_type", "by"),
    *counts("size"),
    *instants("at"),
    *columns(LargeBinary, "content"),
    Index("documents_by_customer", "customer_id"),
)
