"""Expiry notices: warnings that certificates expire. Rows and queries only; `bot.expiry.rules` decides when one is due.

claim ─▶ pending ─┬─ mark_posted ─────────────────────▶ open ─ close ─▶ closed ─▶ (a year, or premature) deleted
                  └─ replaced by a tighter threshold ─▶ open
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.tables import NOTICES

RETENTION = timedelta(days=365)
"""Retention of a closed notice."""

_THESE = NOTICES.c.fingerprint.in_(bindparam("these", expanding=True))
_OF_MESSAGE = NOTICES.c.message == bindparam("of")
_OPEN = NOTICES.c.closed_at.is_(None)
_PENDING = _OPEN & NOTICES.c.said_at.is_(None)
_CLAIMED_FIRST: ColumnElement[int] = literal_column("notices.rowid")

_CLAIMED_THRESHOLDS = select(NOTICES.c.fingerprint, NOTICES.c.threshold).where(_THESE)
_OVERTAKE = update(NOTICES).where(_PENDING, _THESE).values(said_at=bindparam("now"))
_CLAIM = insert(NOTICES).on_conflict_do_nothing()
_ALL_PENDING = select(NOTICES).where(_PENDING).order_by(_CLAIMED_FIRST)
_ALL_OPEN = select(NOTICES).where(_OPEN).order_by(_CLAIMED_FIRST)
_NOTICES_OF_MESSAGE = select(NOTICES).where(_OF_MESSAGE).order_by(NOTICES.c.ends_at, _CLAIMED_FIRST)
_MARK_POSTED = update(NOTICES).where(_PENDING, _OF_MESSAGE).values(said_at=bindparam("now"))
_CLOSE = update(NOTICES).where(_OPEN, _OF_MESSAGE, _THESE).values(closed_at=bindparam("now"))
_DELETE = delete(NOTICES).where(NOTICES.c.fingerprint == bindparam("of"), NOTICES.c.threshold == bindparam("at"))
_PRUNE = delete(NOTICES).where(NOTICES.c.closed_at < bindparam("oldest"))


@dataclass(frozen=True)
class StoredNotice:
    """One warning about one certificate at one threshold (`7d`, `expired 2026-01-31`).

    `name` is the name of the host or of the CA, `host` is "" for a CA. `message` is the name of the announcement that
    contains the warning. `said_at` is the time since which it is known to be posted, or need not be posted any more.
    """

    fingerprint: str
    threshold: str
    name: str
    host: str
    authority: bool
    ends_at: datetime
    message: str
    said_at: datetime | None = None
    closed_at: datetime | None = None


class NoticeTable:
    """Table of notices. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_claimed_thresholds(self, fingerprints: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Returns the thresholds that were ever claimed, by certificate."""
        these = {"these": list(fingerprints)}

        def work(connection: Connection) -> Mapping[str, frozenset[str]]:
            found: dict[str, frozenset[str]] = {}
            for fingerprint, threshold in connection.execute(_CLAIMED_THRESHOLDS, these):
                found[fingerprint] = found.get(fingerprint, frozenset()) | {threshold}
            return found

        return await self._database.read(work)

    async def claim(self, notices: Sequence[StoredNotice], at: datetime) -> None:
        """Stores new notices, all or none. A known notice stays as it is.

        Earlier pending notices of the same certificates are replaced by these and will not be posted.
        """
        if not notices:
            return
        overtaken = {"these": [notice.fingerprint for notice in notices], "now": at}
        values = [_make_values(notice) for notice in notices]

        def work(connection: Connection) -> None:
            connection.execute(_OVERTAKE, overtaken)
            connection.execute(_CLAIM, values)

        await self._database.run(work)

    async def list_pending(self) -> tuple[StoredNotice, ...]:
        """Lists the notices that were claimed and are not known to be posted, in the order of their claims."""
        return await self._list(_ALL_PENDING)

    async def list_open(self) -> tuple[StoredNotice, ...]:
        """Lists the notices that are not closed, oldest first."""
        return await self._list(_ALL_OPEN)

    async def list_of_message(self, message: str) -> tuple[StoredNotice, ...]:
        """Lists the notices of one message, closed or not, soonest expiry first."""
        return await self._list(_NOTICES_OF_MESSAGE, {"of": message})

    async def mark_posted(self, message: str, at: datetime) -> None:
        """Marks the notices of a message as posted. The message must be stored in the outbox."""

        def work(connection: Connection) -> None:
            connection.execute(_MARK_POSTED, {"of": message, "now": at})

        await self._database.run(work)

    async def close(self, message: str, fingerprints: Iterable[str], at: datetime) -> None:
        """Closes the notices of these certificates in a message."""
        values = {"of": message, "these": list(fingerprints), "now": at}

        def work(connection: Connection) -> None:
            connection.execute(_CLOSE, values)

        await self._database.run(work)

    async def delete(self, these: Iterable[tuple[str, str]]) -> None:
        """Deletes notices by (fingerprint, threshold), so that the thresholds can be claimed again."""
        values = [{"of": fingerprint, "at": threshold} for fingerprint, threshold in these]
        if not values:
            return

        def work(connection: Connection) -> None:
            connection.execute(_DELETE, values)

        await self._database.run(work)

    async def prune(self, now: datetime) -> int:
        """Deletes notices that were closed longer than `RETENTION` ago. Returns their number."""
        oldest = {"oldest": now - RETENTION}
        return await self._database.run(lambda connection: connection.execute(_PRUNE, oldest).rowcount)

    async def _list(self, query: Select[Any], named: Mapping[str, Any] | None = None) -> tuple[StoredNotice, ...]:
        return await self._database.read(
            lambda connection: tuple(_read_notice(row) for row in connection.execute(query, named or {}))
        )


def _make_values(notice: StoredNotice) -> dict[str, Any]:
    return {
        "fingerprint": notice.fingerprint,
        "threshold": notice.threshold,
        "name": escape_text(notice.name),
        "host": notice.host,
        "authority": notice.authority,
        "ends_at": notice.ends_at,
        "message": notice.message,
        "said_at": notice.said_at,
        "closed_at": notice.closed_at,
    }


def _read_notice(row: Row[Any]) -> StoredNotice:
    return StoredNotice(
        fingerprint=row.fingerprint,
        threshold=row.threshold,
        name=row.name,
        host=row.host,
        authority=bool(row.authority),
        ends_at=row.ends_at,
        message=row.message,
        said_at=row.said_at,
        closed_at=row.closed_at,
    )
