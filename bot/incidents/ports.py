"""Ports of incidents: what they need of the audit log and of Slack, and what other rooms need of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.incidents.model import IncidentEntry
from bot.incidents.rules.channels import CreatedChannel, IncidentChannels, NewChannel
from bot.incidents.rules.requests import ActRequest, IncidentRequest
from bot.incidents.rules.visibility import IncidentReader
from bot.incidents.tables.deliveries import IncidentDelivery
from bot.model.alert import Alert
from bot.model.incident import Incident, TimelineEntry
from bot.ports.context import ChannelNames


class IncidentReaderPort(Protocol):
    """Reads incidents and their timelines (`bot.incidents.services.registry`). Every method may raise a `DatabaseError`."""

    async def list_working(self) -> tuple[Incident, ...]:
        """Lists the incidents in which people work, by number."""

    async def read_timeline(self, number: int, most: int = ...) -> tuple[TimelineEntry, ...]:
        """Reads the newest entries of an incident, in the order in which they happened."""


class IncidentLister(Protocol):
    """Lists incidents (`bot.incidents.services.registry`)."""

    async def list_incidents(self) -> tuple[Incident, ...]:
        """Lists the open incidents, and those that were resolved within a week, by number."""

    async def find(self, number: int, channel: str) -> Incident:
        """Finds an incident by its number."""


class TimelineFollower(Protocol):
    """Reads what is new in timelines (`bot.incidents.tables.timeline`)."""

    async def read_after(self, incident: int, number: int) -> tuple[TimelineEntry, ...]:
        """Reads the entries that were recorded after an entry, in the order in which they were recorded."""


class OpenAlerts(Protocol):
    """Lists open alerts (`bot.alerts.services.registry`)."""

    async def list_open(self) -> tuple[Alert, ...]: ...


class StatusRecord(Protocol):
    """Record of what people were shown of incidents (`bot.incidents.tables.deliveries`)."""

    async def read_all(self) -> Mapping[int, IncidentDelivery]: ...

    async def mark_shown(self, incident: int, shown: str, posting: int) -> None:
        """Records what the newest status message shows, and how many status messages there were."""

    async def mark_replied(self, incident: int, entry: int) -> None:
        """Records the newest entry that the thread of the status message has."""


class ChannelPrivacy(Protocol):
    """Says whether channels are private (Slack)."""

    async def is_private(self, channel: str) -> bool | None:
        """Looks up whether a channel is private; None if that is not known."""


class IncidentRegistryPort(IncidentReaderPort, Protocol):
    """Incidents (`bot.incidents.services.registry`)."""

    async def find_open_in(self, channel: str) -> Incident | None: ...

    async def find_for_request(self, operation: str, channel: str) -> Incident | None: ...

    async def find_acted(self, operation: str) -> Incident | None: ...

    async def list_incidents(self) -> tuple[Incident, ...]: ...

    async def list_of_alert(self, alert: int) -> tuple[Incident, ...]: ...

    async def find(self, number: int, channel: str) -> Incident: ...

    async def find_visible(self, number: int, reader: IncidentReader, channels: IncidentChannels) -> Incident: ...

    async def find_current(
        self, number: int, reader: IncidentReader, channels: IncidentChannels, operation: str = ""
    ) -> Incident: ...

    async def look_up_privacy(self, incidents: Sequence[Incident], channels: IncidentChannels) -> tuple[Incident, ...]: ...

    async def open(self, opening: IncidentRequest, channel: str) -> Incident: ...

    async def open_in_new_channel(
        self, opening: IncidentRequest, new: NewChannel, channels: IncidentChannels
    ) -> tuple[Incident, CreatedChannel]: ...

    async def act(self, number: int, request: ActRequest) -> Incident: ...

    async def count_timeline(self, number: int) -> int: ...

    async def add_entry(self, entry: IncidentEntry) -> None: ...

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]: ...


class ChannelPort(IncidentChannels, ChannelNames, Protocol):
    """Channels of Slack, as handlers need them."""
