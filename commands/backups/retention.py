"""Retention of backups: which of them a prune removes. Pure.

of each host: the newest of each of the last 7 days, 4 weeks and 12 months that have any, and the newest verified one ─▶ kept
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from commands.model.backup import Backup

RECENT = timedelta(days=1)
"""Age up to which all are kept: a restore backs up the present state first."""

_Bucket = Callable[[datetime], Hashable]

RULES: tuple[tuple[int, _Bucket], ...] = (
    (7, lambda at: at.date()),
    (4, lambda at: at.isocalendar()[:2]),
    (12, lambda at: (at.year, at.month)),
)
"""How many periods are kept, and the period of a time (in UTC)."""


def choose_removed(backups: Iterable[Backup], now: datetime) -> tuple[Backup, ...]:
    """Chooses the backups to remove, the oldest first."""
    by_host: dict[str, list[Backup]] = {}
    for backup in backups:
        by_host.setdefault(backup.host, []).append(backup)
    removed = (backup for each in by_host.values() for backup in _choose_of_host(each, now))
    return tuple(sorted(removed, key=lambda backup: (backup.at, backup.id)))


def _choose_of_host(backups: Sequence[Backup], now: datetime) -> Iterator[Backup]:
    newest_first = sorted(backups, key=lambda backup: (backup.at, backup.id), reverse=True)
    kept = {backup.id for backup in newest_first if now - backup.at < RECENT}
    for count, find_period in RULES:
        newest: dict[Hashable, str] = {}
        for backup in newest_first:
            newest.setdefault(find_period(backup.at.astimezone(UTC)), backup.id)
        kept.update(list(newest.values())[:count])
    verified = [backup for backup in newest_first if backup.verified_at is not None]
    kept.update(backup.id for backup in verified[:1])
    return (backup for backup in newest_first if backup.id not in kept)
