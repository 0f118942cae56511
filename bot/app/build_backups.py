"""Builds what backups need: the second place, and what performs the actions there."""

from collections.abc import Callable
from datetime import datetime

from bot.app.backup_files import BackupActions, OwnData, SecondPlace
from bot.changes.step_binding import OwnActions
from bot.config.settings import Settings


def build_second_place(settings: Settings) -> SecondPlace:
    """Builds the second place from the settings."""
    return SecondPlace(settings.backup_folder, made_by_bot=settings.backups.folder is None)


def add_backup_actions(settings: Settings, own: OwnActions, now: Callable[[], datetime]) -> None:
    """Adds the actions on the second place to those that the bot can do on itself."""
    data = OwnData(settings.database_file, settings.audit_head_file)
    BackupActions(build_second_place(settings), data, now).add_to(own)
