"""Builds and runs alerts.

watch ─▶ registry (rows) ─▶ notifier ─▶ Slack
handlers ─▶ registry, mutes      (also where no bot runs, for reads)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.alerts.certificate_feed import CertificateBasis, CertificateFeed
from bot.alerts.disk_feed import DiskFeed
from bot.alerts.mute_reminders import OWNER_CHECK_INTERVAL
from bot.alerts.mutes import MuteRegistry
from bot.alerts.notifier import Notifier
from bot.alerts.registry import AlertRegistry
from bot.alerts.routes import Router
from bot.alerts.watch import Watch
from bot.app.build_mutes import build_mutes, build_reminder, build_suspension_reminder
from bot.app.build_watch import build_watch, prune_traffic
from bot.audit.log import AuditLog
from bot.config.active_config import ActiveConfig
from bot.reports.checks import CheckFollower
from bot.runtime.periodic import DAY, PeriodicTask, run_periodically
from bot.security.redaction import Redactor
from bot.store.alerts import AlertTable
from bot.store.database import Database
from bot.store.traffic import TrafficTable

if TYPE_CHECKING:
    from bot.app.application import Application


NOTIFY_INTERVAL = 10.0
"""Seconds between two looks for alerts to show. What fires in between is said together: hosts are checked all the time."""


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


def build_feeds(services: AlertServices, basis: Callable[[], ActiveConfig]) -> tuple[CheckFollower, ...]:
    """Builds what moves alerts by reports that were made for another reason: of a schedule, of a person, of the digest."""
    return (
        DiskFeed(services.registry, lambda: (basis().alerts, basis().thresholds)),
        CertificateFeed(services.registry, lambda: _find_certificate_basis(basis())),
    )


def _find_certificate_basis(basis: ActiveConfig) -> CertificateBasis:
    """Finds the basis of checks of certificates in the active configuration."""
    zone = ZoneInfo(basis.schedule_config.zone)
    return CertificateBasis(zone, frozenset(basis.inventory.names))


@asynccontextmanager
async def run_alerts(application: "Application", team: str) -> AsyncIterator[Watch]:
    """Watches the hosts, and moves and shows alerts, until the block is left. `team` is the configured people's workspace.

    Nothing is shown before the first whole check of the hosts: what fired before a crash may be over. While the watch is
    switched off, the alerts of certificates are still shown.
    """
    services, clock = application.alert_services, application.clock
    watch = build_watch(application)
    notifier, reminder = _build_notifier(application), build_reminder(application, team)
    resumes = build_suspension_reminder(application)

    async def move() -> None:
        await services.registry.tick(clock.now())
        if not watch.enabled:
            await services.registry.switch_off(clock.now())

    async def show() -> None:
        await notify_after(move, notifier.notify)
        if notifier.broken:
            raise RuntimeError(f"messages of alerts could not be made: {', '.join(notifier.broken)}")

    async def tick() -> None:
        if watch.ready:
            services.notifier.connect(notifier)  # not earlier: an acknowledgement notifies, too
            await watch.attempt("messages", show)
            await reminder.remind(clock.now())
            await resumes.remind(clock.now())

    works = (
        PeriodicTask("alerts", NOTIFY_INTERVAL, tick),
        PeriodicTask("old traffic", DAY, lambda: prune_traffic(application)),
        PeriodicTask("owners of silences", OWNER_CHECK_INTERVAL, reminder.end_orphaned),
    )
    tasks = (
        asyncio.create_task(watch.run(), name="watch"),
        asyncio.create_task(run_periodically(works, clock), name="alerts"),
    )
    try:
        yield watch
    finally:
        services.notifier.connect(None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def notify_after(move: Callable[[], Awaitable[None]], notify: Callable[[], Awaitable[None]]) -> None:
    """Moves alerts, then notifies people, also if the move failed: one row that cannot be moved must not silence others."""
    try:
        await move()
    except Exception:
        await notify()
        raise
    await notify()


def _build_notifier(application: "Application") -> Notifier:
    services, links = application.alert_services, application.change_services.links
    return Notifier(
        services.registry,
        services.mutes,
        links,
        lambda: _build_router(application.dispatcher.config),
        application.clock.now,
    )


def _build_router(basis: ActiveConfig) -> Router:
    """Builds the router of the active configuration."""
    notices = basis.schedule_config
    labels = {host.name: frozenset(host.labels) for host in basis.inventory.hosts}
    return Router(basis.alerts, notices.channel, basis.policy.people, labels, ZoneInfo(notices.zone))
