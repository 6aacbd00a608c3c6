"""Tables of customers, their months, and what they left unpaid."""

from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, ForeignKeyConstraint, Index, LargeBinary

from adapters.sql.core.columns import (
    PlainText,
    amounts,
    columns,
    counter,
    counts,
    flags,
    instants,
    json,
    key,
    month_of,
    number,
    partial_index,
    table,
    texts,
)

EVENT_IS_OPEN: Final = "result IS NULL"  # literal SQL, so that queries can use the partial index
INVOICE_NEEDS: Final = "needs IS NOT NULL"
ASKED_AGAIN: Final = "asked_by IS NOT NULL"

_LISTED: Final = (
    *("customer_id", "stage", "currency", "total_minor", "carried_minor", "usual_minor", "version", "flags"),
    *("revision", "digest"),
)

customers: Final = table(
    "customers",
    *key("customer_id"),
    *texts("email", "email_key", nullable=True),  # as typed; as compared; NULL: none
    *texts("name", "currency", "timezone"),
    *texts("phone", nullable=True),
    *json("payment_method", "terms"),
    *texts("payer_id", "card_id", nullable=True),  # of the payment method, for lookups; NULL: it has none
    *texts("closed_reason", nullable=True),  # NULL: the customer is billed
    *instants("closed_at", nullable=True),
    *instants("created_at", "updated_at"),
    Index("customers_by_email", "email_key"),
    Index("customers_by_payer", "payer_id"),
    Index("customers_by_card", "card_id"),
)

# Every address a customer ever had, including the present one; erased with the person.
addresses: Final = table(
    "addresses",
    Column("customer_id", PlainText, ForeignKey("customers.customer_id"), primary_key=True),
    *key("email_key"),
    *texts("email"),
    Index("addresses_by_email", "email_key"),
)

invoices: Final = table(
    "invoices",
    Column("customer_id", PlainText, ForeignKey("customers.customer_id"), primary_key=True),
    *key("period"),
    *texts("stage", "currency", "digest"),
    *amounts("total_minor", "carried_minor"),
    *counts("version", "problems", "revision"),
    *instants("import_at", "notice_at", "charge_at", "updated_at"),
    *texts("outcome", nullable=True),
    *instants("closed_at", "next_at", nullable=True),
    *texts("flags"),  # such as "|first|edited|": what reviewers filter by
    *texts("needs", nullable=True),  # what a person has to do; NULL: nothing
    *amounts("usual_minor", nullable=True),  # the customer's usual total, to compare with
    *json("state"),  # the whole Month; the other columns are for people and queries
    # What lists are filtered, sorted and added up by: no query has to read the rows, which hold a whole month.
    Index("invoices_by_period_and_stage", "period", "stage", "currency", "total_minor", "version"),
    Index("invoices_for_desk", "period", *_LISTED, "outcome", "next_at"),
    partial_index("invoices_in_need", "period", "outcome", "next_at", *_LISTED, where=INVOICE_NEEDS),
    partial_index("invoices_open", "next_at", where="outcome IS NULL"),
)

lines: Final = table(
    "lines",
    *month_of("invoices"),
    *number("position"),
    *texts("kind"),  # "line", or "problem": a row that cannot be read
    *texts("line_id", "description"),
    *amounts("amount_minor", nullable=True),
    *texts("sheet", "digest", "raw", "reason", nullable=True),
    *counts("row", nullable=True),
    *texts("account", "tariff", nullable=True),
    *amounts("tariff_minor", nullable=True),  # what the tariff says; NULL: the line comes from elsewhere
)

decisions: Final = table(
    "decisions",
    *month_of("invoices"),
    *number("number"),
    *instants("at"),
    *texts("by", "reason", "command", "result", "via", "command_id", "content", "details"),
    *flags("accepted"),
    *texts("refusal", nullable=True),  # a code; NULL: accepted
    *counts("invoice_version"),
    Index("decisions_by_at", "at"),
)

# The versions of invoices that were ever on record: what a reviewer may have seen.
versions: Final = table(
    "versions",
    *month_of("invoices"),
    *number("version"),
    *key("digest"),
    *texts("by", nullable=True),  # NULL: the import
    *instants("at"),
    *json("invoice"),
)

# The tables below refer to no invoice: records of moved money, debts and sent mails stay in any case.
charges: Final = table(
    "charges",
    *key("payment_id"),
    *texts("key", "customer_id", "period", "status", "currency", "code", "decline_code", "advice_code", "attempt_id"),
    *amounts("amount_minor"),
    *instants("first_at", "at"),
    Index("charges_by_customer_and_period", "customer_id", "period"),
    Index("charges_by_period", "period"),
    Index("charges_by_key", "key"),
)

