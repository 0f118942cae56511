"""Builds and runs incidents.

acts of people ─▶ registry ─▶ audit log ─ journal, again after a crash ─▶ rows and timelines
handlers ─▶ registry      (also where no bot runs)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.audit.log import AuditLog
from bot.incidents.registry import IncidentRegistry
from bot.runtime.periodic import PeriodicTask, run_periodically
from bot.store.database import Database
from bot.store.incident_deliveries import IncidentDeliveryTable
from bot.store.incident_timeline import TimelineTable
from bot.store.incidents import IncidentTable

if TYPE_CHECKING:
    from bot.app.application import Application

FOLLOW_INTERVAL = 10.0
"""Seconds between two looks for acts that a crash kept from their rows. Each act is followed at once, too."""


@dataclass(frozen=True)
class IncidentServices:
    """Services of incidents: the registry, the timelines, and the record of what people were shown."""

    registry: IncidentRegistry
    timeline: TimelineTable
    deliveries: IncidentDeliveryTable


def build_incidents(database: Database, audit: AuditLog, now: Callable[[], datetime]) -> IncidentServices:
    """Builds the services over an open database."""
    timeline = TimelineTable(database)
    registry = IncidentRegistry(IncidentTable(database), timeline, audit, now)
    return IncidentServices(registry, timeline, IncidentDeliveryTable(database))


@asynccontextmanager
async def run_incidents(application: "Application") -> AsyncIterator[None]:
    """Follows the acts on incidents until the block is left."""
    services = application.incident_services
    works = (PeriodicTask("acts on incidents", FOLLOW_INTERVAL, services.registry.follow),)
    running = asyncio.create_task(run_periodically(works, application.clock), name="incidents")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
