"""Tables of orders: what was agreed, what was released, who did what; and of buyers who are not billed monthly."""

from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, Index

from adapters.sql.core.columns import (
    IS_BY_PERSON,
    PlainText,
    amounts,
    columns,
    counter,
    counts,
    flags,
    instants,
    json,
    key,
    number,
    partial_index,
    table,
    texts,
)

ORDER_IS_OPEN: Final = "closed_at IS NULL"  # literal SQL, so that queries can use the partial index

# Whoever is in ``customers``, too, is locked and named there.
buyers: Final = table(
    "buyers",
    *key("customer_id"),
    *texts("name"),
    *texts("email", nullable=True),
    *instants("created_at"),
)

# ``stage`` and ``owed_minor`` follow from the journal and the releases; they are for lists, written with both.
orders: Final = table(
    "orders",
    *key("number"),
    *texts("customer_id", "currency", "digest"),  # of the request, which an erasure does not keep
    *counts("version"),  # of what was agreed
    *amounts("price_minor", "owed_minor", "tolerance_minor"),
    *instants("expires_at", nullable=True),
    *texts("opened_by"),  # "": the seller's system
    *instants("opened_at", "changed_at"),
    *counts("revision"),
    *columns(JSON(none_as_null=True), "halt", "end", nullable=True),
    *texts("stage"),
    *instants("closed_at", nullable=True),
    Index("orders_by_customer", "customer_id", "opened_at"),
    Index("orders_by_age", "opened_at", "number"),
    Index("orders_by_stage", "stage", "opened_at", "number"),
    partial_index("orders_open", "opened_at", "number", where=ORDER_IS_OPEN),
    partial_index("orders_open_by_customer", "customer_id", where=ORDER_IS_OPEN),
)


def _of_order() -> Column[str]:
    return Column("number", PlainText, ForeignKey("orders.number"), primary_key=True)


# Every version of what was agreed.
order_versions: Final = table(
    "order_versions",
    _of_order(),
    *number("version"),
    *texts("customer_id"),
    *json("agreed"),
    *texts("by"),  # "": the seller's system
    *instants("at"),
)

# What production may do, written once; the answer is the last one, and an acceptance stays.
releases: Final = table(
    "releases",
    _of_order(),
    *key("kind"),
    *texts("customer_id", "event_id"),
    *counts("version"),
    *instants("at"),
    *amounts("position", "owed_minor"),  # of the journal; what was owed there
    *flags("accepted", nullable=True),  # NULL: production has not answered
    *texts("answer", nullable=True),
    *instants("answered_at", nullable=True),
    Index("releases_by_at", "at"),
)

order_log: Final = table(
    "order_log",
    *counter("entry"),
    Column("number", PlainText, ForeignKey("orders.number"), nullable=False),
    *texts("customer_id"),
    *instants("at"),
    *texts("by", "via", nullable=True),  # NULL: the application, or the seller's system
    *texts("what"),
    *texts("reason", nullable=True),
    *texts("text"),
    *texts("change_id", "content", nullable=True),  # of a person's change
    Index("order_log_by_number", "number", "entry"),
    Index("order_log_by_change", "number", "change_id", unique=True),
    partial_index("order_log_of_people", "at", where=IS_BY_PERSON),
)
