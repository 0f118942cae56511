"""Builds the services of alerts over an open database."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bot.alerts.services.mutes import MuteRegistry
from bot.alerts.services.notifier import Notifier
from bot.alerts.services.registry import AlertRegistry
from bot.alerts.tables.alerts import AlertTable
from bot.alerts.tables.mutes import MuteTable
from bot.alerts.tables.traffic import TrafficTable
from bot.audit_log.log import AuditLog
from bot.config.active_config import ActiveConfig
from bot.security.redaction import Redactor
from bot.store.database import Database

if TYPE_CHECKING:
    pass


class NotifierLink:
    """Link to the notifier of the running bot. Handlers are built before the notifier, and exist where no bot runs."""

    def __init__(self) -> None:
        self._notifier: Notifier | None = None

    def connect(self, notifier: Notifier | None) -> None:
        """Connects the notifier from now on; None while there is none."""
        self._notifier = notifier

    async def notify(self) -> None:
        """Has the notifier show what has moved, if there is one."""
        if self._notifier is not None:
            await self._notifier.notify()


@dataclass(frozen=True)
class AlertServices:
    """Services of alerts that handlers use: alerts, what mutes them, traffic of gateways, and the link to the notifier."""

    registry: AlertRegistry
    mutes: MuteRegistry
    traffic: TrafficTable
    notifier: NotifierLink = field(default_factory=NotifierLink)


def build_alerts(
    database: Database,
    audit: AuditLog,
    basis: Callable[[], ActiveConfig],
    redactor: Redactor,
    now: Callable[[], datetime],
) -> AlertServices:
    """Builds the services over an open database. `basis` returns the active configuration."""
    registry = AlertRegistry(AlertTable(database), audit, redactor.redact_json, now, lambda: basis().inventory.names)
    return AlertServices(registry, build_mutes(database, audit, basis, now), TrafficTable(database))


def build_mutes(
    database: Database, audit: AuditLog, basis: Callable[[], ActiveConfig], now: Callable[[], datetime]
) -> MuteRegistry:
    """Builds the silences and maintenance over an open database. `basis` returns the active configuration."""
    return MuteRegistry(MuteTable(database), audit, lambda: basis().inventory, now)
