"""Ports of digests: the history of the fleet, and the stored checks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from adapters.inventory import Inventory
from bot.store.observations import Observation
from commands.model.chart import HostHealth
from commands.model.check import Area, KnownChecks
from commands.model.operation import FleetRead
from commands.model.report import Report


class FleetHistory(Protocol):
    """Observations of the fleet over time, and what digests found (`bot.digests.services`)."""

    async def record(self, report: Report, at: datetime) -> None: ...

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, Observation]: ...

    async def read_days(
        self, hosts: Sequence[str], until: datetime, count: int
    ) -> tuple[tuple[date, ...], tuple[HostHealth, ...]]: ...

    async def store_digest(self, operation: str, at: datetime, document: str) -> None: ...

    async def find_previous_digest(self, operation: str, at: datetime) -> str | None: ...


class CheckRegistryPort(Protocol):
    """Newest checks of hosts (`bot.digests.services`)."""

    async def record(self, operation: FleetRead, report: Report, began: datetime, inventory: Inventory) -> None: ...

    async def find_known(self, hosts: Collection[str], areas: Sequence[Area]) -> KnownChecks: ...
