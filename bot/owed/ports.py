"""Ports of owed changes: what they need of their table and of changes."""

from datetime import datetime
from typing import Protocol

from adapters.phrase import Phrase
from bot.model.owed import AskReply, AskStatus
from bot.store.owed import OwedChange

SYSTEM = "system"
"""Actor of the audit events about what the bot does by itself."""


class OwedStore(Protocol):
    """Rows of owed changes (`bot.store.owed`). Every method may raise `DatabaseError`."""

    async def find(self, number: int) -> OwedChange | None: ...

    async def list_open(self) -> tuple[OwedChange, ...]: ...

    async def list_since(self, at: datetime) -> tuple[OwedChange, ...]: ...

    async def settle(self, number: int, by: str, at: datetime, reason: str = "") -> None: ...

    async def mark_asked(self, number: int, asked: str, at: datetime, note: Phrase | None) -> None: ...


class OwedRequester(Protocol):
    """Requests owed changes (`bot.changes.owed_requests`). Every method may raise `DatabaseError`."""

    async def find_status(self, operation: str) -> AskStatus | None:
        """Find the status of a request for an owed change; None if there is none of this id."""

    async def request(self, owed: OwedChange, operation_id: str) -> AskReply:
        """Request an owed change on behalf of its requester."""
