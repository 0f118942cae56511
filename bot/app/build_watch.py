"""Builds the watch over the parts of the application."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.fleet import Fleet
from bot.alerts.backup_state import BackupWatch
from bot.alerts.health_record import HealthRecord
from bot.alerts.host_reader import HostReading, WatchRequest, read_host
from bot.alerts.key_state import KeyWatch
from bot.alerts.own_state import OwnCheck, OwnState
from bot.alerts.rotation_signals import RotationSight
from bot.alerts.traffic_ledger import TrafficLedger
from bot.alerts.watch import Watch, WatchBasis, WatchParts
from bot.schedules.builtin import DIGEST
from bot.store.condition import is_undeliverable
from bot.store.key_backups import KeyBackupTable
from bot.store.observations import ObservationTable
from bot.store.traffic import TrafficTable
from commands.alerts.conditions import Condition
from commands.health.wsl_checks import leave_out_kept
from commands.model.owed import KnownOwed

if TYPE_CHECKING:
    from bot.app.application import Application


def build_watch(application: "Application") -> Watch:
    """Builds the watch. It goes by the active configuration, also after a reload."""
    database, audit, changes = application.database, application.audit, application.change_services

    def find_basis() -> WatchBasis:
        config = application.dispatcher.config
        return WatchBasis(config.fleet, config.thresholds, config.alerts)

    backups = BackupWatch(
        application.backups.read_state,
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
        registry=application.alert_services.registry,
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
