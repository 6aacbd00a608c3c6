"""Tables of banks' registers: the files, and their lines with what people have decided."""

from typing import Final

from sqlalchemy import Index

from adapters.sql.core.columns import amounts, counts, instants, json, key, partial_index, table, texts

# Files that were taken in; a day may have several, each longer than the one before.
register_files: Final = table(
    "register_files",
    *key("rail", "day", "digest"),  # of the content
    *texts("name", "currency"),
    *counts("lines"),
    *amounts("paid_minor", "reversed_minor"),
    *texts("by", nullable=True),  # NULL: from the folder
    *instants("at"),
    Index("register_files_by_digest", "digest"),
    Index("register_files_by_day", "day"),
)

IS_REJECTED: Final = "decision = 'rejected'"

# One for each payment that a register has, or that it has taken back: its last facts, under its first day.
register_lines: Final = table(
    "register_lines",
    *key("rail", "digest"),  # of the reference, as an incoming payment's
    *texts("day", "reference", "account", "currency"),
    *texts("personal", nullable=True),  # the digest of the personal number that stood as account
    *amounts("amount_minor"),
    *instants("paid_at"),
    *texts("original", nullable=True),  # the reference of the payment that was taken back
    *texts("decision", "decided_by", "decided_why", nullable=True),
    *instants("decided_at", nullable=True),
    Index("register_lines_by_day", "rail", "day"),
    partial_index("register_lines_rejected", "decided_at", where=IS_REJECTED),
)

# Which column of a rail's files is what; kind is "register" or "statement".
file_mappings: Final = table(
    "file_mappings",
    *key("rail", "kind"),
    *json("mapping"),
    *texts("by"),
    *instants("at"),
)
