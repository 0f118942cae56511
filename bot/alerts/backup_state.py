"""Checks of backups for the watch: too old, never verified, a second place that cannot be read.

Rows change slowly and are large, so they are read every ten minutes, and the signals of that reading count until the next.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

from adapters.phrase import Phrase
from commands.alerts.conditions import Condition, Signal
from commands.backups.findings import MAX_AGE, BackupProblem, Lack, find_problems
from commands.backups.listing import name_owner
from commands.model.backup import KnownBackups
from commands.model.finding import Severity

INTERVAL = timedelta(minutes=10)
"""Time between two readings."""

STEP = timedelta(days=7)
"""Time after which the alert of an old backup fires again."""

ReadBackups = Callable[[], Awaitable[tuple[KnownBackups, Phrase | None]]]
"""Reads all backups, and the reason for which the second place cannot be read, None if it can."""


class BackupWatch:
    """Watches the backups. `list_hosts` lists the hosts of the active configuration."""

    def __init__(self, read: ReadBackups, list_hosts: Callable[[], Sequence[str]], now: Callable[[], datetime]) -> None:
        self._read = read
        self._list_hosts = list_hosts
        self._now = now
        self._read_at: datetime | None = None
        self._signals: tuple[Signal, ...] | None = None

    async def check(self) -> tuple[Signal, ...] | None:
        """Checks all backups: the problems, None if they are unknown. Raises `DatabaseError`."""
        now = self._now()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < INTERVAL:
            known, unread = await self._read()
            self._signals = tuple(make_backup_signals(known, unread, self._list_hosts(), now)) if known.available else None
            self._read_at = now
        return self._signals


def make_backup_signals(known: KnownBackups, unread: Phrase | None, hosts: Sequence[str], now: datetime) -> Iterator[Signal]:
    """Makes the signals. Where no backup was ever made, no place is needed and nothing is old."""
    for problem in find_problems(known.backups, hosts, now):
        if problem.since is not None and now - problem.since > MAX_AGE:
            yield _make_signal(problem, now - problem.since)
    if unread is not None and known.backups:
        yield Signal(
            host="",
            subject="backup/second-place",
            condition=Condition.BACKUP,
            severity=Severity.MEDIUM,
            short=Phrase("second place of backups unreachable"),
            why=unread,
            next="backup verify",
        )


def _make_signal(problem: BackupProblem, age: timedelta) -> Signal:
    owner = name_owner(problem.host)
    never = problem.lack is Lack.NEVER
    return Signal(
        host="",
        subject=f"backup/{problem.host}",
        condition=Condition.BACKUP,
        severity=Severity.MEDIUM,
        step=(age - MAX_AGE) // STEP,
        short=Phrase("no verified backup of {host}", host=owner)
        if never
        else Phrase("verified backup of {host} is old", host=owner),
        why=Phrase("{host}: {why}", host=owner, why=problem.describe()),
        next=problem.next,
    )
