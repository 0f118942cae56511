"""Alerts and their moves, silences and maintenance, the traffic of gateways.

Expiry notices become alerts: the newest posted one of each host and CA is an alert that its message shows already, so that
nothing is announced twice. Their messages get the names of messages about alerts. Rows of earlier notices stay until their
messages are edited at the end. A damaged row is deleted: its certificate fires as a new alert, and the bot starts.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_HOST_THRESHOLDS = {"30d": "low", "14d": "medium", "7d": "high", "3d": "high", "1d": "critical"}
_CA_THRESHOLDS = {"180d": "low", "90d": "medium", "60d": "high", "30d": "high"} | dict.fromkeys(
    ("14d", "7d", "3d", "1d"), "critical"
)
"""Severities of the thresholds of expiry notices, in the order in which they are crossed."""

_POSTED = """
SELECT n.*, o.made_at AS posted_at, o.address FROM notices n
JOIN outbox o ON o.id = (SELECT min(id) FROM outbox WHERE operation = n.message AND road = 'post')
WHERE n.closed_at IS NULL ORDER BY n.rowid
"""
_CHANNEL = re.compile(r"[CGDUW][A-Z0-9]{2,20}")
_RENAME = "UPDATE outbox SET operation = :new WHERE operation = :old"


def upgrade() -> None:
    """Make the tables."""
    _make_alerts()
    op.create_table(
        "alert_changes",
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "version"),
        sqlite_strict=True,
    )
    op.create_index("alert_changes_by_time", "alert_changes", ["at"])
    _make_mutes()
    op.create_table(
        "traffic",
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("timed", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.Integer(), nullable=False),
        sa.Column("slowest_ms", sa.Integer(), nullable=False),
        sa.Column("partial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "host"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_positions",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host"),
        sqlite_strict=True,
    )
    _adopt_notices()


def _adopt_notices() -> None:
    """Make an alert of the newest posted notice of each host and CA. Delete it, and notices without an open message."""
    connection = op.get_bind()
    posted = [dict(row) for row in connection.execute(sa.text(_POSTED)).mappings()]
    rows = [row for row in posted if _is_whole(row)]
    names = {row["message"]: _make_message_name(row) for row in rows}
    for old, new in names.items():
        connection.execute(sa.text(_RENAME), {"old": old, "new": new})
    rows = [row | {"message": names[row["message"]]} for row in rows]
    newest = {_find_key(row): row for row in rows}
    kept = [row for row in rows if row not in newest.values()]
    alerts = [{"number": number, **_make_alert(row)} for number, row in enumerate(newest.values(), start=1)]
    _insert(connection, "alerts", alerts)
    _insert(connection, "alert_changes", map(_make_change, alerts))
    connection.execute(sa.text("DELETE FROM notices"))
    _insert(connection, "notices", [{name: row[name] for name in row.keys() - {"posted_at", "address"}} for row in kept])


def _insert(connection: sa.Connection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        connection.execute(sa.table(table, *map(sa.column, row)).insert(), row)


def _is_whole(row: dict[str, Any]) -> bool:
    """Return whether a row can become an alert that can be read."""
    try:
        _rate_threshold(row)
        times = [datetime.fromisoformat(row[name]) for name in ("ends_at", "posted_at")]
        return all(time.tzinfo == UTC for time in times) and isinstance(json.loads(row["address"]), dict)
    except (ValueError, IndexError):
        return False


def _make_message_name(row: dict[str, Any]) -> str:
    """Make the name of a message about alerts, which has the channel where it was posted."""
    address = json.loads(row["address"])
    channel = str(address.get("landed") or address.get("channel"))
    channel = channel if _CHANNEL.fullmatch(channel) else "none"
    return f"alert-{channel}-{row['message'].removeprefix('notice-')}"


def _find_key(row: dict[str, Any]) -> tuple[str, str]:
    return ("", f"ca/{row['fingerprint'][:12]}") if row["authority"] else (row["host"], "certificate")


def _make_alert(row: dict[str, Any]) -> dict[str, Any]:
    host, subject = _find_key(row)
    severity, step = _rate_threshold(row)
    short, why = _describe_authority(row) if row["authority"] else _describe_certificate(row)
    alert = {"host": host, "subject": subject, "severity": severity, "step": step, "message": row["message"]}
    times = dict.fromkeys(("began_at", "checked_at", "first_fired_at", "fired_at", "repeated_at"), row["posted_at"])
    shown = {"state": "firing", "version": 1, "shown": 1, "streak": 0, "cause": "", "acknowledged_by": ""}
    texts = {"short": json.dumps(short), "why": json.dumps(why)}
    if row["authority"]:
        return alert | times | shown | texts | {"condition": "authority", "next": "ca show"}
    return alert | times | shown | texts | {"condition": "certificate", "next": f"cert renew {row['host']}"}


def _make_change(alert: dict[str, Any]) -> dict[str, Any]:
    shared = {name: alert[name] for name in ("version", "state", "severity")}
    return {"alert": alert["number"], "at": alert["fired_at"], "actor": "", **shared}


def _rate_threshold(row: dict[str, Any]) -> tuple[str, int]:
    """Rate a threshold: its severity and its step. The day of `expired 2026-01-31` is one of the configured time zone.

    It may begin before that of UTC, so the step is one more: at worst the notice of one day is not repeated.
    """
    severities = _CA_THRESHOLDS if row["authority"] else _HOST_THRESHOLDS
    threshold: str = row["threshold"]
    if threshold in severities:
        return severities[threshold], list(severities).index(threshold) + 1
    days = (datetime.fromisoformat(threshold.split()[-1]).date() - datetime.fromisoformat(row["ends_at"]).date()).days
    return "critical", len(severities) + 2 + max(0, days)


def _describe_certificate(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe a certificate as JSON of phrases. The next check has the words of that day."""
    fix = {"template": "request the renewal: the bot prepares a plan and asks for approval"}
    template = (
        "the certificate expires at {at}. After that, other hosts no longer accept {host}: tunnels drop, and the "
        "gateway and containers with them. {fix}"
    )
    values = {"at": {"at": row["ends_at"]}, "host": row["host"], "fix": {"phrase": fix}}
    return {"template": "certificate expires"}, {"template": template, "values": values}


def _describe_authority(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    template = (
        "the CA expires at {at}. After that, all hosts signed by this CA expire too and are no longer accepted. "
        "Replacing the CA takes three passes over all hosts, each verified. Start now"
    )
    return {"template": "CA expires", "values": {"name": row["name"]}}, {
        "template": template,
        "values": {"at": {"at": row["ends_at"]}},
    }


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("next", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("began_at", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.Text(), nullable=False),
        sa.Column("first_fired_at", sa.Text(), nullable=True),
        sa.Column("fired_at", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.Text(), nullable=True),
        sa.Column("acknowledged_until", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("repeated_at", sa.Text(), nullable=True),
        sa.Column("escalated_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("alerts_open", "alerts", ["host", "subject"], unique=True, sqlite_where=sa.text("resolved_at IS NULL"))
    op.create_index("alerts_by_message", "alerts", ["message"])
    op.create_index("alerts_by_end", "alerts", ["resolved_at"])
    op.create_index("alerts_unshown", "alerts", ["number"], sqlite_where=sa.text("version > shown"))


def _make_mutes() -> None:
    op.create_table(
        "mutes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.Text(), nullable=False),
        sa.Column("reminded_at", sa.Text(), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("operation"),
        sqlite_strict=True,
    )
    op.create_index("mutes_by_end", "mutes", ["ends_at"])
