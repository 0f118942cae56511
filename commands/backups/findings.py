"""Hosts whose backups cannot be relied on: none, never verified, or the newest verified one is too old. Pure.

Nothing is claimed before the first backup: a fleet that makes none has no problem with them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.action import BOT_NAME
from adapters.phrase import Moment, Phrase
from commands.model.backup import Backup, KnownBackups, PlaceState
from commands.model.finding import Finding, Severity

MAX_AGE = timedelta(days=8)
"""Age of the newest verified backup beyond which it is a problem: a week, and a day for a run that was missed."""


class Lack(StrEnum):
    """Kinds of problems of a host's backups."""

    NONE = "none"
    """It has no backup, although others have."""
    NEVER = "never"
    """It has backups, and none was verified."""
    OLD = "old"
    """Its newest verified backup is too old."""


@dataclass(frozen=True)
class BackupProblem:
    """A problem of the backups of a host, or of the bot (`BOT_NAME`).

    `since` is when the newest verified backup was made; for one that was never verified, the oldest; None without any.
    `newest` is the ID of the newest backup, "" without any.
    """

    host: str
    lack: Lack
    since: datetime | None = None
    newest: str = ""

    @property
    def next(self) -> str:
        """The command that helps."""
        if self.lack is Lack.NEVER:
            return f"backup verify {self.newest}"
        return "backup create --bot" if self.host == BOT_NAME else f"backup create {self.host}"

    def describe(self) -> Phrase:
        """Describes the problem, without the host."""
        match self.lack:
            case Lack.NONE:
                return Phrase("no backup yet")
            case Lack.NEVER:
                return Phrase("no backup was ever verified. The oldest was made {at}", at=Moment(self._at))
            case Lack.OLD:
                return Phrase("the newest verified backup was made {at}, more than 8 days ago", at=Moment(self._at))

    def to_finding(self) -> Finding:
        """Makes the finding of a list."""
        return Finding(
            severity=Severity.MEDIUM if self.lack is Lack.OLD else Severity.LOW,
            host=self.host,
            subject="backup",
            why=self.describe(),
            next="backup verify" if self.lack is Lack.NEVER else self.next,
        )

    @property
    def _at(self) -> datetime:
        assert self.since is not None
        return self.since


def find_problems(backups: Sequence[Backup], hosts: Sequence[str], now: datetime) -> tuple[BackupProblem, ...]:
    """Finds the problems of these hosts and of the bot. `backups` are all that were not removed, the newest first."""
    if not backups:
        return ()
    return tuple(_list_problems(backups, (*hosts, BOT_NAME), now))


def find_unread_second(known: KnownBackups) -> tuple[str, ...]:
    """Finds the hosts whose newest backup could not be read in the second place when it was last verified."""
    newest: dict[str, Backup] = {}
    for backup in known.backups:
        newest.setdefault(backup.host, backup)
    return tuple(host for host, backup in newest.items() if backup.second is PlaceState.UNREACHABLE)


def _list_problems(backups: Sequence[Backup], owners: Sequence[str], now: datetime) -> Iterator[BackupProblem]:
    for owner in owners:
        own = [backup for backup in backups if backup.host == owner]
        verified = next((backup for backup in own if backup.verified_at is not None), None)
        if not own:
            yield BackupProblem(owner, Lack.NONE)
        elif verified is None:
            yield BackupProblem(owner, Lack.NEVER, own[-1].at, own[0].id)
        elif now - verified.at > MAX_AGE:
            yield BackupProblem(owner, Lack.OLD, verified.at, own[0].id)
