"""The first tables, as the statements beside this module make them.

They are text, not the row classes: those change with each later revision, and this one must not.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    statements = Path(__file__).with_name(f"r0001_{op.get_bind().dialect.name}.sql").read_text()
    for statement in statements.split("\n\n"):
        op.execute(statement)
