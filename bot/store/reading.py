"""Reading of a database in the caller's thread, even if a bot owns it, and even where nothing can be written.

files that can be written, or a bot at work ─▶ SQLite's ordinary reader: its companion files beside the database
read-only files (evidence) ─┬─ no WAL file, or an empty one ─▶ opened as immutable: SQLite opens one file, for reading
                            └─ a WAL file ─▶ both are copied to a private temporary folder and read there
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from adapters.phrase import Phrase
from bot.store import audit
from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.database import make_private
from bot.store.errors import DatabaseError, DatabaseUnavailable
from bot.store.schema import creation as schema
from bot.store.sqlite import Access, SqliteConnection

PATIENCE = 1.0
"""Seconds to wait for another program's lock."""

_WRITE_BITS = 0o222


@contextmanager
def open_for_reading(address: DatabaseAddress) -> Iterator[Connection]:
    """Opens one consistent state of a database. Takes no lock, and writes nothing where the files are read-only."""
    opened = _open_session(address) if isinstance(address, PostgresAddress) else _open_file(address)
    with opened as connection:
        yield connection


@contextmanager
def _open_session(address: PostgresAddress) -> Iterator[Connection]:
    """Opens a session of its own, in a transaction that reads one state. No other session waits for it."""
    from bot.store.postgres_connection import PostgresConnection
    from bot.store.postgres_session import READER_LIMITS

    line = PostgresConnection(address, READER_LIMITS)
    try:
        with line.reading() as connection:
            schema.check_tables(connection, address)
            yield connection
    finally:
        line.close()


@contextmanager
def _open_file(path: Path) -> Iterator[Connection]:
    if not _is_read_only(path) or Path(f"{path}-shm").exists():
        with _open(path, Access.READ, path) as connection:
            yield connection
    elif not _has_wal(path):
        with _open(path, Access.IMMUTABLE, path) as connection:
            yield connection
    else:
        with _copy(path) as copy, _open(copy, Access.READ, path) as connection:
            yield connection


def copy_file(path: Path, target: Path) -> None:
    """Copies one consistent state of a database into a new private file, by SQLite's own backup, also while a bot writes.

    Raises a `DatabaseError`. What is deleted in the database and not yet erased may be in the copy.
    """
    make_private(target)
    line = SqliteConnection(path, PATIENCE, Access.READ)
    try:
        line.copy_to(target)
    finally:
        line.close()


def may_have_events(path: Path) -> bool:
    """Returns whether a file may have a history, whatever the revision of its tables.

    True for one that cannot be read: it is not taken for an empty one.
    """
    if not path.exists():
        return False
    try:
        line = SqliteConnection(path, PATIENCE, Access.READ)
        try:
            return line.read(lambda connection: schema.has_tables(connection) and audit.has_events(connection))
        finally:
            line.close()
    except (DatabaseError, SQLAlchemyError):
        return True


def empty_wal(path: Path) -> None:
    """Moves what the WAL file of a killed bot has into the database file. The caller owns the database."""
    line = SqliteConnection(path, PATIENCE)
    try:
        line.truncate_wal()
    finally:
        line.close()


@contextmanager
def _open(file: Path, access: Access, named: Path) -> Iterator[Connection]:
    line = SqliteConnection(file, PATIENCE, access)
    try:
        with line.transaction("BEGIN") as connection:
            schema.check_tables(connection, named)
            yield connection
    finally:
        line.close()


def _is_read_only(path: Path) -> bool:
    """Returns whether the database or its folder is read-only, by its mode (which root does not notice) or its mount."""
    try:
        return any(
            not os.access(each, os.W_OK) or not each.stat().st_mode & _WRITE_BITS for each in (path.resolve().parent, path)
        )
    except OSError:
        return False  # SQLite reports why it cannot be opened


def _has_wal(path: Path) -> bool:
    """Returns whether a WAL file has events that are not in the database file yet."""
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """Copies the database with its WAL file to a private folder that is removed afterwards."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="flatnet-bot-"))
            copy = Path(folder) / path.name
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        except OSError as error:
            raise _make_copy_error(path, error) from error
        yield copy


def _make_copy_error(path: Path, error: OSError) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        Phrase(
            "{path} is read-only and has a WAL file, and could not be copied to {folder} ({reason}). Set TMPDIR to a folder "
            "with more space",
            path=str(path),
            folder=tempfile.gettempdir(),
            reason=error.strerror or "?",
        )
    )
