"""Puts a history that an SQLite file holds into an empty PostgreSQL database, and copies one from there into a new file.

file ─▶ chain verified ─▶ all rows, verified again where they are now ─▶ commit        all or nothing
database ─▶ one state of all rows ─▶ new file                                           as a backup of SQLite is
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.model.change import ChangeState
from bot.store import audit, schema
from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.chain import StoredEvent, Verification
from bot.store.database import LOCK_TIMEOUT, make_private
from bot.store.errors import DatabaseDamaged
from bot.store.maintenance import OwnedDatabase, require_empty
from bot.store.reading import copy_file, open_for_reading
from bot.store.sqlite_connection import SqliteConnection
from bot.store.table_copy import CopiedRows, copy_tables
from bot.store.tables import CLAIMS, INBOX, OPERATIONS

Verify = Callable[[Iterable[StoredEvent], StoredEvent | None], Verification]
"""Verifies events in order, with the newest event that records an accepted loss."""

_RUNNING = select(OPERATIONS.c.operation).where(OPERATIONS.c.state == ChangeState.RUNNING).limit(1)
_CLAIMED = select(CLAIMS.c.operation).limit(1)
_OPEN_DELIVERIES = select(func.count()).where(INBOX.c.finished_at.is_(None))
_SIZE = select(func.pg_database_size(func.current_database()))


class HistoryUnverified(Refused):
    """The chain of the audit log is broken, so the history is not taken along."""


@dataclass(frozen=True)
class PutHistory:
    """A history that was put into a database: the numbers of its rows, and its verified events."""

    copied: CopiedRows
    events: Verification


def find_open_operation(connection: Connection) -> str | None:
    """Returns an operation that is running or holds a host; None if there is none."""
    running: str | None = connection.execute(_RUNNING).scalar() or connection.execute(_CLAIMED).scalar()
    return running


def count_open_deliveries(connection: Connection) -> int:
    """Counts the deliveries from Slack that are not finished. Without the seal of a copy they would never be."""
    count: int = connection.execute(_OPEN_DELIVERIES).scalar_one()
    return count


def has_history(connection: Connection, newest: StoredEvent | None) -> bool:
    """Returns whether that event is in the audit log of this database. It may have gone on since."""
    return newest is not None and schema.has_tables(connection) and audit.find_event(connection, newest.sequence) == newest


def put_history(source: Connection, target: OwnedDatabase, verify: Verify) -> PutHistory:
    """Puts all rows into an empty database. If it raises, the database is as it was.

    Raises `HistoryUnverified`, `DatabaseNotEmpty`, or another `DatabaseError`.
    """
    before = _verify(source, verify)

    def put(connection: Connection) -> CopiedRows:
        schema.prepare_tables(connection, target.address)
        require_empty(connection, target.address)
        copied = copy_tables(source, connection)
        if _verify(connection, verify) != before:
            raise _make_changed_error(target.address)
        return copied

    return PutHistory(target.write(put), before)


def copy_database(address: DatabaseAddress, file: Path) -> None:
    """Copies one consistent state of a database into a new private SQLite file, also while a bot writes.

    Raises a `DatabaseError`. What is deleted in an SQLite database and not yet erased may be in the copy.
    """
    if isinstance(address, PostgresAddress):
        copy_history(address, file)
    else:
        copy_file(address, file)


def copy_history(address: PostgresAddress, file: Path) -> None:
    """Copies one consistent state of a PostgreSQL database, all tables in one transaction."""
    make_private(file)
    with open_for_reading(address) as source:
        source.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")  # the file's disk may be slow
        line = SqliteConnection(file, LOCK_TIMEOUT)
        try:
            with line.transaction("BEGIN IMMEDIATE") as target:
                schema.create_tables(target)
                copy_tables(source, target)
            line.truncate_wal()
        finally:
            line.close()


def measure_database(address: DatabaseAddress) -> int:
    """Measures the bytes that a database has on the disk, here or on its server."""
    if isinstance(address, Path):
        return address.stat().st_size
    with open_for_reading(address) as connection:
        size: int = connection.execute(_SIZE).scalar_one()
    return size


def _verify(connection: Connection, verify: Verify) -> Verification:
    found = verify(audit.iterate_events(connection), audit.find_last_acceptance(connection))
    if found.problem is not None:
        raise HistoryUnverified(Phrase("the audit log is not intact: {why}", why=found.problem.phrase))
    return found


def _make_changed_error(address: PostgresAddress) -> DatabaseDamaged:
    return DatabaseDamaged(
        Phrase("{database} did not keep the audit log as it was written. Nothing was moved", database=str(address))
    )
