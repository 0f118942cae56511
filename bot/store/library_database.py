"""Prepares a database file for a library that owns it (DBOS): private like the bot's, and in WAL mode.

SQLite stores the WAL mode in the file.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store.database import LOCK_TIMEOUT, make_private
from bot.store.errors import map_sqlite_error


def prepare_library_file(path: Path) -> None:
    """Creates the file if needed and sets its mode. Blocks. The file must not be open elsewhere. Raises `DatabaseError`."""
    make_private(path)
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise map_sqlite_error(error, path) or error from error
