"""The inbox: what Slack delivered and is not finished.

    add ─▶ unfinished ─ attempt* ─▶ finish ─▶ (7 days) ─▶ pruned
              ▲  │
              └──┘ resume (a start)

The key is the deduplication (an event's id; the trigger id of a command, a click or a form), so a
finished row stays for a while: Slack may deliver the same thing again.
"""

import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, update
from sqlalchemy.dialects.sqlite import insert

from bot.store.database import Database
from bot.store.stored import json_text, safe_text
from bot.store.tables import INBOX

KEPT = timedelta(days=7)
"""How long a finished delivery is remembered; Slack repeats within minutes to hours."""

_THIS = INBOX.c.key == bindparam("this")
_UNFINISHED = INBOX.c.finished_at.is_(None)
_MORE = {"attempts": INBOX.c.attempts + 1}

_ADD = insert(INBOX).on_conflict_do_nothing()
_ATTEMPT = update(INBOX).where(_THIS).values(_MORE).returning(INBOX.c.attempts)
_RESUME = update(INBOX).where(_UNFINISHED).values(_MORE).returning(INBOX)
_FINISH = update(INBOX).where(_THIS, _UNFINISHED)
_PRUNE = delete(INBOX).where(INBOX.c.finished_at < bindparam("oldest"))


@dataclass(frozen=True)
class Delivery:
    """One thing that Slack delivered. `payload` is JSON, at most 64 kB.

    `attempts` counts how often work on it began; the first time is when it is kept.
    """

    key: str
    kind: str
    payload: Mapping[str, Any]
    received_at: datetime
    attempts: int = 1


class Inbox:
    """The rows of what arrived. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, delivery: Delivery) -> Awaitable[bool]:
        """Keep a delivery; False where its key is known already. `TooLarge`, at once, where the payload is."""
        values = {
            "key": safe_text(delivery.key),
            "kind": delivery.kind,
            "payload": json_text(delivery.payload),
            "received_at": delivery.received_at,
            "attempts": delivery.attempts,
        }
        return self._database.run(lambda connection: connection.execute(_ADD, values).rowcount > 0)

    async def attempt(self, key: str) -> int:
        """Note that work on a delivery begins once more; which attempt this is."""

        def work(connection: Connection) -> int:
            attempts: int = connection.execute(_ATTEMPT, {"this": safe_text(key)}).scalar_one()
            return attempts

        return await self._database.run(work)

    async def resume(self) -> tuple[Delivery, ...]:
        """After a start: what was delivered and never finished, oldest first. Work on all of it begins once more."""

        def work(connection: Connection) -> list[Delivery]:
            return [_delivery(row) for row in connection.execute(_RESUME)]

        return tuple(sorted(await self._database.run(work), key=lambda delivery: delivery.received_at))

    async def finish(self, key: str, at: datetime) -> None:
        """Nothing is left to do for this delivery. Finishing twice is harmless."""
        await self._database.run(lambda connection: finish(connection, key, at))

    async def prune(self, now: datetime) -> int:
        """Forget what was finished more than `KEPT` ago; how many."""
        return await self._database.run(lambda connection: connection.execute(_PRUNE, {"oldest": now - KEPT}).rowcount)


def finish(connection: Connection, key: str, at: datetime) -> None:
    """`Inbox.finish` as a part of somebody else's transaction."""
    connection.execute(_FINISH, {"this": safe_text(key), "finished_at": at})


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        key=row.key,
        kind=row.kind,
        payload=json.loads(row.payload),
        received_at=row.received_at,
        attempts=row.attempts,
    )
