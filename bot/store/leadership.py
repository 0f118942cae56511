"""The lead over a PostgreSQL database: an advisory lock that is held by the very session that writes.

    stands by ─ try_lock ─▶ leads (a new term) ─┬─ its session ends ─▶ the server releases the lock; the process ends
                                                └─ SIGTERM ─────────▶ the session is closed, which releases the lock

No lease and no clock: who loses the session loses the lock and the pen together.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from bot.store.database_time import database_now
from bot.store.schema.tables import LEADER

LOCK_KEY = int.from_bytes(b"flatnet", "big")
"""Key of the advisory lock. Such locks belong to one database of the server."""

NO_TERM = 0
"""Term on SQLite, where a file lock says which process owns the database, and one copy runs."""

SKIPPED_TERMS = 1_000_000
"""More terms than the leaders of a lost part of the log can have had."""


@dataclass(frozen=True)
class CopyIdentity:
    """Identity of a copy: its name, the version of its program, the digest of its configuration, the id of its audit key."""

    name: str
    version: str
    digest: str
    audit_key: str


@dataclass(frozen=True)
class Leader:
    """The copy that leads, or led last."""

    term: int
    identity: CopyIdentity
    since: datetime


_LEADER = select(LEADER).where(LEADER.c.id == 1)
_TRY_LOCK = select(func.pg_try_advisory_lock(LOCK_KEY))
_IS_LED = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND classid = :high AND objid = :low AND pid <> pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
).bindparams(high=LOCK_KEY >> 32, low=LOCK_KEY & 0xFFFFFFFF)
_RELEASE = select(func.pg_advisory_unlock(LOCK_KEY))
_NAMED: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("name", "version", "digest", "audit_key")}
_BEGIN_TERM = (
    update(LEADER)
    .where(LEADER.c.id == 1)
    .values(term=LEADER.c.term + 1, since=database_now(), **_NAMED)
    .returning(LEADER.c.term)
)
_FIRST_TERM = insert(LEADER).values(id=1, term=1, since=database_now(), **_NAMED).returning(LEADER.c.term)
_UPDATE = update(LEADER).where(LEADER.c.id == 1).values(**_NAMED)
_SKIP_TERMS = update(LEADER).where(LEADER.c.id == 1, LEADER.c.term > NO_TERM).values(term=LEADER.c.term + SKIPPED_TERMS)
_ADOPT = update(LEADER).where(LEADER.c.id == 1).values(since=database_now(), **_NAMED).returning(LEADER.c.term)


def try_lock(connection: Connection) -> bool:
    """Tries to take the lock for the session of this connection. Returns whether it has it."""
    return bool(connection.execute(_TRY_LOCK).scalar_one())


def is_led_elsewhere(connection: Connection) -> bool:
    """Returns whether another session has the lock."""
    return bool(connection.execute(_IS_LED).scalar_one())


def release_lock(connection: Connection) -> None:
    """Releases the lock that `try_lock` took for the session of this connection."""
    connection.execute(_RELEASE)


def find_name_key(name: str) -> int:
    """Finds the key of the advisory lock that the session of the copy of this name holds."""
    return int.from_bytes(sha256(f"copy {name}".encode()).digest()[:8], "big", signed=True)


def begin_term(connection: Connection, me: CopyIdentity) -> int:
    """Begins the next term. The session must have the lock. Transactions of the former leader are refused from now on."""
    named = _name(me)
    term: int | None = connection.execute(_BEGIN_TERM, named).scalar_one_or_none()
    return connection.execute(_FIRST_TERM, named).scalar_one() if term is None else term


def update_leader(connection: Connection, me: CopyIdentity) -> None:
    """Writes what the leader leads with after a reload. Its term goes on."""
    connection.execute(_UPDATE, _name(me))


def skip_terms(connection: Connection) -> None:
    """Raises the term above those that leaders of a lost part may have had. Nothing on SQLite, where there are none."""
    connection.execute(_SKIP_TERMS)


def write_first_leader(connection: Connection, me: CopyIdentity) -> None:
    """Writes this copy as the one that led last, if none ever did. The session has the lock."""
    if read_leader(connection) is None:  # the term, which hosts keep, is kept in this row alone
        connection.execute(_FIRST_TERM, _name(me))


def adopt(connection: Connection, me: CopyIdentity) -> None:
    """Writes another copy into the leader's row, as if it had led last. The session must have the lock."""
    named = _name(me)
    if connection.execute(_ADOPT, named).first() is None:
        connection.execute(_FIRST_TERM, named)


def _name(me: CopyIdentity) -> dict[str, str]:
    return {f"new_{name}": value for name, value in vars(me).items()}


def read_leader(connection: Connection) -> Leader | None:
    """Returns the copy that leads or led last; None where none ever did."""
    row = connection.execute(_LEADER).one_or_none()
    if row is None:
        return None
    return Leader(row.term, CopyIdentity(row.name, row.version, row.digest, row.audit_key), row.since)
