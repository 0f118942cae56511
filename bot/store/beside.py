"""A database file of a library's own, beside ours: private like ours, and in WAL mode, which stays with the file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store.database import PATIENCE, make_private
from bot.store.errors import meaning


def prepare(path: Path) -> None:
    """Have a file that a library can open as SQLite; a `DatabaseError` says why not. Blocks; nobody may have it open."""
    make_private(path)
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise meaning(error, path) or error from error
