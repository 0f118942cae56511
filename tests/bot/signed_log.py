"""The reads of an audit log over events in memory, which count as signed."""

from collections.abc import Collection, Sequence

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.store.audit_chain import StoredEvent
from bot.store.audit_head_file import Head


class EventsInMemory:
    """Reads of what `list_stored` returns; `trouble` puts the log in doubt."""

    trouble: Phrase | None = None

    def list_stored(self) -> Sequence[StoredEvent]:
        raise NotImplementedError

    @property
    def intact(self) -> bool:
        return self.trouble is None

    async def list_signed(self, operation: str, kinds: Collection[EventKind], after: int = 0) -> tuple[StoredEvent, ...]:
        return tuple(
            event
            for event in self.list_stored()
            if event.operation == operation and event.kind in kinds and event.sequence > after
        )

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]:
        return await self.list_signed(operation, (kind,))

    async def find_newest_signed(self, kind: EventKind) -> StoredEvent | None:
        return next((event for event in reversed(self.list_stored()) if event.kind == kind), None)

    async def find_all_signed(self, kind: EventKind) -> tuple[StoredEvent, ...]:
        return tuple(event for event in self.list_stored() if event.kind == kind)

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]:
        return tuple(event for event in self.list_stored() if after < event.sequence <= until and event.kind in kinds)

    async def read_newest(self) -> Head | None:
        stored = self.list_stored()
        return Head(stored[-1].sequence, "mac", stored[-1].at) if stored else None
