"""Ports between the parts of alerts: what each needs of the registry, of mutes and of claims."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from bot.access.policy import Verdict
from bot.model.alert import Alert, AlertChange, AlertEpisode, Mute, MuteKind
from bot.model.change import HostClaim
from commands.alerts.conditions import HostChecked
from commands.alerts.traffic import TrafficCount


class AlertMover(Protocol):
    """Moves alerts (`bot.alerts.services.registry`). Methods may raise `DatabaseError`; the next check then moves them."""

    async def apply(self, checked: HostChecked) -> None:
        """Moves the alerts of one host by what a check found."""


class AlertReader(Protocol):
    """Reads alerts (`bot.alerts.services.registry`)."""

    async def list_open(self) -> tuple[Alert, ...]:
        """Lists the alerts that people should know of, the worst first."""


class AlertBook(AlertMover, AlertReader, Protocol):
    """Moves and reads alerts."""


class CertificateAlerts(AlertBook, Protocol):
    """Moves and reads alerts, also those that are over."""

    async def list_recent(self, since: datetime) -> tuple[Alert, ...]:
        """Lists the alerts that were resolved since then, newest first."""


class MuteFinder(Protocol):
    """Finds what mutes an alert (`bot.alerts.services.mutes`)."""

    async def find_mutes(self, alerts: tuple[Alert, ...], now: datetime) -> dict[int, Mute]:
        """Returns the mute of each muted alert that ends last, by the alert's number."""


class ClaimSource(Protocol):
    """Source of the claims of changes on hosts (`bot.changes.tables.operations`)."""

    async def find_claims(self) -> Mapping[str, HostClaim]:
        """Returns the claims by host."""


class AlertStore(AlertReader, Protocol):
    """Alerts, as the notifier needs them. Every method may raise `DatabaseError`."""

    async def list_unshown(self) -> tuple[Alert, ...]:
        """Lists the alerts that fired and moved since people were shown them."""

    async def list_of_message(self, message: str) -> tuple[Alert, ...]:
        """Lists the alerts that a message shows."""

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]:
        """Lists the newest moves of an alert, oldest first."""

    async def set_message(self, numbers: Collection[int], message: str) -> None:
        """Stores the name of the announcement that shows these alerts."""

    async def mark_shown(self, versions: Mapping[int, int]) -> None:
        """Records that people were shown these versions of alerts, by number."""

    async def mark_repeated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that people were notified of these alerts. A new fire clears it."""

    async def mark_escalated(self, numbers: Collection[int], at: datetime) -> None:
        """Records that the second step was notified of these alerts. A new fire clears it."""


class MuteRegistryPort(MuteFinder, Protocol):
    """Silences and maintenance (`bot.alerts.services.mutes`)."""

    async def add(self, mute: Mute) -> Mute: ...

    async def find(self, kind: MuteKind, number: int) -> Mute: ...

    async def remove(self, operation: str, mute: Mute, by: str, judge: Callable[[Mute], Verdict]) -> None: ...

    async def list_active(self) -> tuple[Mute, ...]: ...

    async def list_recent(self) -> tuple[Mute, ...]: ...


class AlertRegistryPort(Protocol):
    """Alerts (`bot.alerts.services.registry`)."""

    async def list_open(self) -> tuple[Alert, ...]: ...

    async def list_recent(self, since: datetime) -> tuple[Alert, ...]: ...

    async def list_of_message(self, message: str) -> tuple[Alert, ...]: ...

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]: ...

    async def find(self, number: int) -> Alert: ...

    async def acknowledge(self, number: int, by: str, until: datetime | None, operation: str) -> Alert: ...

    async def list_durations(self, since: datetime, until: datetime) -> Mapping[str, tuple[AlertEpisode, ...]]: ...


class TrafficPort(Protocol):
    """Requests of gateways (`bot.alerts.tables.traffic`)."""

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, TrafficCount]: ...
