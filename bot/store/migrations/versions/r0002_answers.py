"""Answers that can be looked at again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "answers",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation"),
        sqlite_strict=True,
    )
    op.create_index("answers_by_actor", "answers", ["actor", "made_at"])
    op.create_index("answers_by_end", "answers", ["expires_at"])
    op.create_index("answers_by_words", "answers", ["words", "made_at"])
