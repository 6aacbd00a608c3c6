"""Tables of announcements of planned works, and of everybody who is concerned by each."""

from typing import Final

from sqlalchemy import BigInteger, Index

from adapters.sql.core.columns import columns, counter, counts, flags, instants, json, key, table, texts

announcements: Final = table(
    "announcements",
    *counter("number"),
    *texts("key", "kind", "timezone", "reason"),
    *instants("starts_at", "ends_at"),
    *json("audience"),
    *texts("text", "news", nullable=True),  # to whoever knows nothing of the works; to whoever was told of them
    *instants("created_at"),
    *texts("created_by"),
    *instants("approved_at", "ended_at", nullable=True),
    *texts("approved_by", "approved_why", "ended_by", "ended_why", nullable=True),
    *columns(BigInteger, "corrects", "origin", "replaced_by", nullable=True),
    *texts("reference", nullable=True),  # the number of whoever has sent it to us; and their last version
    *counts("version"),
    Index("announcements_by_key", "key", unique=True),
    Index("announcements_by_reference", "reference", "version"),
    Index("announcements_by_start", "starts_at"),
)

# Written with the approval: a service account that is concerned, and the number that is told for it. Of a page, which
# is one of its time zone, all rows of a number are texted at once, and once.
announcement_recipients: Final = table(
    "announcement_recipients",
    *columns(BigInteger, "number", primary_key=True, autoincrement=False),
    *key("account"),
    *texts("customer_id", "timezone"),
    *texts("recipient", nullable=True),  # NULL: no number is known
    *counts("page"),
    *flags("again"),  # whether the number knew of the works before
    *texts("state"),
    *texts("why", "message_id", nullable=True),  # an exclusion, or the vendor's word; of the text
    *instants("at"),
    Index("announcement_pages", "number", "timezone", "page"),
    Index("announcement_recipients_by_customer", "customer_id"),
)
