"""Port of schedules: what handlers may ask of their registry."""

from datetime import datetime
from typing import Protocol

from adapters.phrase import Phrase
from bot.model.schedule import RunTally, Schedule, ScheduleRun
from bot.schedules.model import ScheduleListing


class ScheduleRegistryPort(Protocol):
    """Schedules (`bot.schedules.services.registry`)."""

    async def list_all(self) -> tuple[ScheduleListing, ...]: ...

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]: ...

    async def find(self, name: str) -> Schedule: ...

    async def add(self, schedule: Schedule) -> Schedule: ...

    async def pause(self, name: str, by: str, operation: str, why: Phrase | None = None) -> Schedule: ...

    async def resume(self, name: str, by: str, operation: str) -> Schedule: ...

    async def remove(self, name: str, by: str, operation: str) -> None: ...

    async def run(self, name: str, by: str, operation: str) -> ScheduleRun: ...
