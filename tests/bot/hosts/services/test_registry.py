"""The suspended hosts: events first, then rows, also through crashes and with rows that were edited."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.hosts.services.suspensions import ReminderServices, SuspensionRegistry, SuspensionReminder
from bot.hosts.tables import SuspensionTable
from bot.model.announcement import Announcement
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable
from commands.model.suspension import Suspension
from tests.bot.certificates.runs import make_trail
from tests.bot.changes.workflow_team import Log
from tests.bot.hosts.rules.test_moves import resuming, suspending
from tests.commands.canned import NOW


class Table(SuspensionTable):
    """A table whose database fails while it is `broken`."""

    broken = False

    async def store(self, suspensions: Any, at: datetime) -> None:
        if self.broken:
            raise DatabaseUnavailable(Phrase("the disk is gone"))
        await super().store(suspensions, at)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def table(database: Database) -> Table:
    return Table(database)


def start(table: Table, log: Log) -> SuspensionRegistry:
    """The registry of a bot that was started just now."""
    return SuspensionRegistry(table, log, lambda: NOW)


async def suspend(registry: SuspensionRegistry, **given: Any) -> None:
    record = await suspending(**given)
    await registry.follow_run(record, make_trail(record))


def ends(log: Log) -> list[bool]:
    return [data["ended"] for kind, _, _, data in log.events if kind is EventKind.SUSPENSION]


async def rows(database: Database) -> list[tuple[int, str, bool]]:
    found = await database.read(
        lambda connection: connection.execute(text("SELECT number, host, ended_at FROM suspensions ORDER BY number")).all()
    )
    return [(row.number, row.host, row.ended_at is not None) for row in found]


async def test_runs_suspend_a_host_and_resume_it_and_the_next_one_gets_the_next_number(
    table: Table, log: Log, database: Database
) -> None:
    registry = start(table, log)
    await suspend(registry)
    assert ["host-b"] == list(await registry.find_open())
    record = await resuming()
    await registry.follow_run(record, make_trail(record))
    assert {} == await registry.find_open()
    await suspend(registry)

    assert [(1, "host-b", True), (2, "host-b", False)] == await rows(database)
    assert [False, True, False] == ends(log)


@pytest.mark.parametrize(("minutes", "muting"), [(0, [1]), (4, [1]), (5, [])])
async def test_alerts_stay_muted_after_a_resume_until_checks_have_seen_the_host(
    table: Table, log: Log, minutes: int, muting: list[int]
) -> None:
    times = [NOW]
    registry = SuspensionRegistry(table, log, lambda: times[-1])
    await suspend(registry)
    assert [1] == [each.number for each in await registry.read_muting()]
    record = await resuming()
    await registry.follow_run(record, make_trail(record))
    times.append(NOW + timedelta(minutes=minutes))

    assert {} == await registry.find_open()
    assert muting == [each.number for each in await registry.read_muting()]


async def test_a_run_that_comes_again_after_a_crash_is_recorded_once_and_its_row_is_written(
    table: Table, log: Log, database: Database
) -> None:
    table.broken = True
    with pytest.raises(DatabaseUnavailable):
        await suspend(start(table, log))
    table.broken = False
    assert ["host-b"] == list(await start(table, log).find_open())
    await suspend(start(table, log))

    assert ([False], [(1, "host-b", False)]) == (ends(log), await rows(database))


@pytest.mark.parametrize("damage", ["DELETE FROM suspensions", "UPDATE suspensions SET ended_at = since, state = '{}'"])
async def test_rows_decide_nothing(table: Table, log: Log, database: Database, damage: str) -> None:
    await suspend(start(table, log))
    await database.run(lambda connection: connection.execute(text(damage)))

    assert ["host-b"] == list(await start(table, log).read_known())


async def test_an_event_of_another_version_is_left_out(table: Table, log: Log) -> None:
    await log.record(EventKind.SUSPENSION, "alice", "op-0", {"suspension": {"number": 4, "planet": "mars"}, "ended": False})
    registry = start(table, log)
    await suspend(registry)

    assert [1] == [each.number for each in (await registry.find_open()).values()]


class Channel:
    """What was announced. `record` is of the request that suspended the host."""

    def __init__(self, record: Any) -> None:
        self.record = record
        self.posted: list[tuple[str, str]] = []

    async def announce(self, announcement: Announcement) -> None:
        self.posted.append((announcement.name, announcement.channel))

    async def get(self, operation: str) -> Any:
        return self.record


def name_reminder(hours: int) -> str:
    return f"suspension-1-over-{int((NOW + timedelta(hours=hours)).timestamp())}"


@pytest.mark.parametrize(
    ("hours", "posted"),
    [(None, []), (4, []), (1, [(name_reminder(1), "C1")])],
    ids=["no time", "not yet", "over"],
)
async def test_its_owner_is_reminded_once_when_the_time_is_over(
    table: Table, log: Log, hours: int | None, posted: list[tuple[str, str]]
) -> None:
    registry, channel = start(table, log), Channel(None)
    await suspend(registry, for_=None if hours is None else timedelta(hours=hours))
    reminder = SuspensionReminder(registry, ReminderServices(channel, channel, lambda: "C1"))
    for _ in range(2):
        await reminder.remind(NOW + timedelta(hours=2))

    assert posted == channel.posted
    assert ["host-b"] == list(await registry.find_open())


async def test_a_suspension_that_is_continued_for_another_time_reminds_again(table: Table, log: Log) -> None:
    registry, channel = start(table, log), Channel(None)
    reminder = SuspensionReminder(registry, ReminderServices(channel, channel, lambda: "C1"))
    for hours in (1, 5):
        await suspend(registry, for_=timedelta(hours=hours))
        for later in (hours - 1, hours, hours + 1):
            await reminder.remind(NOW + timedelta(hours=later))

    assert [(name_reminder(1), "C1"), (name_reminder(5), "C1")] == channel.posted


async def test_a_state_that_says_how_far_it_came_reads_well(table: Table, log: Log) -> None:
    partial = Suspension(
        number=1,
        host="host-b",
        reason="RAM swap",
        owner="alice",
        operation="op-1",
        since=NOW,
        complete=False,
        note=Phrase("Nebula is not started"),
    )

    assert "only partly suspended since 2026-11-25 09:10:00 UTC by alice: RAM swap (Nebula is not started)" == str(
        partial.phrase
    )
