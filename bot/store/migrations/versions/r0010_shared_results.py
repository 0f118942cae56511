"""Readers of results in an incident's channel: a column that is NULL for all older ones, whose results everyone read."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column."""
    op.add_column("incidents", sa.Column("shared", sa.Integer(), nullable=True))
