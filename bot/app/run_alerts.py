"""Builds and runs alerts.

watch ─▶ registry (rows) ─▶ notifier ─▶ Slack
handlers ─▶ registry, mutes      (also where no bot runs, for reads)

Builds silences and maintenance, and the reminders of their ends and of suspensions.

Builds the watch over the parts of the application.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapters.fleet import Fleet
from bot.alerts.rules.routes import Router
from bot.alerts.rules.signals import RotationSight
from bot.alerts.services.fleet_memory import HealthRecord
from bot.alerts.services.host_reader import HostReading, WatchRequest, read_host
from bot.alerts.services.mute_reminders import OWNER_CHECK_INTERVAL, MuteBasis, MuteNotifiers, MuteReminder
from bot.alerts.services.notifier import Notifier
from bot.alerts.services.own_state import BackupWatch, KeyWatch, OwnCheck, OwnState
from bot.alerts.services.traffic import TrafficLedger
from bot.alerts.services.watch import Watch, WatchBasis, WatchParts
from bot.alerts.tables.traffic import TrafficTable
from bot.backups.tables import KeyBackupTable
from bot.config.active_config import ActiveConfig
from bot.config.schedules import DIGEST
from bot.hosts.services.suspensions import ReminderServices, SuspensionReminder
from bot.hosts.tables import SuspensionReminderTable
from bot.runtime.periodic import DAY, PeriodicTask, run_periodically
from bot.store.condition import is_undeliverable
from bot.store.observations import ObservationTable
from commands.alerts.conditions import Condition
from commands.health.wsl_checks import leave_out_kept
from commands.model.owed import KnownOwed

if TYPE_CHECKING:
    from bot.app.application import Application


def build_reminder(application: "Application", team: str) -> MuteReminder:
    """Builds the reminder of a running bot. `team` is the workspace of the configured people."""
    from bot.app.run_schedules import ScheduleOwners  # brings the scheduler, which commands without a bot need not

    services, links = application.wings.alerts, application.wings.changes.links

    def get_config() -> ActiveConfig:
        return application.dispatcher.config

    owners = ScheduleOwners(links, get_config, team)

    def get_basis() -> MuteBasis:
        config = get_config()
        return MuteBasis(config.policy, config.inventory, config.schedule_config.channel)

    notifiers = MuteNotifiers(services.registry, links, lambda mute: owners.refresh_stored(mute.identity), get_basis)
    return MuteReminder(services.mutes, notifiers)


def build_suspension_reminder(application: "Application") -> SuspensionReminder:
    """Builds the reminder of suspensions whose time is over."""
    changes = application.wings.changes

    def find_channel() -> str:
        return application.dispatcher.config.schedule_config.channel

    reminders = SuspensionReminderTable(application.database)
    services = ReminderServices(reminders, changes.operations, changes.links, find_channel)
    return SuspensionReminder(changes.suspensions, services)


def build_watch(application: "Application") -> Watch:
    """Builds the watch. It goes by the active configuration, also after a reload."""
    database, audit, changes = application.database, application.audit, application.wings.changes

    def find_basis() -> WatchBasis:
        config = application.dispatcher.config
        return WatchBasis(config.fleet, config.thresholds, config.alerts)

    backups = BackupWatch(
        application.wings.backups.verifier.read_state,
        lambda: [host.name for host in find_basis().fleet.inventory.hosts],
        application.clock.now,
    )

    async def find_rotation() -> RotationSight | None:
        found = await changes.rotations.find_progress()
        names = tuple(host.name for host in find_basis().fleet.inventory.hosts if host.windows is not None)
        return None if found is None else RotationSight(found.rotation, found.moved_at, names)

    own = OwnState(
        operations=changes.operations,
        schedules=changes.schedule_table,
        is_undeliverable=lambda operation: is_undeliverable(database, operation),
        find_trouble=lambda: audit.trouble,
        list_owed=changes.owed.registry.list_open,
        check_backups=backups.check,
        find_rotation=find_rotation,
        now=application.clock.now,
        digest=DIGEST,
    )
    keys = KeyWatch(
        KeyBackupTable(database).read_known,
        lambda: application.dispatcher.config.recipients,
        changes.rotations.read_known,
        application.clock.now,
    )

    async def check_own() -> OwnCheck:
        checked, copies = await own.check(), await keys.check()
        return OwnCheck(checked.judged | {Condition.CA_KEY}, (*checked.signals, *copies))

    async def read(fleet: Fleet, request: WatchRequest, now: Callable[[], datetime]) -> HostReading:
        """Reads a host, without the containers that a move left behind there."""
        reading, owed = await read_host(fleet, request, now), await changes.owed.registry.list_open()
        known = KnownOwed(tuple(each.brief for each in owed))
        inside = leave_out_kept(request.host, reading.looked.wsl, known)
        return replace(reading, looked=replace(reading.looked, wsl=inside))

    parts = WatchParts(
        basis=find_basis,
        read=read,
        registry=application.wings.alerts.registry,
        claims=changes.operations,
        check_own=check_own,
        traffic=TrafficLedger(TrafficTable(database)),
        health=HealthRecord(ObservationTable(database), changes.owed.asker.note_answer),
    )
    return Watch(parts, application.clock)


async def prune_traffic(application: "Application") -> None:
    """Aggregates old traffic to days, in small batches between which other work runs."""
    table = TrafficTable(application.database)
    while await table.aggregate_old(application.clock.now()):
        pass


NOTIFY_INTERVAL = 10.0
"""Seconds between two looks for alerts to show. What fires in between is said together: hosts are checked all the time."""


@asynccontextmanager
async def run_alerts(application: "Application", team: str) -> AsyncIterator[Watch]:
    """Watches the hosts, and moves and shows alerts, until the block is left. `team` is the configured people's workspace.

    Nothing is shown before the first whole check of the hosts: what fired before a crash may be over. While the watch is
    switched off, the alerts of certificates are still shown.
    """
    services, clock = application.wings.alerts, application.clock
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
    services, links = application.wings.alerts, application.wings.changes.links
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
