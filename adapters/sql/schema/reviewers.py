"""Tables of reviewers: what they are told, who they are, and the emergency brake."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index

from adapters.sql.core.columns import (
    PlainText,
    amounts,
    counter,
    flags,
    instants,
    json,
    key,
    number,
    partial_index,
    table,
    texts,
)

alerts: Final = table(
    "alerts",
    *key("alert_id"),
    *texts("kind", "customer_id", "period", "order_number", "text", "currency"),  # order_number "": about none
    *json("remedies"),  # what a person can do about it
    *amounts("amount_minor", nullable=True),
    *instants("at"),
    *texts("digest_id", nullable=True),  # NULL: in no digest yet
    *instants("told_at", nullable=True),
    partial_index("alerts_untold", "at", where="told_at IS NULL"),
)


# The emergency brake: on while the last row is not released.
brakes: Final = table(
    "brakes",
    *number("number"),
    *texts("pulled_by", "pulled_why", "pulled_via"),
    *instants("pulled_at"),
    *texts("released_by", "released_why", "released_via", nullable=True),
    *instants("released_at", nullable=True),
)


users: Final = table(
    "users",
    *key("username"),
    *texts("name", "role", "password_hash"),
    *json("departments"),
    *instants("created_at"),
    *instants("disabled_at", nullable=True),
)


sessions: Final = table(
    "sessions",
    *key("token_hash"),
    Column("username", PlainText, ForeignKey("users.username"), nullable=False),
    *instants("created_at", "seen_at", "expires_at"),
    Index("sessions_by_username", "username"),
)


# Attempts to sign in, for throttling and for the record.
sign_ins: Final = table(
    "sign_ins",
    *counter("number"),
    *texts("username", "address"),
    *texts("browser"),  # one in which the user has signed in before; "": none
    *flags("accepted"),
    *instants("at"),
    Index("sign_ins_by_at", "at"),
    Index("sign_ins_by_username", "username", "at"),
    Index("sign_ins_by_address", "address", "at"),
)
