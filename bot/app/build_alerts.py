"""Builds and runs alerts.

watch ─▶ registry (rows) ─▶ voice ─▶ Slack
handlers ─▶ registry, mutes      (also where no bot runs, for reads)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.alerts.ports import AlertMover, Speaker
from bot.audit.log import AuditLog
from bot.model.alert import Alert, Mute, MuteFinder
from bot.runtime.periodic import TICK_INTERVAL, PeriodicTask, run_periodically
from bot.store.database import Database
from commands.checks.conditions import HostChecked

if TYPE_CHECKING:
    from bot.app.application import Application


@dataclass(frozen=True)
class AlertServices:
    """Services of alerts that handlers use: the alerts themselves, and what mutes them."""

    registry: AlertMover
    mutes: MuteFinder


def build_alerts(database: Database, audit: AuditLog, now: Callable[[], datetime]) -> AlertServices:
    """Builds the services over an open database."""
    return AlertServices(_IdleRegistry(), _NoMutes())


@asynccontextmanager
async def run_alerts(application: "Application") -> AsyncIterator[None]:
    """Moves and shows alerts until the block is left."""
    services, clock = application.alert_services, application.clock
    voice = _build_voice(application)

    async def tick() -> None:
        await services.registry.tick(clock.now())
        await voice.speak()

    works = (PeriodicTask("alerts", TICK_INTERVAL, tick),)
    ticking = asyncio.create_task(run_periodically(works, clock), name="alerts")
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def _build_voice(application: "Application") -> Speaker:
    return _Mute()


class _IdleRegistry:
    """Registry that holds no alert."""

    async def apply(self, checked: HostChecked) -> None:
        """Moves nothing."""

    async def tick(self, now: datetime) -> None:
        """Ends nothing."""


class _NoMutes:
    """Finder that finds nothing, because nothing is muted."""

    async def find_mutes(self, alerts: tuple[Alert, ...], now: datetime) -> dict[int, Mute]:
        """Returns no mute."""
        return {}


class _Mute:
    """Voice that posts nothing, because no alert fires."""

    async def speak(self) -> None:
        """Posts nothing."""
