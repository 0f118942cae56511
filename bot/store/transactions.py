"""Transactions on one open connection, used by one thread at a time, whatever the database.

Errors of the database libraries are mapped here. A database may roll back a whole transaction by itself (on a full disk).
So the first mapped error ends the transaction, and every work in it gets this error, whatever errors follow.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from bot.store.errors import DatabaseError

T = TypeVar("T")

DatabaseWork = Callable[[Connection], Any]
"""A function that runs inside a transaction. It returns plain values, never live rows."""


@dataclass(frozen=True)
class BeginStatements:
    """Statements that begin a transaction that may write, and one that only reads one consistent state."""

    write: str
    read: str


class Transactions:
    """Transactions on the one connection of `engine`, which is opened here.

    `map_error` maps an error of the library; None if it means a bug in the bot.
    """

    def __init__(
        self, engine: Engine, begin: BeginStatements, map_error: Callable[[ExceptionContext], DatabaseError | None]
    ) -> None:
        self._begin = begin
        self._map_library_error = map_error
        self._failure: DatabaseError | None = None
        event.listen(engine, "handle_error", self._map_error, retval=True)
        self.connection = engine.connect()

    def _map_error(self, context: ExceptionContext) -> BaseException | None:
        found = self._map_library_error(context)
        self._failure = self._failure or found
        return found

    @contextmanager
    def hold(self, begin: str) -> Iterator[Connection]:
        """Context of one transaction: committed at the end, rolled back on an exception."""
        self._failure = None
        try:
            with self.connection.begin():
                self.connection.exec_driver_sql(begin)
                yield self.connection
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
            with self.hold(self._begin.write) as connection:
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

    def write_one(self, work: Callable[[Connection], T]) -> T:
        """Runs one work in a transaction of its own. If it raises, nothing of it was written."""
        with self.hold(self._begin.write) as connection:
            return work(connection)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Runs a work that only reads, on one consistent state."""
        with self.hold(self._begin.read) as connection:
            return work(connection)
