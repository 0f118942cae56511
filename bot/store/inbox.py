"""The inbox: deliveries from Slack, until their handling is finished. Rows and queries only.

    add ─▶ unfinished ─ record_attempt* ─▶ finish ─▶ (7 days) ─▶ pruned
              │  ▲
              └──┘ list_unfinished, begin (after a start)

The key deduplicates (an event's id; the trigger id of a command, a click or a form). A finished row stays for a while,
because Slack may deliver the same thing again. Its payload, with all that a person typed, is deleted at the finish.
"""

import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.store.batches import delete_in_batches
from bot.store.database import Database
from bot.store.encoding import encode_json, escape_text
from bot.store.schema.tables import INBOX

RETENTION = timedelta(days=7)
"""Retention of a finished delivery. Slack repeats deliveries within minutes to hours."""

NO_PAYLOAD = "{}"
"""Payload of a finished delivery."""

_THIS = INBOX.c.key == bindparam("this")
_UNFINISHED = INBOX.c.finished_at.is_(None)
_NEXT_ATTEMPT = {"attempts": INBOX.c.attempts + 1}

_ADD = insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.key)
_ATTEMPT = update(INBOX).where(_THIS).values(_NEXT_ATTEMPT).returning(INBOX.c.attempts)
_BEGIN = update(INBOX).where(_THIS, _UNFINISHED).values(_NEXT_ATTEMPT).returning(INBOX.c.attempts)
_LIST_UNFINISHED = select(INBOX).where(_UNFINISHED).order_by(INBOX.c.received_at, INBOX.c.key)
_FINISH = update(INBOX).where(_THIS, _UNFINISHED).values(payload=NO_PAYLOAD)
_OUTDATED = select(INBOX.c.key).where(INBOX.c.finished_at < bindparam("oldest")).limit(bindparam("batch"))
_PRUNE = delete(INBOX).where(INBOX.c.key.in_(_OUTDATED)).returning(INBOX.c.key)


@dataclass(frozen=True)
class Delivery:
    """One delivery from Slack. `payload` is JSON, at most 64 kB.

    `attempts` counts the starts of its handling. The first attempt begins when the delivery is stored.
    """

    key: str
    kind: str
    payload: Mapping[str, Any]
    received_at: datetime
    attempts: int = 1


class Inbox:
    """Table of deliveries. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, delivery: Delivery) -> Awaitable[bool]:
        """Stores a delivery; False if its key is known. Raises `TooLarge` before the await for a too large payload."""
        values = {
            "key": escape_text(delivery.key),
            "kind": delivery.kind,
            "payload": encode_json(delivery.payload),
            "received_at": delivery.received_at,
            "attempts": delivery.attempts,
        }
        return self._database.run(lambda connection: connection.execute(_ADD, values).first() is not None)

    async def record_attempt(self, key: str) -> int:
        """Records that the handling of a delivery starts again. Returns the number of this attempt."""
        return await self._database.run(_record_attempt, key)

    async def begin(self, key: str) -> int | None:
        """Records that the handling of a listed delivery starts. Returns the attempt; None if it is finished meanwhile."""
        return await self._database.run(_begin, key)

    async def list_unfinished(self) -> tuple[Delivery, ...]:
        """Lists the unfinished deliveries, oldest first, with the attempts that were begun. `begin` begins another one."""
        return tuple(await self._database.read(_list_unfinished))

    async def finish(self, key: str, at: datetime) -> None:
        """Marks a delivery as finished and deletes its payload. Finishing twice is harmless."""
        await self._database.run(finish_delivery, key, at)

    async def erase_finished(self) -> bool:
        """Erases deleted payloads from the files, too. False if a reader prevents that for now."""
        return await self._database.erase_deleted()

    async def prune(self, now: datetime) -> int:
        """Deletes deliveries that were finished longer than `RETENTION` ago. Returns their number."""
        return await delete_in_batches(self._database, _PRUNE, {"oldest": now - RETENTION})


def _list_unfinished(connection: Connection) -> list[Delivery]:
    return [read_delivery(row) for row in connection.execute(_LIST_UNFINISHED)]


def _begin(connection: Connection, key: str) -> int | None:
    attempts: int | None = connection.execute(_BEGIN, {"this": escape_text(key)}).scalar_one_or_none()
    return attempts


def _record_attempt(connection: Connection, key: str) -> int:
    attempts: int = connection.execute(_ATTEMPT, {"this": escape_text(key)}).scalar_one()
    return attempts


def finish_delivery(connection: Connection, key: str, at: datetime) -> None:
    """Does the work of `Inbox.finish` as a part of the caller's transaction."""
    connection.execute(_FINISH, {"this": escape_text(key), "finished_at": at})


def read_delivery(row: Row[Any]) -> Delivery:
    """Reads a row of the table."""
    return Delivery(
        key=row.key,
        kind=row.kind,
        payload=json.loads(row.payload),
        received_at=row.received_at,
        attempts=row.attempts,
    )
