"""The outbox: what must be posted and is not confirmed. Rows and queries only; `bot.slack.outbox` sends.

    add ─▶ WAITING ─ begin ─▶ SENDING ─┬─ sent ─▶ SENT ──────────────────┬─▶ (7 days) ─▶ pruned
              ▲                        ├─ failed for good ─▶ UNDELIVERABLE ┘
              └─ failed, to try again ─┤
              └─ recover (a crash) ────┘   with `maybe_sent`, for Slack has no idempotency key

Order holds within a conversation: a message is due only when all older ones of its conversation
have ended. An edit that still waits is replaced by a newer edit of the same message.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col, delete, func, select, update

from bot.store.database import Database
from bot.store.models import OutboxRow
from bot.store.stored import json_text, safe_text

KEPT = timedelta(days=7)
"""How long an ended message is remembered."""


class Road(StrEnum):
    """How a message reaches Slack: a new message, an edit of one, or an answer through a response_url."""

    POST = "post"
    UPDATE = "update"
    RESPOND = "respond"


class State(StrEnum):
    """Where a message is in its life; see the module."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"


OPEN = (State.WAITING, State.SENDING)

AT_ONCE = 100
"""Messages handed out at once; Slack takes about one a second per channel."""


@dataclass(frozen=True)
class Post:
    """One message for Slack.

    `conversation` is the ordering key: a channel, `channel:thread`, or a response_url. `address` is
    what the road needs (channel, thread_ts, ts, user, response_url), `message` is JSON of at most
    64 kB (text, blocks). `ts` is Slack's name for the message once it is sent. `maybe_sent`: an
    earlier try may have arrived, so a repetition is marked as one. What stands from `id` on is kept
    by the outbox.
    """

    operation: str
    conversation: str
    road: Road
    address: Mapping[str, Any]
    message: Mapping[str, Any]
    made_at: datetime
    next_try_at: datetime | None = None
    """Earliest sending; None: at once."""
    id: int = 0
    state: State = State.WAITING
    attempts: int = 0
    maybe_sent: bool = False
    why: str = ""
    ts: str = ""


