"""What reviewers need: flags of invoices, their versions, mails as they were sent, users, the brake, alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("invoices", sa.Column("flags", sa.Text(), nullable=False, server_default=""))
    op.add_column("invoices", sa.Column("needs", sa.Text(), nullable=False, server_default=""))
    op.add_column("invoices", sa.Column("usual_minor", sa.BigInteger(), nullable=True))
    op.add_column("messages", sa.Column("subject", sa.Text(), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("text", sa.Text(), nullable=False, server_default=""))
    op.create_index("decisions_by_at", "decisions", ["at"])
    op.create_index("collection_entries_by_at", "collection_entries", ["at"])
    op.drop_index("invoices_by_period_and_stage", "invoices")
    totals = ["period", "stage", "currency", "total_minor", "version"]
    op.create_index("invoices_by_period_and_stage", "invoices", totals)
    amounts = ["currency", "total_minor", "carried_minor", "usual_minor"]
    listed = ["customer_id", "stage", *amounts, "version", "flags", "revision", "digest"]
    op.create_index("invoices_for_desk", "invoices", ["period", *listed, "outcome", "next_at"])
    needs = sa.text("needs <> ''")
    in_need = ["period", "outcome", "next_at", *listed]
    op.create_index("invoices_in_need", "invoices", in_need, sqlite_where=needs, postgresql_where=needs)
    op.create_table(
        "versions",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoice", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "period", "version", "digest"),
        sa.ForeignKeyConstraint(["customer_id", "period"], ["invoices.customer_id", "invoices.period"]),
    )
    op.create_table(
        "brakes",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pulled_by", sa.Text(), nullable=False),
        sa.Column("pulled_why", sa.Text(), nullable=False),
        sa.Column("pulled_via", sa.Text(), nullable=False),
        sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_why", sa.Text(), nullable=True),
        sa.Column("released_via", sa.Text(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest_id", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    is_untold = sa.text("told_at IS NULL")
    op.create_index("alerts_untold", "alerts", ["at"], sqlite_where=is_untold, postgresql_where=is_untold)
    op.create_table(
        "users",
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("username"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
        sa.ForeignKeyConstraint(["username"], ["users.username"]),
    )
    op.create_index("sessions_by_username", "sessions", ["username"])
    op.create_table(
        "sign_ins",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("sign_ins_by_at", "sign_ins", ["at"])
    op.create_index("sign_ins_by_username", "sign_ins", ["username", "at"])
    op.create_index("sign_ins_by_address", "sign_ins", ["address", "at"])
