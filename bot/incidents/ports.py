"""Ports of incidents: what they need of the audit log and of Slack, and what other rooms need of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adapters.phrase import Phrase
from bot.audit.log import EventKind
from bot.model.alert import Alert
from bot.model.incident import Incident, TimelineEntry
from bot.store.chain import StoredEvent
from bot.store.head_file import Head
from bot.store.incident_deliveries import IncidentDelivery


class IncidentAudit(Protocol):
    """The audit log (`bot.audit.log`). `trouble` is why it is in doubt, None while it is not."""

    @property
    def trouble(self) -> Phrase | None: ...

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None: ...

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]: ...

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]: ...

    async def read_newest(self) -> Head | None: ...


class IncidentReaderPort(Protocol):
    """Reads incidents and their timelines (`bot.incidents.registry`). Every method may raise a `DatabaseError`."""

    async def list_working(self) -> tuple[Incident, ...]:
        """Lists the incidents in which people work, by number."""

    async def read_timeline(self, number: int, most: int = ...) -> tuple[TimelineEntry, ...]:
        """Reads the newest entries of an incident, in the order in which they happened."""


class IncidentLister(Protocol):
    """Lists incidents (`bot.incidents.registry`)."""

    async def list_incidents(self) -> tuple[Incident, ...]:
        """Lists the open incidents, and those that were resolved within a week, by number."""

    async def find(self, number: int, channel: str) -> Incident:
        """Finds an incident by its number."""


class TimelineFollower(Protocol):
    """Reads what is new in timelines (`bot.store.incident_timeline`)."""

    async def read_after(self, incident: int, number: int) -> tuple[TimelineEntry, ...]:
        """Reads the entries that were recorded after an entry, in the order in which they were recorded."""


class OpenAlerts(Protocol):
    """Lists open alerts (`bot.alerts.registry`)."""

    async def list_open(self) -> tuple[Alert, ...]: ...


class StatusRecord(Protocol):
    """Record of what people were shown of incidents (`bot.store.incident_deliveries`)."""

    async def read_all(self) -> Mapping[int, IncidentDelivery]: ...

    async def mark_shown(self, incident: int, shown: str, posting: int) -> None:
        """Records what the newest status message shows, and how many status messages there were."""

    async def mark_replied(self, incident: int, entry: int) -> None:
        """Records the newest entry that the thread of the status message has."""


class ChannelPrivacy(Protocol):
    """Says whether channels are private (Slack)."""

    async def is_private(self, channel: str) -> bool | None:
        """Looks up whether a channel is private; None if that is not known."""