class Outbox:
    """The rows of what must be posted. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def add(self, post: Post) -> int:
        """Keep a message for sending; its id. An edit takes the place of one of the same message that still waits."""
        row = _row(post)

        def work(session: Session) -> int:
            if post.road is Road.UPDATE:
                newest = {"message": row.message, "address": row.address}
                replaced: Sequence[int] = session.execute(_still_waiting(row).values(newest)).scalars().all()
                if replaced:
                    return max(replaced)
            session.add(row)
            session.flush()
            assert row.id is not None
            return row.id

        return await self._database.run(work)

    async def due(self) -> tuple[Post, ...]:
        """What may be sent now: of each conversation the oldest open message, if it waits and its time has come."""
        now = self._now()

        def work(session: Session) -> tuple[Post, ...]:
            rows = (
                select(OutboxRow).where(*_HEAD, col(OutboxRow.next_try_at) <= now).order_by(col(OutboxRow.id)).limit(AT_ONCE)
            )
            return tuple(_post(row) for row in session.exec(rows))

        return await self._database.read(work)

    async def next_try(self) -> datetime | None:
        """When the next message becomes due (it may be past); None where nothing waits."""

        def work(session: Session) -> datetime | None:
            return session.exec(select(func.min(OutboxRow.next_try_at)).where(*_HEAD)).one()

        return await self._database.read(work)

    async def begin(self, post: int) -> Post | None:
        """Sending begins: the message with its newest content, or None where it no longer waits.

        Until `sent` or `failed` it cannot be replaced, and a crash leaves it "maybe sent".
        """

        def work(session: Session) -> Post | None:
            row = session.get(OutboxRow, post)
            if row is None or row.state != State.WAITING:
                return None
            row.state = State.SENDING
            row.attempts += 1
            session.flush()
            return _post(row)

        return await self._database.run(work)

    async def sent(self, post: int, ts: str = "") -> None:
        """Slack confirmed it; `ts` is the message's name there."""
        await self._end(post, state=State.SENT, ts=ts, ended_at=self._now())

    async def failed(self, post: int, why: str, retry_at: datetime | None, *, maybe_sent: bool = False) -> None:
        """It was not confirmed: tried again at `retry_at`, or given up where that is None."""
        values: dict[str, Any] = {"why": safe_text(why)}
        if maybe_sent:
            values["maybe_sent"] = True
        if retry_at is None:
            await self._end(post, state=State.UNDELIVERABLE, ended_at=self._now(), **values)
        else:
            await self._end(post, state=State.WAITING, next_try_at=retry_at, **values)

    async def recover(self) -> int:
        """After a start: what was being sent when the bot died waits again, marked as maybe sent; how many."""

        def work(session: Session) -> int:
            dying = update(OutboxRow).where(col(OutboxRow.state) == State.SENDING)
            revived = dying.values(state=State.WAITING, maybe_sent=True).returning(col(OutboxRow.id))
            return len(session.execute(revived).all())

        return await self._database.run(work)

    async def posted(self, operation: str) -> int:
        """The row of an operation's first message that was meant for all, 0 where there is none."""

        def work(session: Session) -> int:
            mine = (col(OutboxRow.operation) == operation, col(OutboxRow.road) == Road.POST)
            return session.exec(select(func.min(OutboxRow.id)).where(*mine)).one() or 0

        return await self._database.read(work)

    async def ts_of(self, post: int) -> str:
        """Slack's name for a message that was sent; "" where it was not, or went to one person instead."""

        def work(session: Session) -> str:
            row = session.get(OutboxRow, post)
            return "" if row is None else row.ts

        return await self._database.read(work)

    async def undeliverable(self) -> tuple[Post, ...]:
        """What was given up and is still remembered, oldest first."""

        def work(session: Session) -> tuple[Post, ...]:
            rows = select(OutboxRow).where(col(OutboxRow.state) == State.UNDELIVERABLE).order_by(col(OutboxRow.id))
            return tuple(_post(row) for row in session.exec(rows))

        return await self._database.read(work)

    async def prune(self) -> int:
        """Forget what ended more than `KEPT` ago; how many."""
        oldest = self._now() - KEPT

        def work(session: Session) -> int:
            old = delete(OutboxRow).where(col(OutboxRow.ended_at) < oldest)
            return len(session.execute(old.returning(col(OutboxRow.id))).all())

        return await self._database.run(work)

    async def _end(self, post: int, **values: Any) -> None:
        """Leave SENDING; nothing happens where the message is not being sent."""

        def work(session: Session) -> None:
            sending = update(OutboxRow).where(col(OutboxRow.id) == post, col(OutboxRow.state) == State.SENDING)
            session.execute(sending.values(**values))

        await self._database.run(work)


_HEADS = select(func.min(OutboxRow.id)).where(col(OutboxRow.state).in_(OPEN)).group_by(col(OutboxRow.conversation))
_HEAD = (col(OutboxRow.id).in_(_HEADS), col(OutboxRow.state) == State.WAITING)
"""The oldest open message of its conversation, if it waits."""


def _still_waiting(edit: OutboxRow) -> ReturningUpdate[tuple[int]]:
    """Older edits of the same message that wait: one, or two where the first was tried and failed."""
    same = [col(OutboxRow.road) == edit.road, col(OutboxRow.conversation) == edit.conversation]
    for path in ("$.ts", "$.replaces"):
        named, wanted = func.json_extract(OutboxRow.address, path), func.json_extract(edit.address, path)
        same.append(named.is_not_distinct_from(wanted))
    return update(OutboxRow).where(*same, col(OutboxRow.state) == State.WAITING).returning(col(OutboxRow.id))


def _row(post: Post) -> OutboxRow:
    return OutboxRow(
        operation=post.operation,
        conversation=safe_text(post.conversation),
        road=post.road,
        address=json_text(post.address),
        message=json_text(post.message),
        made_at=post.made_at,
        next_try_at=post.next_try_at or post.made_at,
        state=State.WAITING,
    )


def _post(row: OutboxRow) -> Post:
    assert row.id is not None
    return Post(
        operation=row.operation,
        conversation=row.conversation,
        road=Road(row.road),
        address=json.loads(row.address),
        message=json.loads(row.message),
        made_at=row.made_at,
        next_try_at=row.next_try_at,
        id=row.id,
        state=State(row.state),
        attempts=row.attempts,
        maybe_sent=bool(row.maybe_sent),
        why=row.why,
        ts=row.ts,
    )
