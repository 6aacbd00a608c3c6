"""Tables of tariffs, and of what was agreed for customers' accounts."""

from typing import Final

from sqlalchemy import Index

from adapters.sql.core.columns import counter, instants, json, key, table, texts

tariffs: Final = table("tariffs", *key("code"), *json("tariff"))

# Subscriptions, one-off fees, discounts and limits. None is deleted: what is withdrawn ends before it starts.
tariff_items: Final = table("tariff_items", *key("customer_id", "kind", "key"), *json("item"))

# Every change, by whom and why; a customer's newest entry says which changes a draft accounts for.
tariff_log: Final = table(
    "tariff_log",
    *counter("entry"),
    *texts("customer_id", "code", nullable=True),  # of the change of a tariff, its code
    *instants("at"),
    *texts("by", "reason", "text"),
    Index("tariff_log_by_customer", "customer_id", "entry"),
    Index("tariff_log_by_at", "at"),
)
