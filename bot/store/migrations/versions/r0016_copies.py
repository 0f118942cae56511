"""Several copies of the bot over one database: which of them leads, and which there are.

PostgreSQL has other functions of JSON, so what is searched in it becomes columns. No earlier revision is run there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the columns and the tables."""
    _copies()
    _operations()
    _outbox()
    op.drop_table("notices")


def _outbox() -> None:
    for name in ("replaces", "below", "after"):
        op.add_column("outbox", sa.Column(name, sa.Integer(), nullable=True))
    for name in ("edits", "channel", "landed"):
        op.add_column("outbox", sa.Column(name, sa.Text(), nullable=True))
    op.execute(
        "UPDATE outbox SET replaces = json_extract(address, '$.replaces'), below = json_extract(address, '$.below'), "
        "after = json_extract(address, '$.after'), edits = json_extract(address, '$.ts'), "
        "channel = json_extract(address, '$.channel'), landed = json_extract(address, '$.landed') "
        "WHERE json_valid(address)"  # a damaged row is left as it is, for those who look for it
    )


def _operations() -> None:
    op.add_column("operations", sa.Column("review_open", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE operations SET review_open = 1 "
        "WHERE CASE WHEN json_valid(break_glass) THEN json_extract(break_glass, '$.reviewed_by') = '' END"
    )
    op.create_index("operations_unreviewed", "operations", ["asked_at"], sqlite_where=sa.text("review_open = 1"))
    op.create_table(
        "operation_hosts",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "host"),
        sqlite_strict=True,
    )
    op.create_index("operation_hosts_by_host", "operation_hosts", ["host"])
    op.execute(
        "INSERT INTO operation_hosts (operation, host) "
        "SELECT DISTINCT operation, value FROM operations, json_each(operations.hosts)"
    )


def _copies() -> None:
    op.add_column("inbox", sa.Column("taken_by", sa.Text(), nullable=True))
    op.add_column("inbox", sa.Column("mac", sa.Text(), nullable=True))
    accepted = sa.text("kind = 'accepted'")
    op.create_index("audit_of_acceptances", "audit", ["sequence"], sqlite_where=accepted, postgresql_where=accepted)
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
    op.create_table(
        "step_starts",
        sa.Column("operation", sa.Text(), primary_key=True),
        sa.Column("step", sa.Text(), primary_key=True),
        sa.Column("starts", whole, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "host_files",
        sa.Column("id", whole, primary_key=True),
        sa.Column("number", whole, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
