"""Several copies of the bot over one database: which of them leads, and which there are."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the columns and the tables."""
    op.add_column("inbox", sa.Column("taken_by", sa.Text(), nullable=True))
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "leader",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("term", whole, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("audit_key", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "copies",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("audit_key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("clock_ms", whole, nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
