"""Tables of bank statements: files, their lines, who has paid for whom."""

from typing import Final

from sqlalchemy import Date, Index

from adapters.sql.core.columns import (
    amounts,
    columns,
    counts,
    instants,
    key,
    partial_index,
    table,
    texts,
)

LINE_OF_PAYMENT: Final = "payment IS NOT NULL"  # literal SQL, so that queries can use the partial index
LINE_OF_ENTRY: Final = "entry_minor IS NOT NULL"
LINE_WITH_TWIN: Final = "twin IS NOT NULL"

statement_files: Final = table(
    "statement_files",
    *key("rail", "digest"),  # of the content
    *texts("name", "file_format", "reading", "currency"),
    *columns(Date, "since", "until", nullable=True),
    *amounts("opening_minor", "closing_minor", nullable=True),  # NULL: the file does not say
    *counts("lines"),
    *texts("by"),
    *instants("at"),
    *instants("done_at", nullable=True),  # NULL: interrupted; the same file again goes on
    Index("statement_files_by_at", "at", "rail", "digest"),
    Index("statement_files_by_day", "rail", "until"),
)

# Every line once. ``payment`` is the digest of what it was booked as, or repeats, on ``payment_rail``.
statement_lines: Final = table(
    "statement_lines",
    *key("rail", "key"),
    *texts("file", "reading"),
    *counts("position"),
    *columns(Date, "booked_on"),
    *amounts("amount_minor"),
    *texts("currency"),
    *texts("bank_reference", "number", "payer_account", "payer", nullable=True),
    *texts("text", "outcome"),
    *texts("payment_rail", "payment", "customer_id", "of_rail", nullable=True),
    *amounts("fee_minor", nullable=True),
    *texts("entry_key", "entry_reference", nullable=True),  # of the sum that a file has this and other lines of
    *amounts("entry_minor", nullable=True),
    *texts("twin", nullable=True),  # the key of the line that a file read otherwise had before
    Index("statement_lines_by_file", "rail", "file", "position"),
    Index("statement_lines_by_customer", "customer_id"),
    Index("statement_lines_by_day", "rail", "booked_on", "amount_minor"),
    partial_index("statement_lines_by_entry", "rail", "booked_on", "entry_minor", where=LINE_OF_ENTRY),
    partial_index("statement_lines_by_twin", "rail", "twin", where=LINE_WITH_TWIN),
    partial_index("statement_lines_by_payment", "payment_rail", "payment", where=LINE_OF_PAYMENT),
)

# Whose debts an account has paid. customer_id NULL: of several, so that it proposes nothing any more.
known_payers: Final = table(
    "known_payers",
    *key("rail", "account"),
    *texts("payer", "customer_id", nullable=True),
    *texts("confirmed_by", nullable=True),  # NULL: nobody has confirmed it, a reference said so
    *instants("at"),
    Index("known_payers_by_customer", "customer_id"),
)
