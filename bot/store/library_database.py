"""Prepares a database file for a library that owns it (DBOS): private like the bot's, and in WAL mode.

SQLite stores the WAL mode in the file.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

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


def count_unfinished_runs(path: Path) -> int:
    """Counts the runs that the engine (DBOS) has not finished; 0 without a file. Blocks. Raises `DatabaseError`."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=LOCK_TIMEOUT)) as line:
            if not line.execute("SELECT 1 FROM sqlite_master WHERE name = 'workflow_status'").fetchone():
                return 0
            query = "SELECT count(*) FROM workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')"
            count: int = line.execute(query).fetchone()[0]
            return count
    except sqlite3.Error as error:
        raise map_sqlite_error(error, path) or error from error
