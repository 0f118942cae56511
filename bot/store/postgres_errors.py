"""Errors of PostgreSQL as types, chosen by SQLSTATE; message texts are never compared."""

import psycopg

from adapters.phrase import Phrase
from bot.store.address import PostgresAddress
from bot.store.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseFull,
    DatabaseUnavailable,
)

_BUSY = ("40001", "40P01", "55P03", "57014")
"""Serialization failure, deadlock, a lock that was not released in time, a statement that took too long."""

_FULL = ("53100",)
_DAMAGED = ("XX001", "XX002")
_UNAVAILABLE_CLASSES = ("08", "25", "28", "3D", "42501", "53", "55", "57", "58")
"""Connection, read-only, login, no such database, privilege, resources, state, administrator, system."""


def map_postgres_error(error: BaseException, address: PostgresAddress) -> DatabaseError | None:
    """Maps an error of psycopg by its SQLSTATE; None if that means a bug in the bot."""
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if state in _BUSY:
        return DatabaseBusy(Phrase("the database {database} is busy. Try again", database=str(address)))
    if state in _FULL:
        return DatabaseFull(
            Phrase("no disk space left for the database {database}. Free up space, then try again", database=str(address))
        )
    if state in _DAMAGED:
        return DatabaseDamaged(Phrase("the database {database} is damaged. Restore it from a backup", database=str(address)))
    if state.startswith(_UNAVAILABLE_CLASSES) or isinstance(error, psycopg.OperationalError):
        return make_unavailable_error(address, state or type(error).__name__)
    return None


def make_unavailable_error(address: PostgresAddress, reason: str) -> DatabaseUnavailable:
    """Makes the error for a server that cannot be reached or used; `reason` is the name of a code."""
    return DatabaseUnavailable(
        Phrase(
            "could not use the database {database} ({reason}). Check the server, and the connection to it",
            database=str(address),
            reason=reason,
        )
    )