reversals: Final = table(
    "reversals",
    *key("reversal_id"),
    *texts("payment_id", "customer_id", "period", "kind", "currency", "status", "code", "reason"),
    *amounts("amount_minor"),
    *instants("created_at", "at"),
    Index("reversals_by_payment", "payment_id"),
    Index("reversals_by_period", "period"),
)

# One for each customer while anything is overdue; the period is the first of its months.
collections: Final = table(
    "collections",
    *key("customer_id", "period"),
    *texts("stage"),
    *instants("updated_at"),
    *instants("next_at", "closed_at", nullable=True),
    *texts("outcome", nullable=True),
    *counts("revision"),
    *json("state"),  # the whole Collection
    partial_index("collections_open", "customer_id", where="outcome IS NULL"),
)

# What each month left unpaid.
debts: Final = table(
    "debts",
    *key("customer_id", "period"),
    *texts("collection"),  # the period of the collection that has it
    *texts("stage", "currency"),
    *amounts("amount_minor", "outstanding_minor"),
    *instants("opened_at", "updated_at"),
    *instants("next_at", "closed_at", nullable=True),
    *texts("outcome", nullable=True),
    *flags("is_tried"),  # money may be moving
    ForeignKeyConstraint(["customer_id", "collection"], ["collections.customer_id", "collections.period"]),
    Index("debts_by_period_and_stage", "period", "stage"),
    Index("debts_by_collection", "customer_id", "collection"),
    partial_index("debts_open", "customer_id", where="outcome IS NULL"),
)

entries: Final = table(
    "collection_entries",
    *month_of("collections"),
    *number("number"),
    *texts("month", nullable=True),  # the debt that it is about; NULL: the whole account
    *instants("at"),
    *texts("by", nullable=True),  # NULL: the application
    *texts("what", "text", "command_id", "content"),
    *texts("via", "reason", nullable=True),
    *flags("accepted"),
    *texts("refusal", nullable=True),  # a code; NULL: accepted
    Index("collection_entries_by_at", "at"),
)

events: Final = table(
    "events",
    *key("event_id"),
    *texts("type", "object_id", "payment_id"),
    *instants("created_at", "received_at"),
    *texts("result", nullable=True),  # NULL: not handled yet
    partial_index("events_open", "received_at", where=EVENT_IS_OPEN),
)

messages: Final = table(
    "messages",
    *key("message_id"),
    *texts("kind", "customer_id", "recipient", "status"),
    *texts("period", nullable=True),  # NULL: it is about a service order
    *counts("number"),
    *instants("at"),
    *amounts("total_minor", nullable=True),
    *texts("subject", "text"),  # as sent, without markup
    *texts("asked_by", "asked_why", nullable=True),  # of who had it sent again; NULL: the application has sent it
    Index("messages_by_customer_and_period", "customer_id", "period"),
    partial_index("messages_asked", "at", where=ASKED_AGAIN),
)

# The last completeness check of each period, whoever made it; the newest daily one is the heartbeat.
coverage_runs: Final = table(
    "coverage_runs",
    *key("period"),
    *instants("at"),
    *instants("daily_at", nullable=True),  # NULL: no worker has checked it yet
    *counts("findings"),
    *json("told", "report"),  # told: the findings that reviewers know
    Index("coverage_runs_by_day", "daily_at"),
)

# The last agreed reading of each worksheet.
sales_readings: Final = table(
    "sales_readings",
    *key("source", "period"),
    *texts("digest", nullable=True),  # NULL: never read
    *instants("read_at", nullable=True),
    *columns(LargeBinary, "content", nullable=True),
    *instants("claimed_until", nullable=True),  # a process is reading it
)

registrations: Final = table(
    "registrations",
    *key("registration_id"),
    *texts("email", "email_key", "name", "currency", "timezone", "review_mode", "customer_id", "state"),
    *columns(JSON(none_as_null=True), "card", "consent", "terms", nullable=True),  # consent NULL: imported
    *texts("payer_id", "phone", nullable=True),
    *texts("session_id", nullable=True),  # the open card page; NULL: none
    *instants("created_at", "updated_at"),
    *instants("told_at", nullable=True),
    *counts("revision"),
    Index("registrations_by_customer", "customer_id", unique=True),
    Index("registrations_by_email", "email_key"),
    partial_index(
        "registrations_saved", "email_key", where="state = 'saved'", unique=True
    ),  # one at a time for each email
)

# Attempts to register within the last hour, for throttling; an origin is a digest, not an address.
registration_tries: Final = table(
    "registration_tries",
    *counter("number"),
    *texts("origin"),
    *instants("at"),
    Index("registration_tries_by_origin", "origin", "at"),
    Index("registration_tries_by_at", "at"),
)
