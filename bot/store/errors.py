"""What can go wrong with the database, as types.

SQLite's result codes are the contract (`_MEANINGS`); its message texts are never compared. Codes
that are not listed are bugs of ours (a broken constraint, a wrong statement) and pass as they are.
"""

import errno
import sqlite3
from pathlib import Path

from adapters.errors import FlatnetError
from adapters.phrase import Phrase


class DatabaseError(FlatnetError):
    """The database does not serve us."""


class DatabaseBusy(DatabaseError):
    """Another program holds the write lock. Nothing was written; trying again may succeed."""


class DatabaseFull(DatabaseError):
    """No room on the disk (or in the quota). Nothing was written."""


class DatabaseDamaged(DatabaseError):
    """The file is not a database, not ours, or its contents are broken."""


class DatabaseUnavailable(DatabaseError):
    """The file cannot be opened, read or written."""


class DatabaseInUse(DatabaseError):
    """Another bot owns this database."""


class DatabaseOutdated(DatabaseError):
    """The tables are older than this program; `flatnet-bot db upgrade` brings them up to date."""


class DatabaseTooNew(DatabaseError):
    """The tables were made by a newer program."""


class TooLarge(FlatnetError):
    """A value is larger than a row may hold."""


def busy(path: Path) -> DatabaseBusy:
    """The write lock did not become free in time."""
    return DatabaseBusy(
        Phrase("the database {path} is locked by another program; close that program, then try again", path=str(path))
    )


def full(path: Path) -> DatabaseFull:
    """No room left."""
    return DatabaseFull(
        Phrase("no room left for the database {path}; make room on that disk, then try again", path=str(path))
    )


def damaged(path: Path) -> DatabaseDamaged:
    """Not a database, or broken inside."""
    return DatabaseDamaged(
        Phrase(
            "{path} is damaged or is not a database of flatnet-bot; put a copy from your backup in its place", path=str(path)
        )
    )


def unavailable(path: Path, reason: str) -> DatabaseUnavailable:
    """Cannot be opened, read or written; `reason` is a code's name."""
    return DatabaseUnavailable(
        Phrase(
            "the database {path} cannot be opened, read or written ({reason}); check the folder, its owner and the disk",
            path=str(path),
            reason=reason,
        )
    )


_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FULL = (sqlite3.SQLITE_FULL,)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNAVAILABLE = (
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
)


def meaning(error: BaseException, path: Path) -> DatabaseError | None:
    """What SQLite's result code means to us; None where it is a bug of ours."""
    if not isinstance(error, sqlite3.Error) or not hasattr(error, "sqlite_errorcode"):
        return None
    code = error.sqlite_errorcode & 0xFF  # the low byte is the primary code
    if code in _BUSY:
        return busy(path)
    if code in _FULL:
        return full(path)
    if code in _DAMAGED:
        return damaged(path)
    if code in _UNAVAILABLE:
        return unavailable(path, error.sqlite_errorname)
    return None


def meaning_of_os(error: OSError, path: Path) -> DatabaseError:
    """The same for the files that we open ourselves."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return full(path)
    return unavailable(path, errno.errorcode.get(error.errno or 0, "?"))
