"""Rows as values: each comes back as it was, whatever its text, and a damaged one hides no other."""

from dataclasses import dataclass, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Text, literal, update

from adapters.phrase import Phrase
from bot.alerts.tables import history, mutes
from bot.changes.tables import locks, owed
from bot.model.alert import Alert, AlertChange, AlertState, Mute, MuteKind
from bot.model.lock import Lock
from bot.model.owed import OwedChange
from bot.model.request import Membership, SlackIdentity, Surface
from bot.model.schedule import RunOutcome, Schedule, ScheduleOrigin, ScheduleRun
from bot.schedules.tables import schedules
from bot.store import checks
from bot.store.database import Database
from bot.store.rows import Rows
from bot.store.schema.column_types import Coded, UtcText
from commands.alerts.conditions import Condition
from commands.model.check import Area, StoredCheck
from commands.model.finding import Finding, Severity
from commands.model.owed import Matter

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
LATER = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
WHY = Phrase("{why}", why="日本 \ud800")
IDENTITY = SlackIdentity("T1", "U1", Membership.MEMBER, frozenset({"S1"}))
FINDING = Finding(severity=Severity.HIGH, host="host-a", subject="F:", why=WHY, short=WHY, next="disk")


@dataclass(frozen=True)
class Sample:
    """Two values of one table, which differ in `key`. A damaged row is left out, unless it is `repaired`."""

    rows: Rows[Any]
    first: Any
    key: str
    second: Any
    repaired: bool = False

    @property
    def values(self) -> tuple[Any, Any]:
        """The two values, as they come back."""
        return self.first, change(self.first, **{self.key: self.second} | self._count())

    def _count(self) -> dict[str, Any]:
        return {"number": 2} if hasattr(self.first, "number") else {}


MUTE = Mute(
    number=1,
    kind=MuteKind.SILENCE,
    what="a",
    reason="b",
    owner="ana",
    identity="{}",
    operation="1",
    channel="",
    added_at=NOW,
    ends_at=NOW,
    reminded_at=NOW,
)
ALERT = Alert(
    number=1,
    host="1",
    subject="disk",
    condition=next(iter(Condition)),
    severity=Severity.HIGH,
    state=AlertState.FIRING,
    short=WHY,
    why=WHY,
    outcome=WHY,
    began_at=NOW,
    checked_at=NOW,
    first_fired_at=NOW,
    fired_at=NOW,
    resolved_at=NOW,
    acknowledged_at=NOW,
    acknowledged_until=NOW,
    repeated_at=NOW,
    escalated_at=NOW,
)
OWED = OwedChange(
    host="1",
    kind="cert renew",
    arguments={"target": ["ホスト"]},
    words="cert renew",
    matter=Matter.CHANGE,
    why=WHY,
    operation="op-1",
    requester="ana",
    identity=IDENTITY,
    surface=Surface.SLACK,
    channel="C1",
    since=NOW,
    asked_at=NOW,
    note=WHY,
    settled_at=NOW,
    number=1,
    due_at=NOW,
)
SCHEDULE = Schedule("1", ScheduleOrigin.ADDED, "0 9 * * *", "UTC", "health", "", "run", "ana", "", NOW, why=WHY)

SAMPLES = {
    "mutes": Sample(mutes.MUTES, MUTE, "operation", "2"),
    "alerts": Sample(history.ALERTS, ALERT, "host", "2"),
    "alert changes": Sample(
        history.ALERT_CHANGES,
        AlertChange(alert=1, at=NOW, state=AlertState.FIRING, severity=Severity.HIGH, actor="ana"),
        "version",
        2,
    ),
    "locks": Sample(
        locks.LOCKS, Lock("1", "all", "b", "ana", NOW, LATER, removed_by="", number=1), "operation", "2", repaired=True
    ),
    "owed": Sample(owed.OWED, OWED, "host", "2", repaired=True),
    "checks": Sample(
        checks.CHECKS, StoredCheck(host="1", area=Area.DISKS, at=NOW, findings=(FINDING,), ends_at=NOW), "host", "2"
    ),
    "schedules": Sample(schedules.SCHEDULES, SCHEDULE, "name", "2", repaired=True),
    "runs": Sample(schedules.RUNS, ScheduleRun("1", NOW, "op-1", RunOutcome.DONE, NOW, 2, NOW), "schedule", "2"),
}
CELLS = [
    (name, column.name)
    for name, sample in SAMPLES.items()
    for column in sample.rows.c
    if isinstance(column.type, Coded | UtcText) and column.name in sample.rows.names
]


def change(value: Any, **given: Any) -> Any:
    """Change fields of a value."""
    return replace(value, **given) if is_dataclass(value) and not isinstance(value, type) else value.model_copy(update=given)


def store(connection: Connection, sample: Sample) -> None:
    """Store both values of a sample."""
    sample.rows.store(connection, sample.rows.insert, sample.values)


def list_all(connection: Connection, sample: Sample) -> tuple[Any, ...]:
    """List the rows of a sample, the first value first."""
    return sample.rows.list(connection, sample.rows.select().order_by(sample.rows.c[sample.key]))


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_value_comes_back_as_it_was(database: Database, name: str) -> None:
    sample = SAMPLES[name]

    def work(connection: Connection) -> tuple[Any, ...]:
        store(connection, sample)
        return list_all(connection, sample)

    assert sample.values == await database.run(work)


@pytest.mark.parametrize(("name", "cell"), CELLS)
@pytest.mark.parametrize("damage", ["{damaged", "[]", "2026-01-31T09:00:00"])
async def test_a_damaged_cell_hides_no_other_row(database: Database, name: str, cell: str, damage: str) -> None:
    sample = SAMPLES[name]

    def work(connection: Connection) -> tuple[Any, ...]:
        store(connection, sample)
        first = sample.rows.c[sample.key] == getattr(sample.first, sample.key)
        connection.execute(update(sample.rows.table).where(first).values({cell: literal(damage, Text)}))
        return list_all(connection, sample)

    found = await database.run(work)
    assert sample.values[1] == found[-1]
    assert sample.values[0] != found[0]
    readable = (cell, damage) == ("findings", "[]")
    assert (2 if sample.repaired or readable else 1) == len(found)


async def test_a_damaged_lock_forbids_changes_until_it_is_removed(database: Database) -> None:
    table = locks.LockTable(database)
    await table.add(SAMPLES["locks"].first)

    def work(connection: Connection) -> None:
        connection.execute(update(locks.LOCKS.table).values({"ends_at": literal("{damaged", Text)}))

    await database.run(work)
    assert [("all", True)] == [(each.target, each.ends_at > LATER) for each in await table.list_since(NOW)]
    await table.remove(1, "ana", NOW)
    assert () == await table.list_since(NOW)


async def test_a_damaged_schedule_is_listed_as_paused(database: Database) -> None:
    table = schedules.ScheduleTable(database)
    await table.add(SCHEDULE)

    def work(connection: Connection) -> None:
        connection.execute(update(schedules.SCHEDULES.table).values({"origin": "of the future"}))

    await database.run(work)
    assert [(True, schedules.DAMAGED)] == [(each.paused, each.why) for each in await table.list_all()]


async def test_what_no_database_stores_is_escaped_and_found(database: Database) -> None:
    rows = mutes.MUTES

    def work(connection: Connection) -> Any:
        rows.store(connection, rows.insert, [change(MUTE, what="a\0b\ud800")])
        return rows.find(connection, rows.select(rows.c.what == "a\0b\ud800"))

    assert "a\\x00b\\ud800" == (await database.run(work)).what
