"""Expiry notices of an older database: the newest one of each certificate becomes an alert that its message shows."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from bot.model.alert import Alert, AlertState
from bot.store.alerts import AlertTable
from bot.store.database import LOCK_TIMEOUT, Database, make_private
from bot.store.sqlite_connection import SqliteConnection
from bot.store.upgrade import make_alembic_config, upgrade_database
from commands.alerts.conditions import Condition
from commands.model.finding import Severity

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
ENDS = "2026-02-10T20:00:00.000000Z"
POSTED = "2026-01-{day:02}T00:10:00.000000Z"
HOST_A, HOST_B, CA = "a" * 64, "b" * 64, "c" * 64


class Past:
    """A database before alerts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        make_private(path)
        line = SqliteConnection(path, LOCK_TIMEOUT)
        with line.transaction("BEGIN IMMEDIATE") as connection:
            config = make_alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0010")
        line.close()

    def add(self, fingerprint: str, threshold: str, message: str, host: str = "host-a", **more: Any) -> None:
        """Adds a notice that was posted, unless `posted` is None."""
        row = {
            "fingerprint": fingerprint,
            "threshold": threshold,
            "name": host or "Flatnet CA",
            "host": host,
            "authority": int(not host),
            "ends_at": ENDS,
            "said_at": None,
            "message": message,
            "closed_at": None,
        }
        posted, address = more.pop("posted", POSTED.format(day=30)), more.pop("address", '{"channel": "C0OPS"}')
        with closing(sqlite3.connect(self.path)) as line:
            _insert(line, "notices", row | more)
            if posted is not None and not line.execute("select 1 from outbox where operation = ?", (message,)).fetchone():
                _insert(line, "outbox", _make_post(message, posted) | {"address": address})
            line.commit()

    async def upgrade(self) -> tuple[list[Alert], list[tuple[str, str]]]:
        """The alerts after the upgrade, with the notices that are left, by threshold and message."""
        upgrade_database(self.path, NOW)
        database = Database.open(self.path)
        try:
            alerts = await AlertTable(database).list_open()
            for alert in alerts:
                (change,) = await AlertTable(database).list_changes(alert.number)
                assert (alert.version, alert.state, alert.fired_at) == (change.version, change.state, change.at)
        finally:
            await database.aclose()
        with closing(sqlite3.connect(self.path)) as line:
            messages = {name for (name,) in line.execute("select operation from outbox")}
            assert {alert.message for alert in alerts} <= messages
            return list(alerts), line.execute("select threshold, message from notices order by rowid").fetchall()


def _insert(line: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    line.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def _make_post(message: str, posted: str) -> dict[str, Any]:
    texts = dict.fromkeys(("conversation", "why", "ts"), "") | {"operation": message, "road": "post", "state": "sent"}
    times = dict.fromkeys(("made_at", "next_try_at", "ended_at"), posted)
    return {**texts, **times, "address": '{"channel": "C0OPS"}', "message": "{}", "attempts": 1, "maybe_sent": 0}


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path / "flatnet.sqlite3")


async def test_the_newest_notice_of_a_host_becomes_an_alert_that_was_shown(past: Past) -> None:
    past.add(HOST_A, "30d", "notice-1", posted=POSTED.format(day=11))
    past.add(HOST_A, "14d", "notice-2", posted=POSTED.format(day=27))
    (alert,), left = await past.upgrade()
    at = datetime(2026, 1, 27, 0, 10, tzinfo=UTC)
    assert ("host-a/certificate", Condition.CERTIFICATE, AlertState.FIRING) == (alert.key, alert.condition, alert.state)
    assert (Severity.MEDIUM, 2, "alert-C0OPS-2", at) == (alert.severity, alert.step, alert.message, alert.fired_at)
    assert (alert.version, at) == (alert.shown, alert.repeated_at)
    assert ("certificate expires", "cert renew host-a") == (str(alert.short), alert.next)
    assert str(alert.why).startswith(
        "the certificate expires at 2026-02-10 20:00:00 UTC. After that, other hosts no longer accept host-a"
    )
    assert str(alert.why).endswith("with them. Request the renewal: the bot prepares a plan and asks for approval")
    assert [("30d", "alert-C0OPS-1")] == left


async def test_a_ca_and_hosts_of_one_message_keep_it(past: Past) -> None:
    past.add(CA, "90d", "notice-1", host="")
    past.add(HOST_A, "7d", "notice-2")
    past.add(HOST_B, "7d", "notice-2", host="host-b")
    alerts, left = await past.upgrade()
    assert [
        (f"ca/{CA[:12]}", "alert-C0OPS-1"),
        ("host-a/certificate", "alert-C0OPS-2"),
        ("host-b/certificate", "alert-C0OPS-2"),
    ] == [(alert.key, alert.message) for alert in alerts]
    assert ("CA expires", "ca show", Severity.MEDIUM, 2) == (
        str(alerts[0].short),
        alerts[0].next,
        alerts[0].severity,
        alerts[0].step,
    )
    assert [] == left


@pytest.mark.parametrize(
    ("threshold", "host", "severity", "step"),
    [
        ("30d", "host-a", Severity.LOW, 1),
        ("3d", "host-a", Severity.HIGH, 4),
        ("1d", "host-a", Severity.CRITICAL, 5),
        ("expired 2026-02-11", "host-a", Severity.CRITICAL, 8),
        ("expired 2026-02-09", "host-a", Severity.CRITICAL, 7),
        ("180d", "", Severity.LOW, 1),
        ("1d", "", Severity.CRITICAL, 8),
        ("expired 2026-02-12", "", Severity.CRITICAL, 12),
    ],
)
async def test_a_threshold_is_a_severity_and_a_step(
    past: Past, threshold: str, host: str, severity: Severity, step: int
) -> None:
    past.add(HOST_A, threshold, "notice-1", host=host)
    (alert,), _ = await past.upgrade()
    assert (severity, step) == (alert.severity, alert.step)


async def test_what_was_closed_or_never_posted_is_announced_as_a_new_alert(past: Past) -> None:
    past.add(HOST_A, "30d", "notice-1", closed_at=POSTED.format(day=28))
    past.add(HOST_B, "30d", "notice-2", host="host-b", posted=None)
    past.add(HOST_B, "14d", "notice-3", host="host-b", posted=None, said_at=POSTED.format(day=28))
    assert ([], []) == await past.upgrade()


async def test_without_notices_there_is_nothing_to_adopt(past: Past) -> None:
    assert ([], []) == await past.upgrade()


@pytest.mark.parametrize(
    "damaged",
    [
        {"threshold": ""},
        {"threshold": "soon"},
        {"threshold": "expired 2026-13-99"},
        {"ends_at": "never"},
        {"ends_at": "2026-02-10T20:00:00"},
        {"posted": "yesterday"},
        {"address": "x"},
        {"address": "[]"},
        {"address": "null"},
    ],
)
async def test_a_damaged_notice_is_left_out_and_others_are_adopted(past: Past, damaged: dict[str, Any]) -> None:
    past.add(HOST_A, message="notice-1", **({"threshold": "30d"} | damaged))
    past.add(HOST_B, "30d", "notice-2", host="host-b")
    alerts, left = await past.upgrade()
    assert (["host-b/certificate"], []) == ([alert.key for alert in alerts], left)


async def test_a_damaged_channel_is_none(past: Past) -> None:
    past.add(HOST_A, "30d", "notice-1", address='{"channel": "C0-OPS"}')
    (alert,), _ = await past.upgrade()
    assert "alert-none-1" == alert.message
