"""Tables of incoming payments and of the journal."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index

from adapters.sql.core.columns import amounts, counter, instants, key, number, table, texts

# Money that arrived on a rail, or went back (below 0).
incoming_payments: Final = table(
    "incoming_payments",
    *key("rail", "digest"),  # of the reference, which an erasure may rewrite
    *texts("reference", "kind"),
    *texts("customer_id", nullable=True),  # NULL: nobody knows whose it is
    *texts("subject_kind", "subject", nullable=True),  # what it is for, if it says so
    *amounts("amount_minor"),
    *texts("currency"),
    *instants("paid_at", "booked_at"),
    *texts("original", nullable=True),  # the digest of the payment that it reverses
    *texts("payer", "by", "reason", nullable=True),  # by NULL: the rail has reported it
    Index("incoming_payments_by_customer", "customer_id", "booked_at"),
    Index("incoming_payments_by_original", "rail", "original"),
)

# The journal: written once, never changed. See billing/receivables/journal.py.
transactions: Final = table(
    "transactions",
    *counter("number"),
    *texts("key"),
    *texts("cause"),
    *instants("at"),
    *texts("customer_id", nullable=True),  # NULL: nobody knows whose money it is
    *texts("rail", "digest", nullable=True),  # the incoming payment that it moves
    *texts("by", "reason", nullable=True),
    Index("transactions_by_payment", "rail", "digest"),
    Index("transactions_by_key", "key", unique=True),
    Index("transactions_by_customer", "customer_id"),
    Index("transactions_by_at", "at"),
)

journal_entries: Final = table(
    "entries",
    Column("number", ForeignKey("transactions.number"), primary_key=True),
    *number("position"),
    *texts("kind"),
    *texts("customer_id", "subject_kind", "subject", "rail", nullable=True),
    *amounts("amount_minor"),
    *texts("currency"),
    *instants("due_at", nullable=True),
    Index(
        "entries_by_customer", "customer_id", "kind", "subject_kind", "subject", "currency", "amount_minor", "due_at"
    ),
    Index("entries_by_rail", "rail", "kind", "currency", "amount_minor"),
)
