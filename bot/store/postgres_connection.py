"""One session of PostgreSQL, used by one thread at a time, and opened anew if it is lost, until it holds the lead."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import StaticPool

from bot.store.address import PostgresAddress
from bot.store.errors import DatabaseError, DatabaseInUse
from bot.store.leadership import find_name_key
from bot.store.postgres_errors import make_lost_error, make_name_error, make_unavailable_error, map_postgres_error
from bot.store.postgres_session import OWNER_LIMITS, Session, SessionLimits, connect, read_clock
from bot.store.transactions import BeginStatements, DatabaseWork, Transactions

T = TypeVar("T")

BEGIN = BeginStatements(write="BEGIN", read="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

NAME_SECONDS = 6.0
"""Seconds for which a name may belong to a lost session: a little more than the server needs to end it."""

_TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"

Lose = Callable[[DatabaseError], NoReturn]
"""Ends the process: the session that held the lead is lost. Called in the thread that saw it."""


class PostgresConnection:
    """One open session. A lost one is opened anew by the next use, until `keep` forbids that.

    Raises `DatabaseError`.
    """

    def __init__(self, address: PostgresAddress, limits: SessionLimits = OWNER_LIMITS) -> None:
        self.address = address
        self.limits = limits
        self._lose: Lose | None = None
        self._name: str | None = None
        self._session: Session | None = None
        engine = create_engine("postgresql+psycopg://", creator=self._connect, poolclass=StaticPool)
        self._transactions = Transactions(engine, BEGIN, self._map_error)

    def keep(self, lose: Lose) -> None:
        """Makes this session irreplaceable: it has the lead. `lose` is called if it is lost."""
        self._lose = lose
        self._find_session().on_lost = self._end

    def take_name(self, name: str) -> None:
        """Holds a copy's name from now on, also in later sessions. Raises `DatabaseInUse` while another session has it."""
        with self.reading():
            self._take_name(self._find_session(), name)
        self._name = name

    def write(self, works: Sequence[DatabaseWork]) -> list[Any]:
        """As `Transactions.write`."""
        return self._transactions.write(works)

    def write_one(self, work: Callable[[Connection], T]) -> T:
        """As `Transactions.write_one`."""
        return self._transactions.write_one(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """As `Transactions.read`."""
        return self._transactions.read(work)

    def reading(self) -> AbstractContextManager[Connection]:
        """Context of one transaction that only reads one consistent state."""
        return self._transactions.hold(BEGIN.read)

    def release(self, work: DatabaseWork) -> None:
        """Releases by `work` what this session holds. If that fails, the session is closed, which releases all."""
        try:
            self.write_one(work)
        except Exception:  # whatever it was: what is not known to be released must not be held
            if self._session is not None:
                self._session.close()

    def truncate_wal(self) -> bool:
        """Does nothing: deleted rows are the server's to erase."""
        return True

    def end_silent(self) -> None:
        """Ends the process if it leads and the server has been silent for too long. Called by a thread that never waits."""
        session = self._session
        if self._lose is None or session is None or session.closed:
            return
        if read_clock() - session.answered > self.limits.silence:
            self._end()

    def give_up(self) -> None:
        """Lets the session be lost from now on: what it had to write is written."""
        self._lose = None
        if self._session is not None:
            self._session.on_lost = None

    def close(self) -> None:
        """Closes the session, and releases all that it holds."""
        self.give_up()
        self._transactions.connection.close()
        self._transactions.connection.engine.dispose()

    def _connect(self) -> Session:
        if self._lose is not None:
            self._end()
        session = connect(self.address, self.limits)
        try:
            self._take_name_again(session)
        except BaseException:
            session.close()
            raise
        self._session = session
        return session

    def _take_name_again(self, session: Session) -> None:
        """Takes the name that the former session had. The server may not have ended that one yet."""
        if self._name is None:
            return
        try:
            self._take_name(session, self._name)
        except DatabaseInUse as error:
            if read_clock() - self._find_session().answered > NAME_SECONDS:
                raise
            raise make_unavailable_error(self.address, "55006") from error

    def _find_session(self) -> Session:
        assert self._session is not None
        return self._session

    def _take_name(self, session: Session, name: str) -> None:
        try:
            [is_free] = session.execute(_TRY_LOCK, (find_name_key(name),)).fetchone() or (False,)
        except psycopg.Error as error:
            raise map_postgres_error(error, self.address) or error from error
        if not is_free:
            raise make_name_error(self.address, name)

    def _end(self) -> NoReturn:
        assert self._lose is not None
        self._lose(make_lost_error(self.address))

    def _map_error(self, context: ExceptionContext) -> DatabaseError | None:
        return map_postgres_error(context.original_exception, self.address)
