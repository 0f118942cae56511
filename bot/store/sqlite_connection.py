"""One connection to SQLite, used by one thread at a time.

Errors of the database libraries are mapped here. SQLite may roll back a whole transaction by itself (on a full disk).
So the first mapped error ends the transaction, and every work in it gets this error, whatever errors follow.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import StaticPool

from bot.store.errors import DatabaseError, map_sqlite_error

T = TypeVar("T")

DatabaseWork = Callable[[Connection], Any]
"""A function that runs inside a transaction. It returns plain values, never live rows."""

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
        self._path = path
        self._patience = patience
        self._failure: DatabaseError | None = None

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

        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
        event.listen(engine, "handle_error", self._map_error, retval=True)
        self._connection = engine.connect()

    def _map_error(self, context: ExceptionContext) -> BaseException | None:
        found = map_sqlite_error(context.original_exception, self._path)
        self._failure = self._failure or found
        return found

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Connection]:
        """Context of one transaction: committed at the end, rolled back on an exception."""
        self._failure = None
        try:
            with self._connection.begin():
                self._connection.exec_driver_sql(begin)
                yield self._connection
        except Exception as error:
            if self._failure is None or error is self._failure:
                raise
            raise self._failure from error

    def write(self, works: Sequence[DatabaseWork]) -> list[Any]:
        """Runs all works in one transaction. Returns the value or the exception of each.

        If a work fails, the transaction is rolled back and each work runs again in a transaction of its own.
        Raises `DatabaseError` for all of them together; then nothing was written.
        """
        try:
            with self.transaction("BEGIN IMMEDIATE") as connection:
                return [work(connection) for work in works]
        except DatabaseError:
            raise
        except Exception as error:
            if len(works) == 1:
                return [error]
        return [self._write_alone(work) for work in works]

    def _write_alone(self, work: DatabaseWork) -> Any:
        try:
            [value] = self.write([work])
        except DatabaseError as error:
            return error
        return value

    def read(self, work: Callable[[Connection], T]) -> T:
        """Runs a work that only reads, on one consistent state."""
        with self.transaction("BEGIN") as connection:
            return work(connection)

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

    def compact(self) -> None:
        """Writes the database anew, without anything that was ever deleted."""
        self._connection.exec_driver_sql("VACUUM")
        self._connection.rollback()
        self.truncate_wal()

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
        self._connection.engine.dispose()
