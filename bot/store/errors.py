"""Errors of the database as types.

They are chosen by SQLite's result codes; its message texts are never compared. Codes that are not listed mean a bug in the
bot (a violated constraint, a wrong statement), and their errors pass unchanged.
"""

import errno
import sqlite3
from pathlib import Path

from adapters.errors import FlatnetError
from adapters.phrase import Phrase


class DatabaseError(FlatnetError):
    """Base of all errors that mean: the database could not be used."""


class DatabaseBusy(DatabaseError):
    """Another program holds the write lock. Nothing was written, and a retry may succeed."""


class DatabaseFull(DatabaseError):
    """No space is left on the disk or in the quota. Nothing was written."""


class DatabaseDamaged(DatabaseError):
    """The file is not a database, not the bot's database, or corrupt."""


class DatabaseUnavailable(DatabaseError):
    """The file could not be opened, read or written."""


class DatabaseInUse(DatabaseError):
    """Another bot owns this database."""


class DatabaseUntrusted(DatabaseError):
    """Other users can change the folder of the database, or a file in it."""


class DatabaseOutdated(DatabaseError):
    """The tables are older than this program; `flatnet-bot db upgrade` upgrades them."""


class DatabaseTooNew(DatabaseError):
    """The tables were created by a newer program."""


class DatabaseNotEmpty(DatabaseError):
    """The database has rows already, so another history cannot be put into it."""


class TooLarge(FlatnetError):
    """A value is larger than a row may hold."""


def make_busy_error(path: Path) -> DatabaseBusy:
    """Makes the error for a write lock that was not released in time."""
    return DatabaseBusy(
        Phrase("the database {path} is locked by another program. Close that program, then try again", path=str(path))
    )


def make_full_error(path: Path) -> DatabaseFull:
    """Makes the error for a full disk."""
    return DatabaseFull(Phrase("no disk space left for the database {path}. Free up space, then try again", path=str(path)))


def make_damaged_error(path: object) -> DatabaseDamaged:
    """Makes the error for a file that is not the bot's database, or is corrupt."""
    return DatabaseDamaged(
        Phrase("{path} is damaged or is not a flatnet-bot database. Restore it from a backup", path=str(path))
    )


def make_unavailable_error(path: Path, reason: str) -> DatabaseUnavailable:
    """Makes the error for a file that could not be opened, read or written; `reason` is the name of a code."""
    return DatabaseUnavailable(
        Phrase(
            "could not open, read or write the database {path} ({reason}). Check the folder, its owner and the disk",
            path=str(path),
            reason=reason,
        )
    )


_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FULL_CODES = (sqlite3.SQLITE_FULL,)
_DAMAGED_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNAVAILABLE_CODES = (
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
)


def map_sqlite_error(error: BaseException, path: Path) -> DatabaseError | None:
    """Maps an SQLite error by its result code; None if the code means a bug in the bot."""
    if not isinstance(error, sqlite3.Error) or not hasattr(error, "sqlite_errorcode"):
        return None
    code = error.sqlite_errorcode & 0xFF  # the low byte is the primary code
    if code in _BUSY_CODES:
        return make_busy_error(path)
    if code in _FULL_CODES:
        return make_full_error(path)
    if code in _DAMAGED_CODES:
        return make_damaged_error(path)
    if code in _UNAVAILABLE_CODES:
        return make_unavailable_error(path, error.sqlite_errorname)
    return None


def map_os_error(error: OSError, path: Path) -> DatabaseError:
    """Maps an error of a file that the bot opened itself. None of them may be a link (`O_NOFOLLOW`)."""
    if error.errno == errno.ELOOP:
        return DatabaseUntrusted(Phrase("{path} is a link. Check who created it, and remove it", path=str(path)))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return make_full_error(path)
    return make_unavailable_error(path, errno.errorcode.get(error.errno or 0, "?"))
