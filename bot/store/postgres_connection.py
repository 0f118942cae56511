"""One session of PostgreSQL, used by one thread at a time. The only importer of psycopg.

The server ends a session that is idle for `IDLE_SECONDS`, or whose answers do not arrive. So a machine that hangs or is cut
off loses what its session holds.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import StaticPool

from adapters.phrase import Phrase
from bot.store.address import PostgresAddress
from bot.store.errors import DatabaseError, DatabaseUnavailable
from bot.store.postgres_errors import map_postgres_error
from bot.store.transactions import BeginStatements, DatabaseWork, Transactions

T = TypeVar("T")

BEGIN = BeginStatements(write="BEGIN", read="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

IDLE_SECONDS = 4
"""Seconds after which the server ends a session that says nothing."""

CONNECT_SECONDS = 5
"""Seconds for connecting."""

STATEMENT_SECONDS = 30
"""Seconds for one statement. It may wait for a transaction of a former leader, which the server ends sooner."""

Lose = Callable[[DatabaseError], NoReturn]
"""Ends the process: the session that held the lead is lost. Called in the thread that saw it."""


class PostgresConnection:
    """One open session. A lost one is opened anew by the next use, until `keep` forbids that."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._lose: Lose | None = None
        engine = create_engine("postgresql+psycopg://", creator=self._connect, poolclass=StaticPool)
        self._transactions = Transactions(engine, BEGIN, self._map_error)

    def keep(self, lose: Lose) -> None:
        """Makes this session irreplaceable: it has the lock. `lose` is called if it is lost."""
        self._lose = lose

    def write(self, works: Sequence[DatabaseWork]) -> list[Any]:
        """As `Transactions.write`."""
        return self._transactions.write(works)

    def read(self, work: Callable[[Connection], T]) -> T:
        """As `Transactions.read`."""
        return self._transactions.read(work)

    def reading(self) -> AbstractContextManager[Connection]:
        """Context of one transaction that only reads one consistent state."""
        return self._transactions.hold(BEGIN.read)

    def truncate_wal(self) -> bool:
        """Does nothing: deleted rows are the server's to erase."""
        return True

    def close(self) -> None:
        """Closes the session, and releases all that it holds."""
        self._lose = None
        self._transactions.connection.close()
        self._transactions.connection.engine.dispose()

    def _connect(self) -> psycopg.Connection[Any]:
        if self._lose is not None:
            self._lose(_make_lost_error(self._address))
        return connect(self._address)

    def _map_error(self, context: ExceptionContext) -> DatabaseError | None:
        if self._lose is not None and context.is_disconnect:
            self._lose(_make_lost_error(self._address))
        return map_postgres_error(context.original_exception, self._address)


def connect(address: PostgresAddress) -> psycopg.Connection[Any]:
    """Opens a session in which only our statements begin transactions."""
    milliseconds = IDLE_SECONDS * 1000
    files: dict[str, Any] = dict(address.files)
    settings = {
        "idle_session_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "tcp_user_timeout": milliseconds,
        "statement_timeout": STATEMENT_SECONDS * 1000,
        "TimeZone": "UTC",
    }
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        dbname=address.name,
        password="" if address.password is None else address.password.get_secret_value(),
        sslmode="prefer" if address.is_local else "verify-full",
        application_name="flatnet-bot",
        options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
        connect_timeout=CONNECT_SECONDS,
        keepalives_idle=1,
        keepalives_interval=1,
        keepalives_count=IDLE_SECONDS - 1,
        tcp_user_timeout=milliseconds,
        target_session_attrs="read-write",
        autocommit=True,  # only `Transactions` begins transactions
        **files,
    )


def _make_lost_error(address: PostgresAddress) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        Phrase(
            "the connection to {database} was lost, and the lead with it. Another copy takes over, or this one later",
            database=str(address),
        )
    )
