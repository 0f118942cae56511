"""Ports of changes: what handlers and planning may ask of operations, locks, rehearsals and owed changes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.access.policy import Verdict
from bot.access.requester import Requester
from bot.model.change import Change, ChangeState, EndedOperation
from bot.model.lock import Lock
from bot.model.owed import AskStatus, OwedChange
from bot.model.rehearsal import Rehearsal
from commands.model.operation import FleetChange
from commands.model.proven_configuration import ProvenConfigurations
from commands.values.arguments import Target


class UrgentChanges(Protocol):
    """Changes that a person should look at first."""

    async def list_waiting(self) -> tuple[Change, ...]: ...

    async def list_unknown(self) -> tuple[Change, ...]: ...


class ChangeLifecycle(Protocol):
    """Changes and the decisions on them (`bot.changes.services.lifecycle`)."""

    async def propose(self, operation_id: str, operation: FleetChange, by: Requester) -> Change: ...

    async def open_plan(self, operation_id: str, by: Requester) -> Change: ...

    async def list_recent(self, limit: int) -> tuple[Change, ...]: ...

    async def list_touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[Change, ...]: ...

    async def find_states(self, operations: Collection[str]) -> Mapping[str, ChangeState]: ...

    async def list_waiting(self) -> tuple[Change, ...]: ...

    async def list_running(self) -> tuple[Change, ...]: ...

    async def list_unknown(self) -> tuple[Change, ...]: ...

    async def list_left_over(self, since: datetime, limit: int) -> tuple[Change, ...]: ...

    async def find_versions(self, since: datetime) -> Mapping[str, int]: ...

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]: ...

    async def approve(self, operation_id: str, by: Requester, name: str = "") -> Change: ...

    async def deny(self, operation_id: str, by: Requester, reason: str) -> Change: ...

    async def cancel(self, operation_id: str, by: Requester) -> Change: ...

    async def resolve(self, operation_id: str, by: Requester, saw: str, outcome: ChangeState) -> Change: ...

    async def continue_change(self, new_id: str, operation_id: str, by: Requester) -> Change: ...

    async def review(self, operation_id: str, by: Requester, text: str) -> Change: ...


class LockRegistryPort(Protocol):
    """Locks, which forbid changes of hosts (`bot.changes.services.locks`)."""

    async def list_locks(self) -> tuple[Lock, ...]: ...

    async def add(self, operation: str, target: Target, lasts: timedelta, reason: str, owner: str) -> Lock: ...

    async def remove(self, operation: str, number: int, by: str, judge: Callable[[Lock], Verdict]) -> Lock: ...


class GoodConfigurationPort(Protocol):
    """Good configurations (`bot.changes.tables.proven_configurations`)."""

    async def list_gateways(self) -> ProvenConfigurations: ...


class OwedRegistryPort(Protocol):
    """Owed changes (`bot.changes.services.owed`)."""

    async def list_open(self) -> tuple[OwedChange, ...]: ...

    async def list_recent(self) -> tuple[OwedChange, ...]: ...

    async def find_open(self, number: int) -> OwedChange: ...

    async def authorize(self, operation: str, owed: OwedChange, by: str, judge: Callable[[OwedChange], Verdict]) -> None: ...

    async def drop(self, operation: str, owed: OwedChange, by: str, reason: str) -> None: ...

    async def record_retry(self, owed: OwedChange, operation: str) -> None: ...


class OwedRequestPort(Protocol):
    """Requests for owed changes (`bot.changes.services.owed`)."""

    async def load(self, owed: OwedChange) -> FleetChange: ...

    async def find_status(self, operation: str) -> AskStatus | None: ...


class RehearsalPort(Protocol):
    """Last rehearsals of hosts (`bot.changes.tables.rehearsals`)."""

    async def find_by_host(self, hosts: Collection[str]) -> Mapping[str, Rehearsal]: ...
