"""Ports of incidents: what they need of the audit log and of Slack, and what other rooms need of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adapters.phrase import Phrase
from bot.audit.log import EventKind
from bot.model.incident import Incident, TimelineEntry
from bot.store.chain import StoredEvent
from bot.store.head_file import Head


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
