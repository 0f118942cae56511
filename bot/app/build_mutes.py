"""Builds silences and maintenance, and the reminders of their ends and of suspensions."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.alerts.mute_reminders import MuteBasis, MuteNotifiers, MuteReminder
from bot.alerts.mutes import MuteRegistry
from bot.audit.log import AuditLog
from bot.config.active_config import ActiveConfig
from bot.store.database import Database
from bot.store.mutes import MuteTable
from bot.suspensions.reminders import ReminderServices, SuspensionReminder

if TYPE_CHECKING:
    from bot.app.application import Application


def build_mutes(
    database: Database, audit: AuditLog, basis: Callable[[], ActiveConfig], now: Callable[[], datetime]
) -> MuteRegistry:
    """Builds the silences and maintenance over an open database. `basis` returns the active configuration."""
    return MuteRegistry(MuteTable(database), audit, lambda: basis().inventory, now)


def build_reminder(application: "Application", team: str) -> MuteReminder:
    """Builds the reminder of a running bot. `team` is the workspace of the configured people."""
    from bot.app.build_schedules import ScheduleOwners  # brings the scheduler, which commands without a bot need not

    services, links = application.alert_services, application.change_services.links

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
    changes = application.change_services

    def find_channel() -> str:
        return application.dispatcher.config.schedule_config.channel

    return SuspensionReminder(changes.suspensions, ReminderServices(changes.operations, changes.links, find_channel))
