"""Tables of billers: by which numbers payers name customers, and what banks were answered."""

from typing import Final

from sqlalchemy import Index, LargeBinary

from adapters.sql.core.columns import columns, counter, counts, instants, key, partial_index, table, texts

IS_UNPAID: Final = "cause = 'non_payment'"  # literal SQL, so that queries can use the partial index

# The account numbers that customers pay by; a number is never given twice. Behind one may be a service.
service_accounts: Final = table(
    "service_accounts",
    *key("number"),
    *texts("customer_id"),
    *instants("opened_at"),
    *instants("closed_at", nullable=True),
    *texts("opened_by", "opened_why"),
    *texts("closed_by", "closed_why", nullable=True),
    *texts("phone", "address", "address_key", nullable=True),  # as typed; as compared
    *texts("node", "tags", nullable=True),  # tags with spaces between them
    *texts("state", "cause", nullable=True),  # NULL: a number to pay by, and no service
    *instants("state_at", nullable=True),
    *counts("position", nullable=True),  # of its last change, in ``service_changes``
    Index("service_accounts_by_customer", "customer_id"),
    Index("service_accounts_by_node", "node"),
    partial_index("service_accounts_unpaid", "customer_id", where=IS_UNPAID),
)

# The accounts of each tag, written with ``service_accounts.tags``.
service_tags: Final = table("service_tags", *key("tag", "number"), Index("service_tags_by_number", "number"))

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
