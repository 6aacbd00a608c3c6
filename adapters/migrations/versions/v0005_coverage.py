"""The heartbeat of coverage, and an index of the months that are open."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "coverage_runs",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("period"),
    )
    op.create_index("coverage_runs_by_at", "coverage_runs", ["at"])
    is_open = sa.text("outcome IS NULL")
    op.create_index("invoices_open", "invoices", ["next_at"], sqlite_where=is_open, postgresql_where=is_open)
