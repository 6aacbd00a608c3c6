"""Tables of texts to customers: each text, and what a day's texts have cost."""

from typing import Final

from sqlalchemy import Index

from adapters.sql.core.columns import amounts, counts, instants, key, partial_index, table, texts

TEXT_IS_SENT: Final = "status = 'sent'"  # literal SQL, so that queries can use the partial index

# A text is on record before it is sent; refers to no invoice, as mails do not.
customer_texts: Final = table(
    "customer_texts",
    *key("message_id"),
    *texts("kind", "customer_id", "recipient", "body", "currency", "vendor", "status", "code"),
    *texts("period", nullable=True),
    *texts("vendor_id", nullable=True),  # NULL: the vendor has not named it yet
    *counts("segments"),
    *amounts("cost_micros"),
    *instants("began_at", "tried_at", "at"),
    Index("customer_texts_by_customer", "customer_id", "began_at"),
    Index("customer_texts_by_time", "began_at"),
    partial_index("customer_texts_sent", "at", where=TEXT_IS_SENT),
)

# What was begun on each day, in UTC, whatever became of it: what the day's limits are compared with.
text_days: Final = table(
    "text_days",
    *key("day"),
    *counts("texts", "segments"),
    *amounts("cost_micros"),
)
