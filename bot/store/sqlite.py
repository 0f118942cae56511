"""One connection to SQLite, used by one thread at a time.

Ownership of a database by one process: a lock on a file beside it. The kernel releases it when the process ends.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import StaticPool

from adapters.phrase import Phrase
from bot.security.file_trust import trust_users
from bot.store.errors import DatabaseError, DatabaseInUse, DatabaseUntrusted, map_os_error, map_sqlite_error
from bot.store.transactions import BeginStatements, DatabaseWork, Transactions

T = TypeVar("T")

BEGIN = BeginStatements(write="BEGIN IMMEDIATE", read="BEGIN")

WRITER_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA secure_delete = ON",
)
READER_PRAGMAS = ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")


class Access(StrEnum):
    """Access to a database file, as parameters of SQLite's address.

    IMMUTABLE: the file does not change, so SQLite opens nothing else and takes no lock. It must have no WAL file.
    """

    WRITE = "mode=rw"
    READ = "mode=ro"
    IMMUTABLE = "mode=ro&immutable=1"


class SqliteConnection:
    """One open connection. `patience` is the number of seconds to wait for another program's write lock."""

    def __init__(self, path: Path, patience: float, access: Access = Access.WRITE) -> None:
        self._patience = patience

        def connect() -> sqlite3.Connection:
            address = f"file:{quote(str(path.absolute()))}?{access}"
            # autocommit: only this module begins transactions
            connection = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
            # a text that was damaged on the disk is decoded anyway, so that it can be found and shown
            connection.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
            try:
                for pragma in WRITER_PRAGMAS if access is Access.WRITE else READER_PRAGMAS:
                    connection.execute(pragma)
            except sqlite3.Error:
                connection.close()
                raise
            return connection

        def map_error(context: ExceptionContext) -> DatabaseError | None:
            return map_sqlite_error(context.original_exception, path)

        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
        self._transactions = Transactions(engine, BEGIN, map_error)
        self._connection = self._transactions.connection

    def transaction(self, begin: str) -> AbstractContextManager[Connection]:
        """Context of one transaction: committed at the end, rolled back on an exception."""
        return self._transactions.hold(begin)

    def write(self, works: Sequence[DatabaseWork]) -> list[Any]:
        """As `Transactions.write`."""
        return self._transactions.write(works)

    def read(self, work: Callable[[Connection], T]) -> T:
        """As `Transactions.read`."""
        return self._transactions.read(work)

    def copy_to(self, target: Path) -> None:
        """Copies the database with SQLite's backup. A copy of the open file would lose the contents of the WAL file."""
        source = self._connection.connection.dbapi_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
        except sqlite3.Error as error:
            raise map_sqlite_error(error, target) or error from error

    def truncate_wal(self) -> bool:
        """Moves the contents of the WAL file into the database file and empties it; False if a reader still needs it.

        Until then the WAL file has all that was written, also what was deleted since. Never waits for the reader.
        """
        try:
            self._connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            busy: int = self._connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        finally:
            self._connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
            self._connection.rollback()  # ends SQLAlchemy's transaction; SQLite has none
        return not busy

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
        self._connection.engine.dispose()


class FileLock:
    """Lock from `acquire` to `release`. The file holds the owner's pid and stays: without it two owners could get in."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, database: Path) -> "FileLock":
        """Acquires the ownership of `database` and creates its folder if needed.

        Raises `DatabaseInUse` with the owner's pid, `DatabaseUntrusted` if other users can change what is in the folder, or
        another `DatabaseError` if the lock file could not be written.
        """
        path = database.with_name(database.name + ".lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for problem in trust_users().find_folder_problems(path.parent):
                raise DatabaseUntrusted(problem)
            lock = cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            raise map_os_error(error, path) from error
        try:
            lock._lock_and_record_pid()
        except BlockingIOError:
            owner = lock._read_owner()
            lock.release()
            raise DatabaseInUse(
                Phrase(
                    "another flatnet-bot (process {pid}) is using {path}. Use it, or stop it first",
                    pid=owner,
                    path=str(database),
                )
            ) from None
        except OSError as error:
            lock.release()
            raise map_os_error(error, path) from error
        return lock

    def _lock_and_record_pid(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def _read_owner(self) -> str:
        """Returns the pid in the file; "?" in the instant before it is written."""
        return os.read(self._descriptor, 20).decode("ascii", "replace").strip() or "?"

    def release(self) -> None:
        """Releases the ownership."""
        os.close(self._descriptor)

    @classmethod
    @contextmanager
    def hold(cls, database: Path) -> Iterator[None]:
        """Owns `database` until the block is left. Raises as `acquire`."""
        lock = cls.acquire(database)
        try:
            yield
        finally:
            lock.release()
