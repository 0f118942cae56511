"""Sessions of PostgreSQL for the library that keeps runs (DBOS), beside the session that leads: fenced by its term.

    BEGIN ─ the term ─┬─ ours ─▶ reads ─ the leader's row, FOR SHARE ─┬─ ours ─▶ writes ─ COMMIT
                      └─ another one ─▶ the process ends there        └─ another one ─▶ the process ends there

A session here does not hold the lock of the lead (`leadership`), so a machine that hung and wakes could still commit.
The row that it holds keeps the next lead from beginning until the transaction has ended; what begins later sees its term.
The check is made by the cursor, so that no statement of the library can pass it by, not even one that commits by itself.
A transaction that only reads leaves the row alone: a held row is written, and DBOS looks into its tables all the time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from adapters.phrase import Phrase
from bot.store.address import PostgresAddress
from bot.store.database import Database, end_process
from bot.store.errors import DatabaseError, DatabaseUnavailable
from bot.store.postgres_connection import Lose
from bot.store.postgres_errors import map_postgres_error
from bot.store.postgres_session import connect

MAX_SESSIONS = 8
"""Most sessions. DBOS has more threads, which wait for one another."""

_READ_TERM = "SELECT term FROM leader WHERE id = 1"
_HOLD_TERM = "SELECT term FROM leader WHERE id = 1 FOR SHARE"
_READING = ("SELECT", "SET LOCAL")
"""First words of statements that store nothing."""

_PING = ";"
"""Statement by which SQLAlchemy asks whether a session is alive. It reads and writes nothing."""

_ONLINE = "CONCURRENTLY"
"""Word of statements on indexes that the server runs in no transaction. They only make the library's own tables."""


class EnginePool:
    """Sessions for one lead. `lose` ends the process in the thread that saw another term."""

    def __init__(self, address: PostgresAddress, term: int, lose: Lose = end_process) -> None:
        self._address, self._term, self._lose = address, term, lose
        self._closed = False
        self.engine: Engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=MAX_SESSIONS,
            max_overflow=0,
            pool_pre_ping=True,
        )
        event.listen(self.engine, "checkin", self._discard_late)

    @classmethod
    def open(cls, database: Database, lose: Lose = end_process) -> "EnginePool":
        """Makes the pool of the lead that a database has. Sessions are opened when they are needed."""
        assert isinstance(database.address, PostgresAddress)
        return cls(database.address, database.term, lose)

    def map_error(self, error: BaseException) -> DatabaseError | None:
        """Maps an error that the library let through; None if it means a bug."""
        if isinstance(error, DatabaseError):
            return error
        return map_postgres_error(error.orig, self._address) if isinstance(error, DBAPIError) and error.orig else None

    def require_term(self, term: int | None) -> None:
        """Ends the process if the leader's row has another term. A closed pool is of a lead that was given away."""
        if term == self._term and not self._closed:
            return
        error = DatabaseUnavailable(
            Phrase("another copy leads over {database}, so this one must not write there", database=str(self._address))
        )
        if self._closed:
            raise error
        self._lose(error)

    def close(self) -> None:
        """Closes the sessions. A thread of the library that comes late gets an error."""
        self._closed = True
        self.engine.dispose()

    def _discard_late(self, session: psycopg.Connection[Any], record: ConnectionPoolEntry) -> None:
        """Closes a session that is returned when the pool is closed already."""
        if self._closed:
            record.invalidate()

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            session = connect(self._address)
        except DatabaseError as error:
            raise psycopg.OperationalError(str(error)) from error  # DBOS tries again after errors of the library alone
        session.execute("SET idle_session_timeout = 0")  # they hold no lead, and the library may have nothing to do for long
        session.autocommit = False
        session.cursor_factory = _make_cursor_class(_Fence(session, self.require_term))
        return session


class _Fence:
    """Fence around the transactions of one session."""

    def __init__(self, session: psycopg.Connection[Any], require_term: Callable[[int | None], None]) -> None:
        self._session, self._require_term = session, require_term
        self._held = False

    @contextmanager
    def guard(self, statement: str) -> Iterator[None]:
        """Guards the execution of a statement: the transaction that it begins or belongs to must be of our term."""
        if statement == _PING:
            yield
        elif self._session.autocommit and _ONLINE not in statement:
            with self._hold_transaction(statement):
                yield
        else:
            self._check(statement)
            yield

    @contextmanager
    def _hold_transaction(self, statement: str) -> Iterator[None]:
        """Holds a transaction around one statement that would commit by itself, so that the check covers it."""
        self._ask("BEGIN")
        try:
            self._held = False
            self._check(statement)
            yield
            self._session.commit()
        except BaseException:
            with suppress(psycopg.Error):
                self._session.rollback()
            raise

    def _check(self, statement: str) -> None:
        begins = self._session.info.transaction_status is TransactionStatus.IDLE
        if begins:
            self._held = False
        if statement.lstrip().upper().startswith(_READING):
            if begins:
                self._read_term(_READ_TERM)
        elif not self._held:
            self._read_term(_HOLD_TERM)
            self._held = True

    def _read_term(self, statement: str) -> None:
        row = self._ask(statement).fetchone()
        self._require_term(None if row is None else row[0])

    def _ask(self, statement: str) -> psycopg.Cursor[Any]:
        return psycopg.Cursor(self._session).execute(statement.encode())


def _make_cursor_class(fence: _Fence) -> type[psycopg.Cursor[Any]]:
    """Makes the class of the cursors of one session: each passes its fence."""

    class FencedCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> "FencedCursor":
            with fence.guard(str(query)):
                super().execute(query, params, **options)
            return self

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
            with fence.guard(str(query)):
                super().executemany(query, params_seq, **options)

    return FencedCursor
