"""The inbox: what Slack delivered and is not finished.

    add ─▶ unfinished ─ attempt* ─▶ finish ─▶ (7 days) ─▶ pruned

The key is the deduplication (an event's id; the trigger id of a command, a click or a form), so a
finished row stays for a while: Slack may deliver the same thing again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, delete, select, update

from bot.store.database import Database
from bot.store.models import InboxRow
from bot.store.stored import json_text, safe_text

KEPT = timedelta(days=7)
"""How long a finished delivery is remembered; Slack repeats within minutes to hours."""


@dataclass(frozen=True)
class Delivery:
    """One thing that Slack delivered. `payload` is JSON, at most 64 kB; `attempts` counts how often work on it began."""

    key: str
    kind: str
    payload: Mapping[str, Any]
    received_at: datetime
    attempts: int = 0


class Inbox:
    """The rows of what arrived. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, delivery: Delivery) -> bool:
        """Keep a delivery; False where its key is known already. `TooLarge` where the payload is."""
        values = {
            "key": safe_text(delivery.key),
            "kind": delivery.kind,
            "payload": json_text(delivery.payload),
            "received_at": delivery.received_at,
            "attempts": delivery.attempts,
        }

        def work(session: Session) -> bool:
            added = session.execute(insert(InboxRow).values(values).on_conflict_do_nothing().returning(col(InboxRow.key)))
            return added.first() is not None

        return await self._database.run(work)

    async def attempt(self, key: str) -> int:
        """Note that work on a delivery begins; which attempt this is, counted from 1."""

        def work(session: Session) -> int:
            more = _one(key).values(attempts=col(InboxRow.attempts) + 1)
            attempts: int = session.execute(more.returning(col(InboxRow.attempts))).scalar_one()
            return attempts

        return await self._database.run(work)

    async def finish(self, key: str, at: datetime) -> None:
        """Nothing is left to do for this delivery. Finishing twice is harmless."""

        def work(session: Session) -> None:
            session.execute(_one(key).where(col(InboxRow.finished_at).is_(None)).values(finished_at=at))

        await self._database.run(work)

    async def unfinished(self) -> tuple[Delivery, ...]:
        """What was delivered and never finished, oldest first."""

        def work(session: Session) -> tuple[Delivery, ...]:
            rows = select(InboxRow).where(col(InboxRow.finished_at).is_(None)).order_by(col(InboxRow.received_at))
            return tuple(_delivery(row) for row in session.exec(rows))

        return await self._database.read(work)

    async def prune(self, now: datetime) -> int:
        """Forget what was finished more than `KEPT` ago; how many."""

        def work(session: Session) -> int:
            old = delete(InboxRow).where(col(InboxRow.finished_at) < now - KEPT)
            return len(session.execute(old.returning(col(InboxRow.key))).all())

        return await self._database.run(work)


def _one(key: str) -> Update:
    return update(InboxRow).where(col(InboxRow.key) == safe_text(key))


def _delivery(row: InboxRow) -> Delivery:
    return Delivery(
        key=row.key,
        kind=row.kind,
        payload=json.loads(row.payload),
        received_at=row.received_at,
        attempts=row.attempts,
    )
