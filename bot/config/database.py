"""The database that settings name, and the name of this copy of the bot over it."""

import socket
from dataclasses import replace

from bot.config.settings import Settings
from bot.security.secrets import FindSecret
from bot.store.address import DatabaseAddress, parse_postgres_address


def find_database(settings: Settings, secrets: FindSecret) -> DatabaseAddress:
    """Returns the address of the bot's database, with its password. Raises `MissingSecret`."""
    if settings.database is None:
        return settings.database_file
    password = None if settings.database_password_secret is None else secrets(settings.database_password_secret)
    return replace(parse_postgres_address(settings.database), password=password)


def find_copy_name(settings: Settings) -> str:
    """Returns the name of this copy of the bot: as configured, or the name of the machine."""
    return settings.copy_name or socket.gethostname()
