"""Port of the audit log for what decides by its events."""

from collections.abc import Collection, Sequence
from typing import Protocol

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind, Recorder
from bot.store.audit_chain import StoredEvent
from bot.store.audit_head_file import Head


class SignedLog(Recorder, Protocol):
    """The audit log, as what decides reads it: only events that its index knows. Reads raise `RecordDamaged`."""

    @property
    def intact(self) -> bool:
        """True while the table and the head file agree."""

    @property
    def trouble(self) -> Phrase | None:
        """The reason for which the log is not intact."""

    async def list_signed(self, operation: str, kinds: Collection[EventKind], after: int = 0) -> tuple[StoredEvent, ...]:
        """List the events of some kinds of one operation after a number, in order."""

    async def find_signed(self, operation: str, kind: EventKind) -> tuple[StoredEvent, ...]:
        """Find the events of one kind of one operation, in order."""

    async def find_newest_signed(self, kind: EventKind) -> StoredEvent | None:
        """Find the newest event of a kind."""

    async def find_all_signed(self, kind: EventKind) -> tuple[StoredEvent, ...]:
        """Find all events of a kind, in order."""

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]:
        """Read the events of some kinds between two numbers, in order."""

    async def read_newest(self) -> Head | None:
        """Read where the log ends; None while it is empty."""
