"""Indexes with which a customer among a hundred thousand is found by card or Stripe customer."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("customers_by_stripe_customer", "customers", ["stripe_customer_id"])
    op.create_index("customers_by_card", "customers", ["payment_method_id"])
