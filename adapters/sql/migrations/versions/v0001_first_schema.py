"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INSTANT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # counted up by the database


def upgrade() -> None:
    _customers()
    _invoices()
    _parts_of_invoices()
    _charges()
    _collections()
    _payments()
    _links()
    _statements()
    _journal()
    _outbox()
    _orders()
    _releases()
    _service_orders()
    _steps_of_service_orders()
    _messages()
    _checks()
    _users()
    _registrations()
    _services()
    _announcements()
    _tasks()
    _what_became_of_tasks()
    _tariffs()
    _billers()
    _registers()
    _texts()


def _customers() -> None:
    op.create_table(
        "customers",
        *_columns(sa.Text, "customer_id"),
        *_columns(sa.Text, "email", "email_key", nullable=True),
        *_columns(sa.Text, "name", "currency", "timezone"),
        *_columns(sa.Text, "phone", nullable=True),
        *_columns(sa.JSON, "payment_method"),
        *_columns(sa.Text, "payer_id", "card_id", nullable=True),
        *_columns(sa.JSON, "terms"),
        *_columns(sa.Text, "closed_reason", nullable=True),
        *_columns(_INSTANT, "closed_at", nullable=True),
        *_columns(_INSTANT, "created_at", "updated_at"),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_index("customers_by_card", "customers", ["card_id"])
    op.create_index("customers_by_email", "customers", ["email_key"])
    op.create_index("customers_by_payer", "customers", ["payer_id"])

    op.create_table(
        "addresses",
        *_columns(sa.Text, "customer_id", "email_key", "email"),
        sa.PrimaryKeyConstraint("customer_id", "email_key"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"]),
    )
    op.create_index("addresses_by_email", "addresses", ["email_key"])


def _invoices() -> None:
    op.create_table(
        "invoices",
        *_columns(sa.Text, "customer_id", "period", "stage", "currency"),
        *_columns(sa.BigInteger, "total_minor", "carried_minor"),
        *_columns(sa.Integer, "version"),
        *_columns(sa.Text, "digest"),
        *_columns(_INSTANT, "import_at", "notice_at", "charge_at"),
        *_columns(sa.Text, "outcome", nullable=True),
        *_columns(_INSTANT, "closed_at", nullable=True),
        *_columns(sa.Integer, "problems", "revision"),
        *_columns(_INSTANT, "next_at", nullable=True),
        *_columns(sa.Text, "flags"),
        *_columns(sa.Text, "needs", nullable=True),
        *_columns(sa.BigInteger, "usual_minor", nullable=True),
        *_columns(sa.JSON, "state"),
        *_columns(_INSTANT, "updated_at"),
        sa.PrimaryKeyConstraint("customer_id", "period"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"]),
    )
    totals = ["period", "stage", "currency", "total_minor", "version"]
    op.create_index("invoices_by_period_and_stage", "invoices", totals)
    amounts = ["currency", "total_minor", "carried_minor", "usual_minor"]
    listed = ["customer_id", "stage", *amounts, "version", "flags", "revision", "digest"]
    op.create_index("invoices_for_desk", "invoices", ["period", *listed, "outcome", "next_at"])
    in_need = ["period", "outcome", "next_at", *listed]
    op.create_index("invoices_in_need", "invoices", in_need, **_where("needs IS NOT NULL"))
    op.create_index("invoices_open", "invoices", ["next_at"], **_where("outcome IS NULL"))


def _parts_of_invoices() -> None:
    op.create_table(
        "lines",
        *_columns(sa.Text, "customer_id", "period"),
        *_columns(sa.Integer, "position"),
        *_columns(sa.Text, "kind", "line_id", "description"),
        *_columns(sa.BigInteger, "amount_minor", nullable=True),
        *_columns(sa.Text, "sheet", nullable=True),
        *_columns(sa.Integer, "row", nullable=True),
        *_columns(sa.Text, "digest", "raw", "reason", "account", "tariff", nullable=True),
        *_columns(sa.BigInteger, "tariff_minor", nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "period", "position"),
        sa.ForeignKeyConstraint(["customer_id", "period"], ["invoices.customer_id", "invoices.period"]),
    )

    op.create_table(
        "decisions",
        *_columns(sa.Text, "customer_id", "period"),
        *_columns(sa.Integer, "number"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "by", "reason", "command"),
        *_columns(sa.Boolean, "accepted"),
        *_columns(sa.Text, "refusal", nullable=True),
        *_columns(sa.Text, "result", "via"),
        *_columns(sa.Integer, "invoice_version"),
        *_columns(sa.Text, "command_id", "content", "details"),
        sa.PrimaryKeyConstraint("customer_id", "period", "number"),
        sa.ForeignKeyConstraint(["customer_id", "period"], ["invoices.customer_id", "invoices.period"]),
    )
    op.create_index("decisions_by_at", "decisions", ["at"])

    op.create_table(
        "versions",
        *_columns(sa.Text, "customer_id", "period"),
        *_columns(sa.Integer, "version"),
        *_columns(sa.Text, "digest"),
        *_columns(sa.Text, "by", nullable=True),
        *_columns(_INSTANT, "at"),
        *_columns(sa.JSON, "invoice"),
        sa.PrimaryKeyConstraint("customer_id", "period", "version", "digest"),
        sa.ForeignKeyConstraint(["customer_id", "period"], ["invoices.customer_id", "invoices.period"]),
    )


def _charges() -> None:
    op.create_table(
        "charges",
        *_columns(sa.Text, "payment_id", "key", "customer_id", "period", "status"),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(sa.Text, "currency", "code", "decline_code", "advice_code", "attempt_id"),
        *_columns(_INSTANT, "first_at", "at"),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_index("charges_by_customer_and_period", "charges", ["customer_id", "period"])
    op.create_index("charges_by_key", "charges", ["key"])
    op.create_index("charges_by_period", "charges", ["period"])

    op.create_table(
        "reversals",
        *_columns(sa.Text, "reversal_id", "payment_id", "customer_id", "period", "kind"),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(sa.Text, "currency", "status", "code", "reason"),
        *_columns(_INSTANT, "created_at", "at"),
        sa.PrimaryKeyConstraint("reversal_id"),
    )
    op.create_index("reversals_by_payment", "reversals", ["payment_id"])
    op.create_index("reversals_by_period", "reversals", ["period"])


def _collections() -> None:
    op.create_table(
        "collections",
        *_columns(sa.Text, "customer_id", "period", "stage"),
        *_columns(_INSTANT, "next_at", nullable=True),
        *_columns(sa.Text, "outcome", nullable=True),
        *_columns(_INSTANT, "closed_at", nullable=True),
        *_columns(sa.Integer, "revision"),
        *_columns(sa.JSON, "state"),
        *_columns(_INSTANT, "updated_at"),
        sa.PrimaryKeyConstraint("customer_id", "period"),
    )
    op.create_index("collections_open", "collections", ["customer_id"], **_where("outcome IS NULL"))

    op.create_table(
        "debts",
        *_columns(sa.Text, "customer_id", "period", "collection", "stage", "currency"),
        *_columns(sa.BigInteger, "amount_minor", "outstanding_minor"),
        *_columns(_INSTANT, "opened_at"),
        *_columns(_INSTANT, "next_at", nullable=True),
        *_columns(sa.Text, "outcome", nullable=True),
        *_columns(_INSTANT, "closed_at", nullable=True),
        *_columns(sa.Boolean, "is_tried"),
        *_columns(_INSTANT, "updated_at"),
        sa.PrimaryKeyConstraint("customer_id", "period"),
        sa.ForeignKeyConstraint(["customer_id", "collection"], ["collections.customer_id", "collections.period"]),
    )
    op.create_index("debts_by_period_and_stage", "debts", ["period", "stage"])
    op.create_index("debts_by_collection", "debts", ["customer_id", "collection"])
    op.create_index("debts_open", "debts", ["customer_id"], **_where("outcome IS NULL"))

    op.create_table(
        "collection_entries",
        *_columns(sa.Text, "customer_id", "period"),
        *_columns(sa.Integer, "number"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "what", "text"),
        *_columns(sa.Boolean, "accepted"),
        *_columns(sa.Text, "month", "by", "via", "reason", "refusal", nullable=True),
        *_columns(sa.Text, "command_id", "content"),
        sa.PrimaryKeyConstraint("customer_id", "period", "number"),
        sa.ForeignKeyConstraint(["customer_id", "period"], ["collections.customer_id", "collections.period"]),
    )
    op.create_index("collection_entries_by_at", "collection_entries", ["at"])


def _payments() -> None:
    op.create_table(
        "incoming_payments",
        *_columns(sa.Text, "rail", "digest", "reference", "kind"),
        *_columns(sa.Text, "customer_id", "subject_kind", "subject", nullable=True),
        *_columns(sa.BigInteger, "amount_minor", "unmatched_minor"),
        *_columns(sa.Text, "currency"),
        *_columns(_INSTANT, "paid_at", "booked_at"),
        *_columns(sa.Text, "original", "payer", "by", "reason", nullable=True),
        sa.PrimaryKeyConstraint("rail", "digest"),
    )
    op.create_index("incoming_payments_by_customer", "incoming_payments", ["customer_id", "booked_at"])
    op.create_index("incoming_payments_by_original", "incoming_payments", ["rail", "original"])
    op.create_index("incoming_payments_by_rail", "incoming_payments", ["rail", "paid_at"])
    op.create_index("incoming_payments_by_subject", "incoming_payments", ["subject_kind", "subject", "paid_at"])
    newest = ["booked_at", "rail", "digest"]
    unmatched, matched = _where("unmatched_minor <> 0"), _where("unmatched_minor = 0")
    op.create_index("incoming_payments_unmatched", "incoming_payments", newest, **unmatched)
    op.create_index("incoming_payments_matched", "incoming_payments", newest, **matched)
    of_nobody = _where("customer_id IS NULL")
    op.create_index("incoming_payments_of_nobody", "incoming_payments", ["payer", "paid_at"], **of_nobody)

    op.create_table(
        "instructions",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "instruction_id", "kind", "rail", "digest", "reference"),
        *_columns(sa.Text, "customer_id", "subject_kind", "subject", nullable=True),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(sa.Text, "currency", "refund_reference", "by", "reason", "via"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "state", "result"),
        *_columns(sa.Text, "decided_by", "decided_why", nullable=True),
        *_columns(_INSTANT, "decided_at", "closed_at", "asked_at", nullable=True),
        *_columns(sa.BigInteger, "returned_before_minor", nullable=True),
        *_columns(_INSTANT, "accepted_at", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("instructions_by_id", "instructions", ["instruction_id"], unique=True)
    op.create_index("instructions_by_payment", "instructions", ["rail", "digest"])
    op.create_index("instructions_by_at", "instructions", ["at"])
    op.create_index("instructions_open", "instructions", ["number"], **_where("closed_at IS NULL"))


def _links() -> None:
    op.create_table(
        "checkouts",
        *_columns(sa.Text, "checkout_id"),
        *_columns(sa.Text, "rail", "customer_id", "subject_kind", "subject", "description", "currency", "state"),
        *_columns(sa.Text, "payer_id", nullable=True),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(_INSTANT, "created_at", "expires_at"),
        *_columns(_INSTANT, "ended_at", nullable=True),
        *_columns(sa.Text, "session_id", "url", nullable=True),
        *_columns(sa.Text, "by", "reason"),
        sa.PrimaryKeyConstraint("checkout_id"),
    )
    of_subject = ["customer_id", "subject_kind", "subject"]
    op.create_index("checkouts_by_customer", "checkouts", of_subject)
    op.create_index("checkouts_by_session", "checkouts", ["session_id"])
    op.create_index("checkouts_live", "checkouts", of_subject, unique=True, **_where("ended_at IS NULL"))

    op.create_table(
        "gateway_positions",
        *_columns(sa.Text, "rail"),
        *_columns(_INSTANT, "read_until"),
        sa.PrimaryKeyConstraint("rail"),
    )


def _statements() -> None:
    op.create_table(
        "statement_files",
        *_columns(sa.Text, "rail", "digest", "name", "file_format", "reading", "currency"),
        *_columns(sa.Date, "since", "until", nullable=True),
        *_columns(sa.BigInteger, "opening_minor", "closing_minor", nullable=True),
        *_columns(sa.Integer, "lines"),
        *_columns(sa.Text, "by"),
        *_columns(_INSTANT, "at"),
        *_columns(_INSTANT, "done_at", nullable=True),
        sa.PrimaryKeyConstraint("rail", "digest"),
    )
    op.create_index("statement_files_by_at", "statement_files", ["at", "rail", "digest"])
    op.create_index("statement_files_by_day", "statement_files", ["rail", "until"])

    op.create_table(
        "statement_lines",
        *_columns(sa.Text, "rail", "key", "file", "reading"),
        *_columns(sa.Integer, "position"),
        *_columns(sa.Date, "booked_on"),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(sa.Text, "currency"),
        *_columns(sa.Text, "bank_reference", "number", "payer_account", "payer", nullable=True),
        *_columns(sa.Text, "text", "outcome"),
        *_columns(sa.Text, "payment_rail", "payment", "customer_id", "of_rail", nullable=True),
        *_columns(sa.BigInteger, "fee_minor", nullable=True),
        *_columns(sa.Text, "entry_key", "entry_reference", nullable=True),
        *_columns(sa.BigInteger, "entry_minor", nullable=True),
        *_columns(sa.Text, "twin", nullable=True),
        sa.PrimaryKeyConstraint("rail", "key"),
    )
    op.create_index("statement_lines_by_customer", "statement_lines", ["customer_id"])
    op.create_index("statement_lines_by_day", "statement_lines", ["rail", "booked_on", "amount_minor"])
    op.create_index("statement_lines_by_file", "statement_lines", ["rail", "file", "position"])
    of_payment = ["payment_rail", "payment"]
    of_entry = ["rail", "booked_on", "entry_minor"]
    op.create_index("statement_lines_by_entry", "statement_lines", of_entry, **_where("entry_minor IS NOT NULL"))
    op.create_index("statement_lines_by_twin", "statement_lines", ["rail", "twin"], **_where("twin IS NOT NULL"))
    op.create_index("statement_lines_by_payment", "statement_lines", of_payment, **_where("payment IS NOT NULL"))

    op.create_table(
        "known_payers",
        *_columns(sa.Text, "rail", "account"),
        *_columns(sa.Text, "payer", "customer_id", "confirmed_by", nullable=True),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("rail", "account"),
    )
    op.create_index("known_payers_by_customer", "known_payers", ["customer_id"])


def _journal() -> None:
    op.create_table(
        "transactions",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "key", "cause"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "customer_id", "rail", "digest", "by", "reason", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("transactions_by_customer", "transactions", ["customer_id"])
    op.create_index("transactions_by_payment", "transactions", ["rail", "digest"])
    op.create_index("transactions_by_key", "transactions", ["key"], unique=True)
    op.create_index("transactions_by_at", "transactions", ["at"])
    op.create_index("transactions_of_people", "transactions", ["at"], **_where("by IS NOT NULL"))

    op.create_table(
        "entries",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Integer, "position"),
        *_columns(sa.Text, "kind"),
        *_columns(sa.Text, "customer_id", "subject_kind", "subject", "rail", nullable=True),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(sa.Text, "currency"),
        *_columns(_INSTANT, "due_at", nullable=True),
        sa.PrimaryKeyConstraint("number", "position"),
        sa.ForeignKeyConstraint(["number"], ["transactions.number"]),
    )
    of_customer = ["customer_id", "kind", "subject_kind", "subject", "currency", "amount_minor", "due_at"]
    op.create_index("entries_by_customer", "entries", of_customer)
    op.create_index("entries_by_rail", "entries", ["rail", "kind", "currency", "amount_minor"])
    of_order = _where("subject_kind = 'order'")
    op.create_index("entries_by_order", "entries", ["subject", "customer_id"], **of_order)


def _outbox() -> None:
    op.create_table(
        "outgoing_events",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "event_id", "destination", "type"),
        *_columns(sa.Text, "customer_id", nullable=True),
        *_columns(sa.Text, "lane"),
        *_columns(sa.JSON, "payload"),
        *_columns(_INSTANT, "created_at"),
        *_columns(sa.Integer, "tries"),
        *_columns(_INSTANT, "next_at", nullable=True),
        *_columns(sa.Text, "fault", nullable=True),
        *_columns(_INSTANT, "claimed_until", "done_at", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("outgoing_events_by_id", "outgoing_events", ["event_id", "destination"], unique=True)
    op.create_index("outgoing_events_by_customer", "outgoing_events", ["customer_id", "number"])
    of_lane = ["destination", "lane", "number"]
    op.create_index("outgoing_events_open", "outgoing_events", of_lane, **_where("done_at IS NULL"))
    op.create_index("outgoing_events_done", "outgoing_events", ["done_at"], **_where("done_at IS NOT NULL"))


def _orders() -> None:
    op.create_table(
        "buyers",
        *_columns(sa.Text, "customer_id", "name"),
        *_columns(sa.Text, "email", nullable=True),
        *_columns(_INSTANT, "created_at"),
        sa.PrimaryKeyConstraint("customer_id"),
    )

    op.create_table(
        "orders",
        *_columns(sa.Text, "number", "customer_id", "currency", "digest"),
        *_columns(sa.Integer, "version"),
        *_columns(sa.BigInteger, "price_minor", "owed_minor", "tolerance_minor"),
        *_columns(_INSTANT, "expires_at", nullable=True),
        *_columns(sa.Text, "opened_by"),
        *_columns(_INSTANT, "opened_at", "changed_at"),
        *_columns(sa.Integer, "revision"),
        *_columns(sa.JSON, "halt", "end", nullable=True),
        *_columns(sa.Text, "stage"),
        *_columns(_INSTANT, "closed_at", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    age = ["opened_at", "number"]
    op.create_index("orders_by_customer", "orders", ["customer_id", "opened_at"])
    op.create_index("orders_by_age", "orders", age)
    op.create_index("orders_by_stage", "orders", ["stage", *age])
    op.create_index("orders_open", "orders", age, **_where("closed_at IS NULL"))
    op.create_index("orders_open_by_customer", "orders", ["customer_id"], **_where("closed_at IS NULL"))

    op.create_table(
        "order_versions",
        *_columns(sa.Text, "number"),
        *_columns(sa.Integer, "version"),
        *_columns(sa.Text, "customer_id"),
        *_columns(sa.JSON, "agreed"),
        *_columns(sa.Text, "by"),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("number", "version"),
        sa.ForeignKeyConstraint(["number"], ["orders.number"]),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        *_columns(sa.Text, "number", "kind", "customer_id", "event_id"),
        *_columns(sa.Integer, "version"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.BigInteger, "position", "owed_minor"),
        *_columns(sa.Boolean, "accepted", nullable=True),
        *_columns(sa.Text, "answer", nullable=True),
        *_columns(_INSTANT, "answered_at", nullable=True),
        sa.PrimaryKeyConstraint("number", "kind"),
        sa.ForeignKeyConstraint(["number"], ["orders.number"]),
    )
    op.create_index("releases_by_at", "releases", ["at"])

    op.create_table(
        "order_log",
        *_columns(_NUMBER, "entry"),
        *_columns(sa.Text, "number", "customer_id"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "by", "via", nullable=True),
        *_columns(sa.Text, "what"),
        *_columns(sa.Text, "reason", nullable=True),
        *_columns(sa.Text, "text"),
        *_columns(sa.Text, "change_id", "content", nullable=True),
        sa.PrimaryKeyConstraint("entry"),
        sa.ForeignKeyConstraint(["number"], ["orders.number"]),
    )
    op.create_index("order_log_by_number", "order_log", ["number", "entry"])
    op.create_index("order_log_by_change", "order_log", ["number", "change_id"], unique=True)
    op.create_index("order_log_of_people", "order_log", ["at"], **_where("by IS NOT NULL"))


def _service_orders() -> None:
    op.create_table(
        "procedure_copies",
        *_columns(sa.Text, "digest"),
        *_columns(sa.JSON, "procedure"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "service_orders",
        *_columns(sa.Text, "number", "customer_id", "currency", "timezone", "digest"),
        *_columns(sa.Text, "account", nullable=True),
        *_columns(sa.Text, "procedure_name", "procedure_digest"),
        *_columns(sa.JSON, "values"),
        *_columns(sa.Text, "step", "kind"),
        *_columns(sa.Integer, "position"),
        *_columns(_INSTANT, "step_since"),
        *_columns(_INSTANT, "due_at", "ends_at", nullable=True),
        *_columns(sa.Integer, "reminders"),
        *_columns(_INSTANT, "reminded_at", nullable=True),
        *_columns(sa.Text, "opened_by"),
        *_columns(_INSTANT, "opened_at", "changed_at"),
        *_columns(sa.Integer, "revision"),
        *_columns(sa.JSON, "halt", "cancelled", "end", nullable=True),
        *_columns(sa.Text, "stage"),
        *_columns(_INSTANT, "closed_at", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    is_open = _where("closed_at IS NULL")
    op.create_index("service_orders_by_customer", "service_orders", ["customer_id", "opened_at"])
    age = ["opened_at", "number"]
    op.create_index("service_orders_by_age", "service_orders", age)
    op.create_index("service_orders_by_stage", "service_orders", ["stage", *age])
    op.create_index("service_orders_open", "service_orders", age, **is_open)
    by_step = ["procedure_name", "step", "step_since", "stage", "closed_at"]
    op.create_index("service_orders_by_step", "service_orders", by_step, **is_open)
    for_money = _where("kind = 'payment'")
    op.create_index("service_orders_awaiting_money", "service_orders", ["customer_id"], **for_money)


def _steps_of_service_orders() -> None:
    op.create_table(
        "service_order_steps",
        *_columns(sa.Text, "number"),
        *_columns(sa.Integer, "position"),
        *_columns(sa.Text, "customer_id", "step", "kind"),
        *_columns(_INSTANT, "began_at"),
        *_columns(_INSTANT, "ended_at", nullable=True),
        *_columns(sa.Text, "by", "outcome", "reason", nullable=True),
        sa.PrimaryKeyConstraint("number", "position"),
        sa.ForeignKeyConstraint(["number"], ["service_orders.number"]),
    )

    op.create_table(
        "service_order_log",
        *_columns(_NUMBER, "entry"),
        *_columns(sa.Text, "number", "customer_id"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "by", "via", nullable=True),
        *_columns(sa.Text, "what"),
        *_columns(sa.Text, "reason", nullable=True),
        *_columns(sa.Text, "text"),
        *_columns(sa.Text, "change_id", "content", nullable=True),
        sa.PrimaryKeyConstraint("entry"),
        sa.ForeignKeyConstraint(["number"], ["service_orders.number"]),
    )
    op.create_index("service_order_log_by_number", "service_order_log", ["number", "entry"])
    op.create_index("service_order_log_by_change", "service_order_log", ["number", "change_id"], unique=True)
    op.create_index("service_order_log_of_people", "service_order_log", ["at"], **_where("by IS NOT NULL"))


def _messages() -> None:
    op.create_table(
        "events",
        *_columns(sa.Text, "event_id", "type", "object_id", "payment_id"),
        *_columns(_INSTANT, "created_at", "received_at"),
        *_columns(sa.Text, "result", nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("events_open", "events", ["received_at"], **_where("result IS NULL"))

    op.create_table(
        "messages",
        *_columns(sa.Text, "message_id", "kind"),
        *_columns(sa.Integer, "number"),
        *_columns(sa.Text, "customer_id", "recipient", "status"),
        *_columns(sa.Text, "period", nullable=True),
        *_columns(_INSTANT, "at"),
        *_columns(sa.BigInteger, "total_minor", nullable=True),
        *_columns(sa.Text, "subject", "text"),
        *_columns(sa.Text, "asked_by", "asked_why", nullable=True),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("messages_by_customer_and_period", "messages", ["customer_id", "period"])
    op.create_index("messages_asked", "messages", ["at"], **_where("asked_by IS NOT NULL"))

    op.create_table(
        "alerts",
        *_columns(sa.Text, "alert_id", "kind", "customer_id", "period", "order_number", "text"),
        *_columns(sa.JSON, "remedies"),
        *_columns(sa.BigInteger, "amount_minor", nullable=True),
        *_columns(sa.Text, "currency"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "digest_id", nullable=True),
        *_columns(_INSTANT, "told_at", nullable=True),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    op.create_index("alerts_untold", "alerts", ["at"], **_where("told_at IS NULL"))


def _checks() -> None:
    op.create_table(
        "coverage_runs",
        *_columns(sa.Text, "period"),
        *_columns(_INSTANT, "at"),
        *_columns(_INSTANT, "daily_at", nullable=True),
        *_columns(sa.Integer, "findings"),
        *_columns(sa.JSON, "told", "report"),
        sa.PrimaryKeyConstraint("period"),
    )
    op.create_index("coverage_runs_by_day", "coverage_runs", ["daily_at"])

    op.create_table(
        "sales_readings",
        *_columns(sa.Text, "source", "period"),
        *_columns(sa.Text, "digest", nullable=True),
        *_columns(_INSTANT, "read_at", nullable=True),
        *_columns(sa.LargeBinary, "content", nullable=True),
        *_columns(_INSTANT, "claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("source", "period"),
    )

    op.create_table(
        "brakes",
        *_columns(sa.Integer, "number", autoincrement=False),
        *_columns(sa.Text, "pulled_by", "pulled_why", "pulled_via"),
        *_columns(_INSTANT, "pulled_at"),
        *_columns(sa.Text, "released_by", "released_why", "released_via", nullable=True),
        *_columns(_INSTANT, "released_at", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )


def _users() -> None:
    op.create_table(
        "users",
        *_columns(sa.Text, "username", "name", "role", "password_hash"),
        *_columns(sa.JSON, "departments"),
        *_columns(_INSTANT, "created_at"),
        *_columns(_INSTANT, "disabled_at", nullable=True),
        sa.PrimaryKeyConstraint("username"),
    )

    op.create_table(
        "sessions",
        *_columns(sa.Text, "token_hash", "username"),
        *_columns(_INSTANT, "created_at", "seen_at", "expires_at"),
        sa.PrimaryKeyConstraint("token_hash"),
        sa.ForeignKeyConstraint(["username"], ["users.username"]),
    )
    op.create_index("sessions_by_username", "sessions", ["username"])

    op.create_table(
        "sign_ins",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "username", "address", "browser"),
        *_columns(sa.Boolean, "accepted"),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("sign_ins_by_address", "sign_ins", ["address", "at"])
    op.create_index("sign_ins_by_at", "sign_ins", ["at"])
    op.create_index("sign_ins_by_username", "sign_ins", ["username", "at"])


def _registrations() -> None:
    op.create_table(
        "registrations",
        *_columns(sa.Text, "registration_id", "email", "email_key", "name", "currency", "timezone", "review_mode"),
        *_columns(sa.JSON, "consent", nullable=True),
        *_columns(sa.Text, "customer_id"),
        *_columns(sa.Text, "payer_id", "phone", "session_id", nullable=True),
        *_columns(sa.JSON, "card", nullable=True),
        *_columns(sa.Text, "state"),
        *_columns(_INSTANT, "created_at", "updated_at"),
        *_columns(_INSTANT, "told_at", nullable=True),
        *_columns(sa.Integer, "revision"),
        *_columns(sa.JSON, "terms", nullable=True),
        sa.PrimaryKeyConstraint("registration_id"),
    )
    op.create_index("registrations_by_customer", "registrations", ["customer_id"], unique=True)
    op.create_index("registrations_by_email", "registrations", ["email_key"])
    op.create_index("registrations_saved", "registrations", ["email_key"], unique=True, **_where("state = 'saved'"))

    op.create_table(
        "registration_tries",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "origin"),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("registration_tries_by_at", "registration_tries", ["at"])
    op.create_index("registration_tries_by_origin", "registration_tries", ["origin", "at"])


def _services() -> None:
    op.create_table(
        "service_accounts",
        *_columns(sa.Text, "number", "customer_id"),
        *_columns(_INSTANT, "opened_at"),
        *_columns(_INSTANT, "closed_at", nullable=True),
        *_columns(sa.Text, "opened_by", "opened_why"),
        *_columns(sa.Text, "closed_by", "closed_why", "phone", "address", "state", "cause", nullable=True),
        *_columns(sa.Text, "address_key", "node", "tags", nullable=True),
        *_columns(_INSTANT, "state_at", nullable=True),
        *_columns(sa.Integer, "position", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("service_accounts_by_customer", "service_accounts", ["customer_id"])
    op.create_index("service_accounts_by_node", "service_accounts", ["node"])
    unpaid = _where("cause = 'non_payment'")
    op.create_index("service_accounts_unpaid", "service_accounts", ["customer_id"], **unpaid)

    op.create_table("service_tags", *_columns(sa.Text, "tag", "number"), sa.PrimaryKeyConstraint("tag", "number"))
    op.create_index("service_tags_by_number", "service_tags", ["number"])

    op.create_table(
        "service_changes",
        *_columns(sa.Text, "number"),
        *_columns(sa.Integer, "position"),
        *_columns(sa.Text, "customer_id", "state", "cause", "key"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "by", nullable=True),
        *_columns(sa.Text, "reason"),
        *_columns(sa.Text, "call", "answer", nullable=True),
        *_columns(_INSTANT, "answered_at", nullable=True),
        *_columns(sa.BigInteger, "journal_position"),
        sa.PrimaryKeyConstraint("number", "position"),
    )
    op.create_index("service_changes_by_key", "service_changes", ["customer_id", "key", "number"], unique=True)


def _announcements() -> None:
    op.create_table(
        "announcements",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "key", "kind", "timezone", "reason"),
        *_columns(_INSTANT, "starts_at", "ends_at"),
        *_columns(sa.JSON, "audience"),
        *_columns(sa.Text, "text", "news", nullable=True),
        *_columns(_INSTANT, "created_at"),
        *_columns(sa.Text, "created_by"),
        *_columns(_INSTANT, "approved_at", "ended_at", nullable=True),
        *_columns(sa.Text, "approved_by", "approved_why", "ended_by", "ended_why", nullable=True),
        *_columns(sa.BigInteger, "corrects", "origin", "replaced_by", nullable=True),
        *_columns(sa.Text, "reference", nullable=True),
        *_columns(sa.Integer, "version"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("announcements_by_key", "announcements", ["key"], unique=True)
    op.create_index("announcements_by_reference", "announcements", ["reference", "version"])
    op.create_index("announcements_by_start", "announcements", ["starts_at"])

    op.create_table(
        "announcement_recipients",
        *_columns(sa.BigInteger, "number"),
        *_columns(sa.Text, "account", "customer_id", "timezone"),
        *_columns(sa.Text, "recipient", nullable=True),
        *_columns(sa.Integer, "page"),
        *_columns(sa.Boolean, "again"),
        *_columns(sa.Text, "state"),
        *_columns(sa.Text, "why", "message_id", nullable=True),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("number", "account"),
    )
    op.create_index("announcement_pages", "announcement_recipients", ["number", "timezone", "page"])
    op.create_index("announcement_recipients_by_customer", "announcement_recipients", ["customer_id"])


def _tasks() -> None:
    op.create_table(
        "tasks",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "kind", "key", "customer_id", "department"),
        *_columns(sa.Text, "account", "order_number", "step", nullable=True),
        *_columns(sa.Text, "crew", "visit_on", nullable=True),
        *_columns(sa.JSON, "values", "form", "returns_to", "answers"),
        *_columns(_INSTANT, "opened_at"),
        *_columns(_INSTANT, "due_at", nullable=True),
        *_columns(_INSTANT, "sort_at"),
        *_columns(sa.Text, "owner", nullable=True),
        *_columns(_INSTANT, "claimed_at", nullable=True),
        *_columns(sa.Text, "outcome", "ended_by", "ended_why", "to_step", nullable=True),
        *_columns(_INSTANT, "ended_at", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("tasks_by_key", "tasks", ["key"], unique=True)
    op.create_index("tasks_by_customer", "tasks", ["customer_id", "opened_at"])
    op.create_index("tasks_by_order", "tasks", ["order_number", "number"], **_where("order_number IS NOT NULL"))
    op.create_index("tasks_by_visit", "tasks", ["crew", "visit_on"], **_where("visit_on IS NOT NULL"))
    is_open, in_order = _where("ended_at IS NULL"), ["sort_at", "number"]
    op.create_index("tasks_open", "tasks", in_order, **is_open)
    op.create_index("tasks_open_by_customer", "tasks", ["customer_id", "kind"], **is_open)
    op.create_index("tasks_open_by_department", "tasks", ["department", *in_order], **is_open)
    op.create_index("tasks_open_by_kind", "tasks", ["kind", *in_order], **is_open)
    op.create_index("tasks_open_by_owner", "tasks", ["owner", *in_order], **is_open)
    op.create_index("tasks_open_of_department_by_kind", "tasks", ["department", "kind", *in_order], **is_open)
    is_unclaimed = _where("(ended_at IS NULL) AND (owner IS NULL)")
    op.create_index("tasks_unclaimed", "tasks", ["department", *in_order], **is_unclaimed)
    has_ended = _where("ended_at IS NOT NULL")
    op.create_index("tasks_ended", "tasks", ["ended_at", "number"], **has_ended)
    newest = ["ended_at", "number"]
    op.create_index("tasks_ended_by_department", "tasks", ["department", *newest], **has_ended)
    op.create_index("tasks_ended_by_kind", "tasks", ["kind", *newest], **has_ended)
    op.create_index("tasks_ended_by_owner", "tasks", ["owner", *newest], **has_ended)
    op.create_index("tasks_open_of_owner_by_kind", "tasks", ["owner", "kind", *in_order], **is_open)
    op.create_index("tasks_ended_of_owner_by_kind", "tasks", ["owner", "kind", *newest], **has_ended)
    op.create_index("tasks_ended_of_department_by_kind", "tasks", ["department", "kind", *newest], **has_ended)


def _what_became_of_tasks() -> None:
    op.create_table(
        "task_log",
        *_columns(_NUMBER, "entry"),
        *_columns(sa.BigInteger, "number"),
        *_columns(sa.Text, "customer_id", "act", "by"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "owner", "department", "reason", "key", nullable=True),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("task_log_by_number", "task_log", ["number", "entry"])
    op.create_index("task_log_by_key", "task_log", ["number", "key"], unique=True)
    op.create_index("task_log_by_customer", "task_log", ["customer_id"])

    op.create_table(
        "documents",
        *_columns(sa.BigInteger, "number", autoincrement=False),
        *_columns(sa.Text, "field", "digest", "customer_id", "name", "media_type", "by"),
        *_columns(sa.Integer, "size"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.LargeBinary, "content"),
        sa.PrimaryKeyConstraint("number", "field", "digest"),
    )
    op.create_index("documents_by_customer", "documents", ["customer_id"])


def _tariffs() -> None:
    op.create_table(
        "tariffs",
        *_columns(sa.Text, "code"),
        *_columns(sa.JSON, "tariff"),
        sa.PrimaryKeyConstraint("code"),
    )

    op.create_table(
        "tariff_items",
        *_columns(sa.Text, "customer_id", "kind", "key"),
        *_columns(sa.JSON, "item"),
        sa.PrimaryKeyConstraint("customer_id", "kind", "key"),
    )

    op.create_table(
        "tariff_log",
        *_columns(_NUMBER, "entry"),
        *_columns(sa.Text, "customer_id", "code", nullable=True),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "by", "reason", "text"),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("tariff_log_by_at", "tariff_log", ["at"])
    op.create_index("tariff_log_by_customer", "tariff_log", ["customer_id", "entry"])


def _billers() -> None:
    op.create_table(
        "personal_numbers",
        *_columns(sa.Text, "digest", "customer_id", "last_four", "by"),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("personal_numbers_by_customer", "personal_numbers", ["customer_id"], unique=True)

    op.create_table(
        "biller_answers",
        *_columns(_NUMBER, "number"),
        *_columns(sa.Text, "rail", "txn_id", "asked", "code"),
        *_columns(sa.LargeBinary, "answer"),
        *_columns(sa.Text, "content_type"),
        *_columns(_INSTANT, "at"),
        *_columns(sa.Text, "payment", nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("biller_answers_by_txn", "biller_answers", ["rail", "txn_id"], unique=True)


def _registers() -> None:
    op.create_table(
        "register_files",
        *_columns(sa.Text, "rail", "day", "digest", "name", "currency"),
        *_columns(sa.Integer, "lines"),
        *_columns(sa.BigInteger, "paid_minor", "reversed_minor"),
        *_columns(sa.Text, "by", nullable=True),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("rail", "day", "digest"),
    )
    op.create_index("register_files_by_day", "register_files", ["day"])
    op.create_index("register_files_by_digest", "register_files", ["digest"])

    op.create_table(
        "register_lines",
        *_columns(sa.Text, "rail", "digest", "day", "reference", "account", "currency"),
        *_columns(sa.Text, "personal", nullable=True),
        *_columns(sa.BigInteger, "amount_minor"),
        *_columns(_INSTANT, "paid_at"),
        *_columns(sa.Text, "original", "decision", "decided_by", "decided_why", nullable=True),
        *_columns(_INSTANT, "decided_at", nullable=True),
        sa.PrimaryKeyConstraint("rail", "digest"),
    )
    op.create_index("register_lines_by_day", "register_lines", ["rail", "day"])
    rejected = _where("decision = 'rejected'")
    op.create_index("register_lines_rejected", "register_lines", ["decided_at"], **rejected)

    op.create_table(
        "file_mappings",
        *_columns(sa.Text, "rail", "kind"),
        *_columns(sa.JSON, "mapping"),
        *_columns(sa.Text, "by"),
        *_columns(_INSTANT, "at"),
        sa.PrimaryKeyConstraint("rail", "kind"),
    )


def _texts() -> None:
    op.create_table(
        "customer_texts",
        *_columns(sa.Text, "message_id", "kind", "customer_id", "recipient", "body", "currency"),
        *_columns(sa.Text, "vendor", "status", "code"),
        *_columns(sa.Text, "period", "vendor_id", nullable=True),
        *_columns(sa.Integer, "segments"),
        *_columns(sa.BigInteger, "cost_micros"),
        *_columns(_INSTANT, "began_at", "tried_at", "at"),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("customer_texts_by_customer", "customer_texts", ["customer_id", "began_at"])
    op.create_index("customer_texts_by_time", "customer_texts", ["began_at"])
    op.create_index("customer_texts_sent", "customer_texts", ["at"], **_where("status = 'sent'"))

    op.create_table(
        "text_days",
        *_columns(sa.Text, "day"),
        *_columns(sa.Integer, "texts", "segments"),
        *_columns(sa.BigInteger, "cost_micros"),
        sa.PrimaryKeyConstraint("day"),
    )


def _columns(type_: Any, *names: str, nullable: bool = False, **options: Any) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_, nullable=nullable, **options) for name in names]


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
