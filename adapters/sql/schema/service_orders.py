"""Tables of service orders: where each is in its procedure, the steps that it has taken, and who did what."""

from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, Index

from adapters.sql.core.columns import (
    IS_BY_PERSON,
    PlainText,
    columns,
    counter,
    counts,
    instants,
    json,
    key,
    number,
    partial_index,
    table,
    texts,
)

SERVICE_ORDER_IS_OPEN: Final = "closed_at IS NULL"  # literal SQL, so that queries can use the partial indexes
WAITS_FOR_MONEY: Final = "kind = 'payment'"  # an order that has ended is at its end step

# Procedures as orders keep them; many orders have the same one.
procedure_copies: Final = table("procedure_copies", *key("digest"), *json("procedure"))

# ``kind``, ``stage`` and ``title`` follow from the rest; they are for lists. ``procedure_name`` is the procedure's.
service_orders: Final = table(
    "service_orders",
    *key("number"),
    *texts("customer_id", "currency", "timezone", "digest"),  # of the request, which an erasure does not keep
    *texts("account", nullable=True),
    *texts("procedure_name", "procedure_digest"),
    *json("values"),
    *texts("step", "kind"),
    *counts("position"),
    *instants("step_since"),
    *instants("due_at", "ends_at", nullable=True),
    *counts("reminders"),
    *instants("reminded_at", nullable=True),
    *texts("opened_by"),  # "": another system
    *instants("opened_at", "changed_at"),
    *counts("revision"),
    *columns(JSON(none_as_null=True), "halt", "cancelled", "end", nullable=True),
    *texts("stage"),
    *instants("closed_at", nullable=True),
    Index("service_orders_by_customer", "customer_id", "opened_at"),
    Index("service_orders_by_age", "opened_at", "number"),
    Index("service_orders_by_stage", "stage", "opened_at", "number"),
    partial_index("service_orders_open", "opened_at", "number", where=SERVICE_ORDER_IS_OPEN),
    partial_index(  # with what is counted, and the condition itself: else SQLite looks into every row
        "service_orders_by_step",
        "procedure_name",
        "step",
        "step_since",
        "stage",
        "closed_at",
        where=SERVICE_ORDER_IS_OPEN,
    ),
    partial_index("service_orders_awaiting_money", "customer_id", where=WAITS_FOR_MONEY),
)


def _of_order() -> Column[str]:
    return Column("number", PlainText, ForeignKey("service_orders.number"), primary_key=True)


# Every step that was begun; a step to which a task was returned stands here again.
service_order_steps: Final = table(
    "service_order_steps",
    _of_order(),
    *number("position"),
    *texts("customer_id", "step", "kind"),
    *instants("began_at"),
    *instants("ended_at", nullable=True),
    *texts("by", "outcome", "reason", nullable=True),  # by NULL: the application
)

service_order_log: Final = table(
    "service_order_log",
    *counter("entry"),
    Column("number", PlainText, ForeignKey("service_orders.number"), nullable=False),
    *texts("customer_id"),
    *instants("at"),
    *texts("by", "via", nullable=True),  # NULL: the application, or another system
    *texts("what"),
    *texts("reason", nullable=True),
    *texts("text"),
    *texts("change_id", "content", nullable=True),  # of a person's change
    Index("service_order_log_by_number", "number", "entry"),
    Index("service_order_log_by_change", "number", "change_id", unique=True),
    partial_index("service_order_log_of_people", "at", where=IS_BY_PERSON),
)
