"""Owed changes, the ledger of identities, last good configurations, and the surface of each review."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables, and the column."""
    op.add_column("reviews", sa.Column("surface", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "good_configurations",
        *_make_texts("host", "area", "sha256", "folder", "operation", "at"),
        sa.PrimaryKeyConstraint("host", "area"),
        sqlite_strict=True,
    )
    _make_owed()
    _make_ledger()


def _make_owed() -> None:
    op.create_table(
        "owed",
        sa.Column("number", sa.Integer(), nullable=False),
        *_make_texts("host", "kind", "arguments", "words", "matter", "why", "operation", "requester", "identity"),
        *_make_texts("surface", "channel", "since", "asked"),
        sa.Column("asked_at", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.Text(), nullable=True),
        *_make_texts("settled_by", "reason"),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    unsettled = sa.text("settled_at IS NULL")
    op.create_index("owed_open", "owed", ["host", "words"], unique=True, sqlite_where=unsettled)
    op.create_index("owed_by_operation", "owed", ["operation"])
    op.create_index("owed_by_end", "owed", ["settled_at"])


def _make_ledger() -> None:
    op.create_table(
        "identities",
        *_make_texts("fingerprint", "kind", "name", "address", "groups", "issuer"),
        sa.Column("begins_at", sa.Text(), nullable=True),
        sa.Column("ends_at", sa.Text(), nullable=True),
        *_make_texts("operation"),
        sa.Column("signed_at", sa.Text(), nullable=True),
        sa.Column("abandoned", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint"),
        sqlite_strict=True,
    )
    op.create_index("identities_by_name", "identities", ["name"])
    op.create_index("identities_by_address", "identities", ["address"])
    op.create_table(
        "sightings",
        *_make_texts("fingerprint", "place", "way", "first_at", "at"),
        sa.PrimaryKeyConstraint("fingerprint", "place", "way"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "handshake_positions",
        *_make_texts("host", "at", "position"),
        sa.PrimaryKeyConstraint("host"),
        sqlite_strict=True,
    )


def _make_texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=False) for name in names)
