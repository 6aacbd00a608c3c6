"""What was agreed with customers who are imported with a token."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("registrations", sa.Column("terms", sa.JSON(), nullable=True))
