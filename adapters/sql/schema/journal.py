"""Tables of incoming payments, of payment links, of the journal, and of the events that follow from it."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index

from adapters.sql.core.columns import (
    IS_BY_PERSON,
    amounts,
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

IS_UNMATCHED: Final = "unmatched_minor <> 0"  # literal SQL, so that queries can use the partial indexes
IS_MATCHED: Final = "unmatched_minor = 0"
INSTRUCTION_IS_OPEN: Final = "closed_at IS NULL"
IS_OF_ORDER: Final = "subject_kind = 'order'"

# Money that arrived on a rail, or went back (below 0).
incoming_payments: Final = table(
    "incoming_payments",
    *key("rail", "digest"),  # of the reference, which an erasure may rewrite
    *texts("reference", "kind"),
    *texts("customer_id", nullable=True),  # NULL: nobody knows whose it is
    *texts("subject_kind", "subject", nullable=True),  # what it is for, if it says so
    *amounts("amount_minor"),
    *amounts("unmatched_minor"),  # what its entries on the account of unmatched money add up to, for the list
    *texts("currency"),
    *instants("paid_at", "booked_at"),
    *texts("original", nullable=True),  # the digest of the payment that it reverses
    *texts("payer", "by", "reason", nullable=True),  # by NULL: the rail has reported it
    Index("incoming_payments_by_customer", "customer_id", "booked_at"),
    Index("incoming_payments_by_original", "rail", "original"),
    Index("incoming_payments_by_rail", "rail", "paid_at"),
    Index("incoming_payments_by_subject", "subject_kind", "subject", "paid_at"),
    partial_index("incoming_payments_unmatched", "booked_at", "rail", "digest", where=IS_UNMATCHED),
    partial_index("incoming_payments_matched", "booked_at", "rail", "digest", where=IS_MATCHED),
    partial_index("incoming_payments_of_nobody", "payer", "paid_at", where="customer_id IS NULL"),
)

# What people want done with a payment: proposed, under way at the processor, or closed.
instructions: Final = table(
    "instructions",
    *counter("number"),
    *texts("instruction_id", "kind", "rail", "digest", "reference"),  # the payment's
    *texts("customer_id", "subject_kind", "subject", nullable=True),
    *amounts("amount_minor"),
    *texts("currency", "refund_reference", "by", "reason", "via"),
    *instants("at"),
    *texts("state", "result"),
    *texts("decided_by", "decided_why", nullable=True),
    *instants("decided_at", "closed_at", nullable=True),
    *instants("asked_at", nullable=True),  # NULL: no gateway was asked for the refund yet
    *amounts("returned_before_minor", nullable=True),  # what had gone back until then
    *instants("accepted_at", nullable=True),  # NULL: it has not said that it is at it
    Index("instructions_by_id", "instruction_id", unique=True),
    Index("instructions_by_payment", "rail", "digest"),
    Index("instructions_by_at", "at"),
    partial_index("instructions_open", "number", where=INSTRUCTION_IS_OPEN),
)

CHECKOUT_IS_LIVE: Final = "ended_at IS NULL"  # literal SQL, for the partial index

# Payment links: one that is live at most for each subject of a customer.
checkouts: Final = table(
    "checkouts",
    *key("checkout_id"),
    *texts("rail", "customer_id", "subject_kind", "subject", "description", "currency", "state"),
    *texts("payer_id", nullable=True),  # NULL: the processor does not know the customer
    *amounts("amount_minor"),
    *instants("created_at", "expires_at"),
    *instants("ended_at", nullable=True),  # NULL: money may still come of it
    *texts("session_id", "url", nullable=True),  # NULL: the processor has not answered yet; not open any more
    *texts("by", "reason"),
    Index("checkouts_by_customer", "customer_id", "subject_kind", "subject"),
    Index("checkouts_by_session", "session_id"),
    partial_index("checkouts_live", "customer_id", "subject_kind", "subject", where=CHECKOUT_IS_LIVE, unique=True),
)

# Until when the list of a gateway's rail has been read.
gateway_positions: Final = table(
    "gateway_positions",
    *key("rail"),
    *instants("read_until"),
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
    partial_index("transactions_of_people", "at", where=IS_BY_PERSON),
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
    partial_index("entries_by_order", "subject", "customer_id", where=IS_OF_ORDER),
)

# The outbox: what other systems should know, in the order in which each of them learns it.
outgoing_events: Final = table(
    "outgoing_events",
    *counter("number"),
    *texts("event_id", "destination", "type"),
    *texts("customer_id", nullable=True),  # NULL: it is nobody's yet
    *texts("lane"),  # events of one lane are delivered in their order: of a customer, or of an order
    *json("payload"),  # the event as it was written
    *instants("created_at"),
    *counts("tries"),
    *instants("next_at", nullable=True),  # NULL: at once
    *texts("fault", nullable=True),  # why the last try failed
    *instants("claimed_until", nullable=True),  # a process is delivering it
    *instants("done_at", nullable=True),
    Index("outgoing_events_by_id", "event_id", "destination", unique=True),
    Index("outgoing_events_by_customer", "customer_id", "number"),
    partial_index("outgoing_events_open", "destination", "lane", "number", where="done_at IS NULL"),
    partial_index("outgoing_events_done", "done_at", where="done_at IS NOT NULL"),
)
