"""A copy of the bot's database from a backup: taken out of its archive, and checked as a whole. Blocks.

bot.tar ─▶ database and head file ─▶ SQLite's own check ─▶ revision of the tables, triggers ─▶ chain of the audit log

The archive may be any file: only its own two files are taken out, under names of ours. A database file without an archive,
as `db upgrade` leaves it, is taken as it is.
"""

import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.store import audit as table
from bot.store.audit_chain import AuditKey, Verification, verify_chain
from bot.store.audit_head_file import BEGINNING, Head, HeadFile
from bot.store.errors import make_damaged_error
from bot.store.reading import PATIENCE
from bot.store.schema import creation as schema
from bot.store.sqlite import Access, SqliteConnection

DATABASE_NAME = "flatnet.sqlite3"
HEAD_NAME = "audit-head.jsonl"

SQLITE_MAGIC = b"SQLite format 3\0"
"""First bytes of every SQLite database (sqlite.org/fileformat.html)."""

MAX_MEMBERS = 2
"""Files in the archive: the database, and the head file of its audit log."""


class NotACopy(Refused):
    """The file holds no copy of the bot's database, or one that cannot be used."""


@dataclass(frozen=True)
class DatabaseCopy:
    """Files of a copy: the database, and its head file if there is one."""

    database: Path
    head_file: Path | None


@dataclass(frozen=True)
class CheckedCopy:
    """Result of the check of a copy: the revision of its tables, its audit log, and the time of the newest event."""

    revision: str
    events: Verification
    newest: Head | None


def unpack_copy(file: Path, folder: Path) -> DatabaseCopy:
    """Takes the files of a copy out of an archive, into an empty folder. Raises `NotACopy`."""
    try:
        with file.open("rb") as stream:
            if stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC:
                stream.seek(0)
                _write(stream, folder / DATABASE_NAME)
                return DatabaseCopy(folder / DATABASE_NAME, None)
            stream.seek(0)
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                return _unpack(archive, file, folder)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _refuse(file) from error
    except OSError as error:
        raise NotACopy(
            Phrase("could not read {file} ({reason})", file=str(file), reason=error.strerror or type(error).__name__)
        ) from error


def check_copy(copy: DatabaseCopy, keys: Sequence[AuditKey], named: Path) -> CheckedCopy:
    """Checks a copy: SQLite's integrity, the revision, and the audit log against the head file of the copy.

    Raises `DatabaseDamaged` and `DatabaseTooNew`; `named` is the file that they name. Whether the events are intact is in
    the result: a wrong key makes them unverifiable.
    """
    line = SqliteConnection(copy.database, PATIENCE, Access.IMMUTABLE)
    try:
        with line.transaction("BEGIN") as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar() != "ok":
                raise make_damaged_error(named)
            revision = schema.read_revision(connection, named)
            if not schema.has_own_triggers(connection):
                raise make_damaged_error(named)
            last = table.read_last(connection)
            heads = [BEGINNING] if copy.head_file is None else HeadFile(copy.head_file).read(copy.head_file.stat().st_size)
            accepted = None if copy.head_file is None else table.find_last_acceptance(connection)
            events = verify_chain(table.iterate_events(connection), heads, keys, accepted)
    finally:
        line.close()
    return CheckedCopy(revision, events, None if last is None else Head(last.sequence, last.mac, last.at))


def _unpack(archive: tarfile.TarFile, file: Path, folder: Path) -> DatabaseCopy:
    """Takes each file out under a name of ours: what the archive calls it decides nothing."""
    taken: dict[str, Path] = {}
    for number, member in enumerate(archive):
        stream = archive.extractfile(member) if member.isreg() and number < MAX_MEMBERS else None
        if stream is None:
            raise _refuse(file)
        with stream:
            name = DATABASE_NAME if stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC else HEAD_NAME
            if name in taken:
                raise _refuse(file)
            stream.seek(0)
            taken[name] = folder / name
            _write(stream, taken[name])
    if DATABASE_NAME not in taken:
        raise _refuse(file)
    head = taken.get(HEAD_NAME)
    return DatabaseCopy(taken[DATABASE_NAME], head if head is not None and head.stat().st_size else None)


def _write(source: IO[bytes], path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())


def _refuse(file: Path) -> NotACopy:
    return NotACopy(
        Phrase("{file} is not a backup of the bot. Specify the file bot.tar of one, as backup show lists it", file=str(file))
    )
