"""Alerts on disks, from every report of `disk`: of its schedule, of a person, of the digest."""

from collections.abc import Callable
from datetime import datetime

import structlog

from adapters.errors import FlatnetError
from bot.alerts.ports import AlertMover
from bot.alerts.settings import AlertSettings
from commands.alerts.disk_signals import make_disk_checks
from commands.model.check import Area
from commands.model.operation import Thresholds
from commands.model.report import Report

_log = structlog.get_logger("bot.alerts.disk_feed")


class DiskFeed:
    """Feeds reports on disks to the registry. `basis` returns the settings and thresholds of the active configuration."""

    def __init__(self, registry: AlertMover, basis: Callable[[], tuple[AlertSettings, Thresholds]]) -> None:
        self._registry = registry
        self._basis = basis

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Moves the alerts of each host of which a disk was read. A failure is repaired by the next report."""
        settings, thresholds = self._basis()
        if area is not Area.DISKS or not settings.enabled:
            return
        for checked in make_disk_checks(report, thresholds, began):
            try:
                await self._registry.apply(checked)
            except FlatnetError as error:
                _log.warning("alerts on disks could not be moved", host=checked.host, why=str(error))
