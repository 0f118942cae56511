"""The line to SQLite: one connection, used by one thread at a time.

Every error of the database libraries becomes ours here. SQLite may take back a whole transaction
by itself (a full disk); so the first error with a known meaning ends the transaction and is what
everybody in it gets, whatever follows from it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import StaticPool

from bot.store.errors import DatabaseError, meaning

T = TypeVar("T")

Work = Callable[[Connection], Any]
"""What is done inside a transaction; gives back plain values, never live rows."""

WRITING = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
)
READING = ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")


class Line:
    """One open connection. `patience` is how many seconds to wait for another program's write lock."""

    def __init__(self, path: Path, patience: float, *, read_only: bool = False) -> None:
        self._path = path
        self._failure: DatabaseError | None = None

        def connect() -> sqlite3.Connection:
            address = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rw'}"
            # autocommit: this module alone says where a transaction begins
            connection = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
            # a text that was damaged on the disk is still a text, so that it can be found and shown
            connection.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
            try:
                for pragma in READING if read_only else WRITING:
                    connection.execute(pragma)
            except sqlite3.Error:
                connection.close()
                raise
            return connection

        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
        event.listen(engine, "handle_error", self._translate, retval=True)
        self._connection = engine.connect()

    def _translate(self, context: ExceptionContext) -> BaseException | None:
        found = meaning(context.original_exception, self._path)
        self._failure = self._failure or found
        return found

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back on an exception."""
        self._failure = None
        try:
            with self._connection.begin():
                self._connection.exec_driver_sql(begin)
                yield self._connection
        except Exception as error:
            if self._failure is None or error is self._failure:
                raise
            raise self._failure from error

    def write(self, works: Sequence[Work]) -> list[Any]:
        """Do all of them in one transaction; for each its value, or its exception.

        Where one fails, nothing was written yet, and each is done again in a transaction of its own.
        A `DatabaseError` ends them all: it is raised, and nothing was written.
        """
        try:
            with self.transaction("BEGIN IMMEDIATE") as connection:
                return [work(connection) for work in works]
        except DatabaseError:
            raise
        except Exception as error:
            if len(works) == 1:
                return [error]
        return [self._alone(work) for work in works]

    def _alone(self, work: Work) -> Any:
        try:
            [value] = self.write([work])
        except DatabaseError as error:
            return error
        return value

    def read(self, work: Callable[[Connection], T]) -> T:
        """One work that writes nothing, on one consistent state."""
        with self.transaction("BEGIN") as connection:
            return work(connection)

    def copy_to(self, target: Path) -> None:
        """A whole copy, made by SQLite itself: copying an open file loses what is still in the log beside it."""
        source = self._connection.connection.dbapi_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
        except sqlite3.Error as error:
            raise meaning(error, target) or error from error

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()
        self._connection.engine.dispose()
