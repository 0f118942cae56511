"""Alerts and mutes for tests, and a registry on a real database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.alerts.services.mutes import MuteRegistry
from bot.alerts.tables.mutes import MuteTable
from bot.model.alert import Alert, AlertState, Mute, MuteKind
from bot.store.database import Database
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from tests.bot.clockwork import Log
from tests.commands.canned import host

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)

INVENTORY = Inventory(
    hosts=(
        host("lighthouse", 0),
        host("host-a", 1, labels=("tokyo",)),
        host("host-b", 2, labels=("tokyo",)),
        host("host-c", 3),
    )
)


def alert(number: int, place: str = "host-a", subject: str = "nebula", **given: Any) -> Alert:
    """A firing alert; its condition is the first part of its subject, or as given."""
    begins = subject.partition("/")[0]
    usual: dict[str, Any] = {
        "condition": Condition(begins) if begins in set(Condition) else Condition.SILENT,
        "severity": Severity.HIGH,
        "state": AlertState.FIRING,
        "short": Phrase("{subject} broken", subject=subject),
        "why": Phrase("it is broken"),
        "began_at": NOW,
        "checked_at": NOW,
        "fired_at": NOW,
    }
    return Alert(number=number, host=place, subject=subject, **(usual | given))


def mute(what: str, minutes: float = 60, number: int = 1, **given: Any) -> Mute:
    """A silence by ana that began at `NOW`, or as given."""
    usual: dict[str, Any] = {
        "kind": MuteKind.SILENCE,
        "reason": "cable swap",
        "owner": "ana",
        "identity": '{"uid":1000,"name":"ana"}',
        "operation": f"op-{number}",
        "channel": "C0OPS",
        "added_at": NOW,
        "ends_at": NOW + timedelta(minutes=minutes),
    }
    return Mute(number=number, what=what, **(usual | given))


def maintenance(what: str, minutes: float = 60, number: int = 1, **given: Any) -> Mute:
    """A maintenance by ana that began at `NOW`."""
    return mute(what, minutes, number, kind=MuteKind.MAINTENANCE, **given)


class Time:
    """The time, which tests move."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


class Registered:
    """A registry on a database, its clock and its audit log."""

    def __init__(self, database: Database, inventory: Callable[[], Inventory] = lambda: INVENTORY) -> None:
        self.time, self.log = Time(), Log()
        self.table = MuteTable(database)
        self.registry = MuteRegistry(self.table, self.log, inventory, self.time.now)

    async def add(self, *mutes: Mute) -> tuple[Mute, ...]:
        return tuple([await self.registry.add(each) for each in mutes])
