"""Puts a history that an SQLite file holds into an empty PostgreSQL database, and copies one from there into a new file.

file ─▶ chain verified ─▶ all rows, verified again where they are now ─▶ commit        all or nothing
database ─▶ one state of all rows ─▶ new file                                           as a backup of SQLite is

Copies all rows of the bot's tables from one database to another, whatever each of them is: SQLite or PostgreSQL.

Values are copied as they are stored, so that the mac of each audit event stays right. Rows come in the order of their keys:
the trigger of the audit log takes no other.

PostgreSQL does not store NUL and half characters as text, which damaged rows of SQLite may have. They are escaped as
`bot.store.encoding` does it, and counted; an audit event with one is refused, because its mac would be wrong.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    TypeDecorator,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.types import TypeEngine

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.model.change import ChangeState
from bot.store import audit
from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.audit_chain import StoredEvent, Verification
from bot.store.database import LOCK_TIMEOUT, make_private
from bot.store.encoding import escape_text
from bot.store.errors import DatabaseDamaged
from bot.store.maintenance import OwnedDatabase, require_empty
from bot.store.reading import copy_file, open_for_reading
from bot.store.schema import creation as schema
from bot.store.schema.tables import AUDIT, CLAIMS, COPIES, INBOX, METADATA, OPERATIONS
from bot.store.sqlite import SqliteConnection

BATCH = 500
"""Rows that are read and written at once."""

LIVE = (COPIES,)
"""Tables that say which processes run now. They are history nowhere."""


@dataclass(frozen=True)
class CopiedRows:
    """Numbers of rows: all that were copied, and those in which characters were escaped."""

    rows: int
    escaped: int


def copy_tables(source: Connection, target: Connection) -> CopiedRows:
    """Copies all rows into empty tables, within the transactions of both.

    Raises `DatabaseDamaged` for a value that the target cannot store.
    """
    copied = [_copy_rows(each, source, target) for each in METADATA.sorted_tables if each not in LIVE]
    return CopiedRows(sum(each.rows for each in copied), sum(each.escaped for each in copied))


def _copy_rows(known: Table, source: Connection, target: Connection) -> CopiedRows:
    plain, copied, escaped = _make_plain(known), 0, 0
    escapes = target.dialect.name == "postgresql"
    query = select(plain).order_by(*plain.primary_key.columns).execution_options(yield_per=BATCH)
    with source.execute(query) as rows:
        while batch := [row._asdict() for row in islice(rows, BATCH)]:
            hostile = sum(_escape(row) for row in batch) if escapes else 0
            if hostile and known is AUDIT:
                raise _make_value_error(known, batch, "NUL")
            try:
                target.execute(insert(plain), batch)
            except (DataError, IntegrityError, UnicodeError) as error:
                raise _make_value_error(known, batch, type(error.__cause__ or error).__name__) from error
            copied, escaped = copied + len(batch), escaped + hostile
    return CopiedRows(copied, escaped)


def _escape(row: dict[str, object]) -> bool:
    """Escapes what PostgreSQL does not store as text. Returns whether the row had something of it."""
    changed = {
        name: escaped
        for name, value in row.items()
        if isinstance(value, str) and ("\0" in value or not value.isascii()) and (escaped := escape_text(value)) != value
    }
    row.update(changed)
    return bool(changed)


def _make_plain(known: Table) -> Table:
    """Makes the same table with the types of the database alone, which change no value."""
    columns = (
        Column(each.name, _find_stored_type(each.type), primary_key=each.primary_key, autoincrement=False)
        for each in known.columns
    )
    return Table(known.name, MetaData(), *columns)


def _find_stored_type(known: TypeEngine[object]) -> TypeEngine[object]:
    return known.impl_instance if isinstance(known, TypeDecorator) else known


def _make_value_error(known: Table, batch: list[dict[str, object]], reason: str) -> DatabaseDamaged:
    first = next(iter(known.primary_key.columns)).name
    return DatabaseDamaged(
        Phrase(
            "the table {table} has a value that the other database cannot store ({reason}). It is in one of the rows from "
            "{first} to {last}. Correct it, or restore an earlier backup",
            table=known.name,
            reason=reason,
            first=str(batch[0][first])[:60],
            last=str(batch[-1][first])[:60],
        )
    )


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
