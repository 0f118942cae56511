"""Port of the audit log: what handlers may ask of it."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.audit_log.search import AuditFilters, FoundOperations
from bot.store.audit_chain import StoredEvent, Verification
from bot.store.audit_head_file import Head


class AuditLogPort(Protocol):
    """The audit log, for those who may read it (`bot.audit_log.log`). `trouble` describes damage, None if it is intact."""

    @property
    def trouble(self) -> Phrase | None: ...

    async def read_newest(self) -> Head | None: ...

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None: ...

    async def search(self, filters: AuditFilters) -> tuple[StoredEvent, ...]: ...

    async def search_operations(self, filters: AuditFilters) -> FoundOperations: ...

    async def export(self, filters: AuditFilters, form: Literal["csv", "jsonl"]) -> bytes: ...

    async def verify(self, actor: str, operation: str) -> Verification: ...

    async def accept(self, actor: str, name: str) -> None: ...
