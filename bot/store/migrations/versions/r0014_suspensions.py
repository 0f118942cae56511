"""Suspended hosts, and owed changes that are due later."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table and the column."""
    op.create_index("audit_of_suspensions", "audit", ["sequence"], sqlite_where=sa.text("kind = 'suspension'"))
    op.add_column("owed", sa.Column("due_at", sa.Text(), nullable=True))
    op.create_table(
        "suspensions",
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("host", "operation", "owner", "state", "since")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("remind_at", "reminded_at", "ended_at")),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    unended = sa.text("ended_at IS NULL")
    op.create_index("suspension_open", "suspensions", ["host"], unique=True, sqlite_where=unended)
