"""Errors of PostgreSQL as types, chosen by SQLSTATE or by libpq's ping; message texts are shown, but never compared.

States that are not listed mean a bug in the bot (a violated constraint, a wrong statement), and their errors pass unchanged.
"""

import psycopg
from psycopg.pq import Ping

from adapters.phrase import Phrase
from bot.store.address import PostgresAddress
from bot.store.encoding import escape_text
from bot.store.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseFull,
    DatabaseInUse,
    DatabaseUnavailable,
)

OLDEST_VERSION = 14
"""Oldest version of PostgreSQL: the first one that ends idle sessions."""

MAX_REASON = 300
"""Maximum characters of a message of the server that are shown."""

BUSY_STATES = ("40001", "40P01", "55P03", "57014")
"""Serialization failure, deadlock, a lock that was not released in time, a statement that took too long."""

FULL_STATES = ("53100",)
DAMAGED_STATES = ("XX001", "XX002")
READ_ONLY_STATES = ("25006",)
FORBIDDEN_STATES = ("42501",)
UNAVAILABLE_STATES = ("08", "25P03", "25P04", "28", "3D", "40003", "53", "55006", "55P04", "57", "58", "F0", "XX000")
"""Connection, timeouts of idle sessions, login, no such database, resources, administrator, system. Beginnings of states."""


def map_postgres_error(error: BaseException, address: PostgresAddress) -> DatabaseError | None:
    """Maps an error of psycopg by its SQLSTATE; None if that means a bug in the bot."""
    if not isinstance(error, psycopg.Error):
        return None
    state, database = error.sqlstate or "", str(address)
    if state in BUSY_STATES:
        return DatabaseBusy(Phrase("the database {database} is busy. Try again", database=database))
    if state in FULL_STATES:
        return DatabaseFull(
            Phrase("no disk space left for the database {database}. Free up space, then try again", database=database)
        )
    if state in DAMAGED_STATES:
        return DatabaseDamaged(Phrase("the database {database} is damaged. Restore it from a backup", database=database))
    if state in READ_ONLY_STATES:
        return _make_read_only_error(address)
    if state in FORBIDDEN_STATES:
        return _make_forbidden_error(address)
    if state.startswith(UNAVAILABLE_STATES) or (not state and isinstance(error, psycopg.OperationalError)):
        return make_unavailable_error(address, state or type(error).__name__)
    return None


def map_connect_error(error: psycopg.Error, address: PostgresAddress, answer: Ping) -> DatabaseError:
    """Maps an error of connecting, which has no SQLSTATE, by what the server answers to libpq's ping."""
    reason = _find_reason(error)
    if answer is Ping.OK:
        return DatabaseUnavailable(
            Phrase(
                "the database server refused the connection to {database} ({reason}). Check the user, the database and the "
                "number of connections there, the secret that database_password_secret names, and sslrootcert",
                database=str(address),
                reason=reason,
            )
        )
    if answer is Ping.REJECT:
        return DatabaseUnavailable(
            Phrase("the database server of {database} is starting or stopping. Wait, then try again", database=str(address))
        )
    return DatabaseUnavailable(
        Phrase(
            "could not reach the database server of {database} ({reason}). Check that it runs, its address, and the network",
            database=str(address),
            reason=reason,
        )
    )


def _find_reason(error: psycopg.Error) -> str:
    """Finds libpq's own words in an error of connecting: on its last attempt, without the hints in further lines."""
    words = str(error).rpartition(" failed: ")[2].strip().partition("\n")[0]
    return escape_text(" ".join(words.split()))[:MAX_REASON]


def make_unavailable_error(address: PostgresAddress, reason: str) -> DatabaseUnavailable:
    """Makes the error for a server that cannot be reached or used; `reason` is the name of a code."""
    return DatabaseUnavailable(
        Phrase(
            "could not use the database {database} ({reason}). Check the server, and the connection to it",
            database=str(address),
            reason=reason,
        )
    )


def make_lost_error(address: PostgresAddress) -> DatabaseUnavailable:
    """Makes the error for a session that is lost, and held the lead."""
    return DatabaseUnavailable(
        Phrase(
            "the connection to {database} was lost, and the lead with it. Another copy takes over, or this one later",
            database=str(address),
        )
    )


def make_name_error(address: PostgresAddress, name: str) -> DatabaseInUse:
    """Makes the error for a copy whose name another running copy has."""
    return DatabaseInUse(
        Phrase(
            "another copy named {name} uses {database}. Stop it, or set another copy_name on this machine",
            name=name,
            database=str(address),
        )
    )


def make_old_server_error(address: PostgresAddress, version: int) -> DatabaseUnavailable:
    """Makes the error for a server that is too old."""
    return DatabaseUnavailable(
        Phrase(
            "the database server of {database} is PostgreSQL {version}. Upgrade it to {oldest} or later",
            database=str(address),
            version=version,
            oldest=OLDEST_VERSION,
        )
    )


def make_pooler_error(address: PostgresAddress) -> DatabaseUnavailable:
    """Makes the error for a pooler between the bot and the server."""
    return DatabaseUnavailable(
        Phrase(
            "{database} is behind a connection pooler, which keeps sessions open after their copy is gone. "
            "Connect to the server itself",
            database=str(address),
        )
    )


def make_wrong_text_error(address: PostgresAddress) -> DatabaseUnavailable:
    """Makes the error for a database that does not store all text, or does not sort it by its bytes."""
    return DatabaseUnavailable(
        Phrase(
            "the database {database} must have the encoding UTF8 and the collation C. Create it there with: {command}",
            database=str(address),
            command=make_create_command(address),
        )
    )


def make_open_schema_error(address: PostgresAddress) -> DatabaseUnavailable:
    """Makes the error for a database in which each user of the server may make tables and functions."""
    return DatabaseUnavailable(
        Phrase(
            "each user of the server may create functions in {database}, which would act with the rights of the bot. Forbid "
            "that there with: {command}",
            database=str(address),
            command="REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )
    )


def make_create_command(address: PostgresAddress) -> str:
    """Makes the statement of SQL by which an administrator of the server creates the database."""
    return (
        f'CREATE DATABASE "{address.name}" OWNER "{address.user}" TEMPLATE template0 ENCODING \'UTF8\' '
        "LC_COLLATE 'C' LC_CTYPE 'C'"
    )


def _make_read_only_error(address: PostgresAddress) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        Phrase(
            "the database {database} is read-only. Make it writable, or connect to the primary server", database=str(address)
        )
    )


def _make_forbidden_error(address: PostgresAddress) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        Phrase(
            "the user {user} lacks rights in the database {database}. Make it the owner: {command}",
            user=address.user,
            database=str(address),
            command=f'ALTER DATABASE "{address.name}" OWNER TO "{address.user}"',
        )
    )
