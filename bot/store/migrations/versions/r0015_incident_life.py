"""The life of incidents: their states and timelines, and what people were shown of them.

Requests that were stored with an incident become entries of its timeline. Those of before have no audit number, because
none was stored with them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TRIGGERS = (
    "CREATE TRIGGER incident_timeline_no_update BEFORE UPDATE ON incident_timeline "
    "BEGIN SELECT RAISE(ABORT, 'entries of timelines are only ever appended'); END",
    "CREATE TRIGGER incident_timeline_no_delete BEFORE DELETE ON incident_timeline "
    "BEGIN SELECT RAISE(ABORT, 'entries of timelines are only ever appended'); END",
)

_TAKE_REQUESTS = """
INSERT INTO incident_timeline (incident, number, source, kind, happened_at, recorded_at, author, text, hosts, words,
                               operation, link, about)
SELECT incident, row_number() OVER (PARTITION BY incident ORDER BY at, operation), 'operation:' || operation, 'look', at, at,
       actor, answer, '', words, operation, '', 0
FROM incident_entries
"""


def upgrade() -> None:
    """Make the columns and the tables."""
    op.add_column("incidents", sa.Column("state", sa.Text(), nullable=False, server_default="open"))
    op.add_column("incidents", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("incidents", sa.Column("document", sa.Text(), nullable=True))
    op.execute("UPDATE incidents SET state = 'resolved' WHERE resolved_at IS NOT NULL")
    op.drop_index("incidents_open", "incidents")
    worked_on = sa.text("state IN ('open', 'mitigated') AND channel <> ''")
    op.create_index("incidents_open", "incidents", ["channel"], unique=True, sqlite_where=worked_on)
    op.create_index("incidents_by_state", "incidents", ["state"])
    op.create_table(
        "incident_timeline",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("incident", "number")),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("source", "kind", "happened_at", "recorded_at", "author", "text", "hosts", "words")
        ),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("operation", "link")),
        sa.Column("about", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("incident", "number"),
        sa.UniqueConstraint("incident", "source"),
        sqlite_strict=True,
    )
    op.create_index("incident_timeline_by_time", "incident_timeline", ["incident", "happened_at"])
    op.execute(_TAKE_REQUESTS)
    for trigger in _TRIGGERS:
        op.execute(trigger)
    op.create_table(
        "incident_position",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "incident_deliveries",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("incident", "posting")),
        sa.Column("shown", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("replied", "announced")),
        sa.Column("asked", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("asked_at", "offered_at", "called_at")),
        sa.Column("proposed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("incident"),
        sqlite_strict=True,
    )
