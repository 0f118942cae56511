"""Builds what backups need: the second place, what performs the actions there, and the registry of rows."""

from collections.abc import Callable
from datetime import datetime

from bot.app.backup_files import BackupActions, OwnData, SecondPlace
from bot.audit.log import AuditLog
from bot.backups.registry import BackupRegistry
from bot.changes.step_binding import OwnActions
from bot.config.active_config import ActiveConfig
from bot.config.settings import Settings
from bot.store.address import DatabaseAddress
from bot.store.backups import BackupTable
from bot.store.database import Database


def add_backup_actions(
    settings: Settings,
    database: DatabaseAddress,
    basis: Callable[[], ActiveConfig],
    own: OwnActions,
    now: Callable[[], datetime],
) -> None:
    """Adds the actions on the second place, as it is configured when they run, to those that the bot can do on itself."""
    data = OwnData(database, settings.audit_head_file)
    BackupActions(lambda: find_second_place(basis()), data, now).add_to(own)


def build_backup_registry(database: Database, audit: AuditLog, basis: Callable[[], ActiveConfig]) -> BackupRegistry:
    """Builds the registry over an open database. `basis` returns the active configuration."""
    return BackupRegistry(BackupTable(database), audit, lambda backup: find_second_place(basis()).read_manifest(backup))


def find_second_place(config: ActiveConfig) -> SecondPlace:
    """Finds the second place in the active configuration."""
    return SecondPlace(config.backup_folder.path, config.backup_folder.made_by_bot)
