"""Ownership of a PostgreSQL database by a command of an administrator: with the lock of the lead, and without a term.

No copy leads meanwhile, and none of them is a former leader: the lock is released with the session.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

from sqlalchemy import Connection, inspect, literal, select

from adapters.phrase import Phrase
from bot.store import leadership as lead
from bot.store.address import PostgresAddress
from bot.store.errors import DatabaseError, DatabaseInUse, DatabaseNotEmpty
from bot.store.schema.tables import COPIES, LEADER, METADATA

if TYPE_CHECKING:
    from bot.store.postgres_connection import PostgresConnection


T = TypeVar("T")

ENGINE_SCHEMA = "dbos"
"""Schema of the engine's tables."""


class OwnedDatabase:
    """A database that this process owns, from `own_database` to the end of its block."""

    def __init__(self, address: PostgresAddress, line: "PostgresConnection") -> None:
        self.address = address
        self._line = line

    def write(self, work: Callable[[Connection], T]) -> T:
        """Runs a work in one transaction. If it raises, nothing of it was written."""
        return self._line.write_one(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Runs a work that only reads, on one consistent state."""
        return self._line.read(work)


@contextmanager
def own_database(address: PostgresAddress) -> Iterator[OwnedDatabase]:
    """Owns the database for the block. Raises `DatabaseInUse` while a copy leads, or another `DatabaseError`."""
    from bot.store.postgres_connection import PostgresConnection
    from bot.store.postgres_session import PATIENT_LIMITS

    line = PostgresConnection(address, PATIENT_LIMITS)
    try:
        if not line.read(lead.try_lock):
            raise DatabaseInUse(_describe_owner(line.read(_find_leader_name), address))
        line.keep(_raise)
        yield OwnedDatabase(address, line)
    finally:
        line.close()


def require_empty(connection: Connection, address: PostgresAddress) -> None:
    """Raises `DatabaseNotEmpty` if a table has rows, or if the engine (DBOS) was there: it would resume its runs.

    Copies that stand by may have been seen already.
    """
    for each in METADATA.sorted_tables:
        if each is not COPIES and connection.execute(select(literal(1)).select_from(each).limit(1)).first() is not None:
            raise _make_rows_error(address, each.name)
    if ENGINE_SCHEMA in inspect(connection).get_schema_names():
        raise _make_rows_error(address, ENGINE_SCHEMA)


def _make_rows_error(address: PostgresAddress, table: str) -> DatabaseNotEmpty:
    return DatabaseNotEmpty(
        Phrase(
            "the database {database} is not empty ({table}). Create another one, and name it in the setting {setting}",
            database=str(address),
            table=table,
            setting="database",
        )
    )


def _find_leader_name(connection: Connection) -> str:
    """Finds the name of the copy that leads or led last; "" if none ever did."""
    if not inspect(connection).has_table(LEADER.name):
        return ""
    leader = lead.read_leader(connection)
    return "" if leader is None else leader.identity.name


def _describe_owner(name: str, address: PostgresAddress) -> Phrase:
    if not name:
        return Phrase("another command of flatnet-bot uses {database}. Wait until it has ended", database=str(address))
    return Phrase("{name} leads over {database}. Stop all copies of the bot first", name=name, database=str(address))


def _raise(error: DatabaseError) -> NoReturn:
    raise error
