"""Customers who register themselves, or are imported with a token; and how often somebody tries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("registration_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("review_mode", sa.Text(), nullable=False),
        sa.Column("consent", sa.JSON(), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("stripe_customer_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=True),
        sa.Column("card_last4", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("registration_id"),
    )
    op.create_index("registrations_by_customer", "registrations", ["customer_id"], unique=True)
    op.create_index("registrations_by_email", "registrations", ["email_key"])
    is_saved = sa.text("state = 'saved'")
    op.create_index(
        "registrations_saved",
        "registrations",
        ["email_key"],
        unique=True,
        sqlite_where=is_saved,
        postgresql_where=is_saved,
    )
    op.create_table(
        "registration_tries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("registration_tries_by_origin", "registration_tries", ["origin", "at"])
    op.create_index("registration_tries_by_at", "registration_tries", ["at"])
