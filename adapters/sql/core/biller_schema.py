"""Tables of billers: by which numbers payers name customers, and what banks were answered."""

from typing import Final

from sqlalchemy import Index, LargeBinary

from adapters.sql.core.columns import columns, counter, instants, key, table, texts

# The account numbers that customers pay by; a number is never given twice.
service_accounts: Final = table(
    "service_accounts",
    *key("number"),
    *texts("customer_id"),
    *instants("opened_at"),
    *instants("closed_at", nullable=True),
    *texts("opened_by", "opened_why"),
    *texts("closed_by", "closed_why", nullable=True),
    Index("service_accounts_by_customer", "customer_id"),
)

# Personal numbers by their keyed digest; erased with the person.
personal_numbers: Final = table(
    "personal_numbers",
    *key("digest"),
    *texts("customer_id", "last_four", "by"),
    *instants("at"),
    Index("personal_numbers_by_customer", "customer_id", unique=True),
)

# What a bank was answered to each payment, to be answered again, word for word. Written with the payment.
biller_answers: Final = table(
    "biller_answers",
    *counter("number"),  # ours of the payment
    *texts("rail", "txn_id"),
    *texts("asked"),  # a keyed digest of account and sum, to notice a repeat that differs
    *texts("code"),
    *columns(LargeBinary, "answer"),
    *texts("content_type"),
    *instants("at"),
    *texts("payment", nullable=True),  # the digest of the incoming payment; NULL: nothing was booked
    Index("biller_answers_by_txn", "rail", "txn_id", unique=True),
)
