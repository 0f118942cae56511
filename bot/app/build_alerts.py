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

from bot.alerts.mute_reminders import OWNER_CHECK_INTERVAL
from bot.alerts.mutes import MuteRegistry
from bot.alerts.ports import AlertBook, Speaker
from bot.app.build_mutes import build_mutes, build_reminder
from bot.audit.log import AuditLog
from bot.config.active_config import ActiveConfig
from bot.model.alert import Alert
from bot.runtime.periodic import TICK_INTERVAL, PeriodicTask, run_periodically
from bot.store.database import Database
from commands.checks.conditions import HostChecked

if TYPE_CHECKING:
    from bot.app.application import Application


@dataclass(frozen=True)
class AlertServices:
    """Services of alerts that handlers use: the alerts themselves, and what mutes them."""

    registry: AlertBook
    mutes: MuteRegistry


def build_alerts(
    database: Database, audit: AuditLog, basis: Callable[[], ActiveConfig], now: Callable[[], datetime]
) -> AlertServices:
    """Builds the services over an open database. `basis` returns the active configuration."""
    return AlertServices(_IdleRegistry(), build_mutes(database, audit, basis, now))


@asynccontextmanager
async def run_alerts(application: "Application", team: str) -> AsyncIterator[None]:
    """Moves and shows alerts until the block is left. `team` is the workspace of the configured people."""
    services, clock = application.alert_services, application.clock
    voice, reminder = _build_voice(application), build_reminder(application, team)

    async def tick() -> None:
        await services.registry.tick(clock.now())
        await voice.speak()
        await reminder.remind(clock.now())

    works = (
        PeriodicTask("alerts", TICK_INTERVAL, tick),
        PeriodicTask("owners of silences", OWNER_CHECK_INTERVAL, reminder.end_orphaned),
    )
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

    async def list_open(self) -> tuple[Alert, ...]:
        """Returns no alert."""
        return ()


class _Mute:
    """Voice that posts nothing, because no alert fires."""

    async def speak(self) -> None:
        """Posts nothing."""
