"""Checks the encrypted copies of the CA key for the watch: damaged, unverified, for people who left, without a drill."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.key_backup import Recipient
from commands.alerts.conditions import Condition, Signal
from commands.certificates.ca_key.judgment import KeyProblem, judge_key_backups
from commands.model.backup import KnownBackups
from commands.model.rotation import Rotation


@dataclass(frozen=True)
class KeyWatch:
    """Watches the copies. `read` reads copies and drills, `recipients` are those of the active configuration."""

    read: Callable[[], Awaitable[KnownBackups]]
    recipients: Callable[[], tuple[Recipient, ...]]
    find_rotation: Callable[[], Awaitable[Rotation | None]]
    now: Callable[[], datetime]

    async def check(self) -> tuple[Signal, ...]:
        """Checks all copies. Raises `DatabaseError`."""
        known, rotation = await self.read(), await self.find_rotation()
        return tuple(map(make_key_signal, judge_key_backups(known, self.recipients(), rotation, self.now())))


def make_key_signal(problem: KeyProblem) -> Signal:
    """Makes the signal of one problem."""
    return Signal(
        host="",
        subject=problem.subject,
        condition=Condition.CA_KEY,
        severity=problem.severity,
        short=problem.short,
        why=problem.why,
        next=problem.next,
    )
