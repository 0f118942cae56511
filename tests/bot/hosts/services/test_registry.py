"""The suspended hosts: moved by signed events alone, also through crashes."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.hosts.services.suspensions import ReminderServices, SuspensionRegistry, SuspensionReminder
from bot.hosts.tables import SuspensionReminderTable
from bot.model.announcement import Announcement
from bot.store.database import Database
from commands.model.suspension import Suspension
from tests.bot.certificates.runs import make_trail
from tests.bot.changes.workflow_team import Log
from tests.bot.hosts.rules.test_moves import resuming, suspending
from tests.commands.canned import NOW


@pytest.fixture
def log() -> Log:
    return Log()


def start(log: Log) -> SuspensionRegistry:
    """The registry of a bot that was started just now."""
    return SuspensionRegistry(log, lambda: NOW)


async def suspend(registry: SuspensionRegistry, **given: Any) -> None:
    record = await suspending(**given)
    await registry.follow_run(record, make_trail(record))


def ends(log: Log) -> list[bool]:
    return [data["ended"] for kind, _, _, data in log.events if kind is EventKind.SUSPENSION]


async def test_runs_suspend_a_host_and_resume_it_and_the_next_one_gets_the_next_number(log: Log) -> None:
    registry = start(log)
    await suspend(registry)
    assert ["host-b"] == list(await registry.find_open())
    record = await resuming()
    await registry.follow_run(record, make_trail(record))
    assert {} == await registry.find_open()
    await suspend(registry)

    assert [2] == [each.number for each in (await registry.find_open()).values()]
    assert [False, True, False] == ends(log)


@pytest.mark.parametrize(("minutes", "muting"), [(0, [1]), (4, [1]), (5, [])])
async def test_alerts_stay_muted_after_a_resume_until_checks_have_seen_the_host(
    log: Log, minutes: int, muting: list[int]
) -> None:
    times = [NOW]
    registry = SuspensionRegistry(log, lambda: times[-1])
    await suspend(registry)
    assert [1] == [each.number for each in await registry.read_muting()]
    record = await resuming()
    await registry.follow_run(record, make_trail(record))
    times.append(NOW + timedelta(minutes=minutes))

    assert {} == await registry.find_open()
    assert muting == [each.number for each in await registry.read_muting()]


async def test_a_run_that_comes_again_after_a_crash_is_recorded_once(log: Log) -> None:
    await suspend(start(log))
    assert ["host-b"] == list(await start(log).find_open())
    await suspend(start(log))

    assert [False] == ends(log)


async def test_an_event_of_another_version_is_left_out(log: Log) -> None:
    await log.record(EventKind.SUSPENSION, "alice", "op-0", {"suspension": {"number": 4, "planet": "mars"}, "ended": False})
    registry = start(log)
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
    database: Database, log: Log, hours: int | None, posted: list[tuple[str, str]]
) -> None:
    registry, channel = start(log), Channel(None)
    await suspend(registry, for_=None if hours is None else timedelta(hours=hours))
    reminders = SuspensionReminderTable(database)
    reminder = SuspensionReminder(registry, ReminderServices(reminders, channel, channel, lambda: "C1"))
    for _ in range(2):
        await reminder.remind(NOW + timedelta(hours=2))

    assert posted == channel.posted
    assert ["host-b"] == list(await registry.find_open())


async def test_a_suspension_that_is_continued_for_another_time_reminds_again(database: Database, log: Log) -> None:
    registry, channel = start(log), Channel(None)
    reminders = SuspensionReminderTable(database)
    reminder = SuspensionReminder(registry, ReminderServices(reminders, channel, channel, lambda: "C1"))
    for hours in (1, 5):
        await suspend(registry, for_=timedelta(hours=hours))
        for later in (hours - 1, hours, hours + 1):
            await reminder.remind(NOW + timedelta(hours=later))

    assert [(name_reminder(1), "C1"), (name_reminder(5), "C1")] == channel.posted


async def test_a_state_that_says_how_far_it_came_reads_well(log: Log) -> None:
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
