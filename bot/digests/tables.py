"""Findings of digests, with which the next digest compares itself. Rows and queries only."""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import DIGESTS

RETENTION = timedelta(days=90)
"""Retention of a digest. The newest one is kept until there is a newer one."""

_INSERT = insert(DIGESTS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["operation"], set_={"at": _INSERT.excluded.at, "document": _INSERT.excluded.document}
)
_LATEST = (
    select(DIGESTS)
    .where(DIGESTS.c.at < bindparam("before"), DIGESTS.c.operation != bindparam("but", type_=Text))
    .order_by(DIGESTS.c.at.desc())
    .limit(1)
)
_PRUNE = delete(DIGESTS).where(
    DIGESTS.c.at < bindparam("until"), DIGESTS.c.at < select(func.max(DIGESTS.c.at)).scalar_subquery()
)


class DigestTable:
    """Table of digests. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, operation: str, at: datetime, document: str) -> None:
        """Stores the document of a digest; replaces the one of the same operation."""
        values = {"operation": escape_text(operation), "at": at, "document": zlib.compress(document.encode())}
        await self._database.run(_store, values)

    async def find_latest(self, before: datetime, but: str) -> tuple[str, datetime, str] | None:
        """Returns operation, time and document of the newest digest before that time, other than the running one `but`."""
        return await self._database.read(_find_latest, before, but)

    async def prune(self, now: datetime) -> None:
        """Deletes digests older than the retention."""
        await self._database.run(_prune, now)


def _store(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_STORE, values)


def _prune(connection: Connection, now: datetime) -> None:
    connection.execute(_PRUNE, {"until": now - RETENTION})


def _find_latest(connection: Connection, before: datetime, but: str) -> tuple[str, datetime, str] | None:
    row = connection.execute(_LATEST, {"before": before, "but": escape_text(but)}).first()
    return None if row is None else (row.operation, row.at, zlib.decompress(row.document).decode())
