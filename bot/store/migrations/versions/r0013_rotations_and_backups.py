"""Rotations of the CA, backups, encrypted copies of CA keys, and drills."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables."""
    op.create_index("audit_of_rotations", "audit", ["sequence"], sqlite_where=sa.text("kind = 'rotation'"))
    _make_rotations()
    _make_backups()
    op.create_table(
        "drills",
        sa.Column("number", sa.Integer(), nullable=False),
        *_make_texts("authority", "public_key", "opened_at", "ends_at", "opened_by"),
        sa.Column("passed_at", sa.Text(), nullable=True),
        *_make_texts("passed_by", "fingerprint"),
        sa.Column("refused_at", sa.Text(), nullable=True),
        *_make_texts("fault"),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )


def _make_rotations() -> None:
    op.create_table(
        "rotations",
        sa.Column("number", sa.Integer(), nullable=False),
        *_make_texts("stage", "old", "new", "canary"),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lazy", sa.Integer(), nullable=False),
        *_make_texts("operation", "started_at"),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    unended = sa.text("ended_at IS NULL")
    op.create_index("rotation_open", "rotations", [sa.text("(ended_at IS NULL)")], unique=True, sqlite_where=unended)
    op.create_table(
        "rotation_members",
        sa.Column("rotation", sa.Integer(), nullable=False),
        *_make_texts("host"),
        *_make_times("trusts_at", "signed_at", "dropped_at", "seen_at", "left_at"),
        sa.PrimaryKeyConstraint("rotation", "host"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_backups() -> None:
    op.create_table(
        "backups",
        *_make_texts("id", "host", "at", "operation", "manifest", "manifest_sha256", "first", "second"),
        *_make_times("checked_at", "verified_at"),
        *_make_texts("fault"),
        *_make_times("removed_at"),
        *_make_texts("files"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("backups_by_host", "backups", ["host", "at"])
    op.create_table(
        "key_backups",
        *_make_texts("id", "authority", "name", "recipients"),
        sa.Column("size", sa.Integer(), nullable=False),
        *_make_texts("sha256", "certificate_sha256", "manifest_sha256", "at", "operation", "first", "second"),
        *_make_times("checked_at", "verified_at"),
        *_make_texts("fault"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("key_backups_by_authority", "key_backups", ["authority", "at"])


def _make_texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=False) for name in names)


def _make_times(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=True) for name in names)
