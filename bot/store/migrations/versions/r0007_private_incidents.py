"""Privacy of incidents: a column that is NULL while it is not known, as for all older ones."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("incidents", sa.Column("private", sa.Integer(), nullable=True))
