"""Backups that are too old or were never verified become alerts, after a week and a day, and not before there are any."""

from datetime import datetime, timedelta

from adapters.phrase import Phrase
from bot.alerts.services.own_state import BackupWatch, make_backup_signals
from commands.alerts.conditions import Condition
from commands.model.backup import Backup, KnownBackups
from tests.commands.backups.test_findings import FRESH, made
from tests.commands.canned import NOW

HOSTS = ("host-a", "host-b")


def signals(*backups: Backup, unread: Phrase | None = None) -> list[tuple[str, str, int, str | None]]:
    found = make_backup_signals(KnownBackups(backups), unread, HOSTS, NOW)
    return [(each.subject, str(each.short), each.step, each.next) for each in found]


def test_an_old_backup_fires_again_after_each_further_week() -> None:
    short = "verified backup of host-a is old"
    steps = [(days, signals(made("host-a", days), *FRESH)) for days in (8, 9, 14.9, 15.1, 40)]
    assert [[], *([("backup/host-a", short, step, "backup create host-a")] for step in (0, 0, 1, 4))] == [
        found for _, found in steps
    ]


def test_one_that_was_never_verified_gets_as_long() -> None:
    assert [] == signals(made("host-a", 7, verified=False), *FRESH)
    never = made("host-a", 9, verified=False)
    assert [("backup/host-a", "no verified backup of host-a", 0, f"backup verify {never.id}")] == signals(never, *FRESH)


def test_a_host_without_any_backup_is_no_alert() -> None:
    """`backup` lists it; whether a host needs one, its operators know."""
    assert [] == signals(*FRESH)


def test_a_second_place_that_cannot_be_read_is_one_alert_if_there_are_backups() -> None:
    unread = Phrase("the second place /mnt cannot be read")
    (signal,) = make_backup_signals(KnownBackups((made("host-a", 1), *FRESH)), unread, HOSTS, NOW)
    assert ("backup/second-place", Condition.BACKUP, unread, "") == (
        signal.subject,
        signal.condition,
        signal.why,
        signal.host,
    )
    assert [] == signals(unread=unread)


class Rows:
    """Backups as they are read, and how often."""

    def __init__(self, known: KnownBackups) -> None:
        self.known = known
        self.reads = 0
        self.now = NOW

    async def read(self) -> tuple[KnownBackups, Phrase | None]:
        self.reads += 1
        return self.known, None

    def clock(self) -> datetime:
        return self.now


async def test_backups_are_read_every_ten_minutes_and_count_until_the_next_reading() -> None:
    rows = Rows(KnownBackups((made("host-a", 9), *FRESH)))
    watch = BackupWatch(rows.read, lambda: HOSTS, rows.clock)
    found = [await watch.check()]
    rows.known = KnownBackups((made("host-a", 1), *FRESH))
    for minutes in (1, 9, 10, 11):
        rows.now = NOW + timedelta(minutes=minutes)
        found.append(await watch.check())
    assert ([1, 1, 1, 0, 0], 2) == ([len(each or ()) for each in found], rows.reads)


async def test_backups_that_could_not_be_read_are_unknown() -> None:
    rows = Rows(KnownBackups(available=False))
    assert None is await BackupWatch(rows.read, lambda: HOSTS, rows.clock).check()
