"""The outbox: what must be posted and is not confirmed. Rows and queries only; `bot.slack.outbound.sender` sends.

    add ─▶ WAITING ─ begin ─▶ SENDING ─┬─ sent ─▶ SENT ──────────────────┬─▶ (7 days) ─▶ pruned
              ▲                        ├─ failed for good ─▶ UNDELIVERABLE ┘
              └─ failed, to try again ─┤
              └─ recover (a crash) ────┘   with `maybe_sent`, for Slack has no idempotency key

A message may be added as one that is being sent already. Order holds within a conversation: a
message is due only when all older ones of its conversation have ended. One that edits a message, or
that stands in its thread, is due only when that one has ended, too. An edit that still waits is
replaced by a newer edit of the same message.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from bot.store import inbox
from bot.store.database import Database
from bot.store.stored import json_text, safe_text
from bot.store.tables import OUTBOX

KEPT = timedelta(days=7)
"""How long an ended message is remembered."""

CARD = "card:"
"""How the operations of cards begin: messages that are still edited when other messages are long forgotten."""

CARDS_KEPT = timedelta(days=90)
"""How long a card is remembered: what is unknown, or waits for a review, may stay so over holidays."""

NOTICE = "notice-"
"""How the operations of notices begin: a message that a CA ends is edited when it has been replaced."""

NOTICES_KEPT = timedelta(days=400)
"""How long a notice is remembered: a CA is warned of 180 days before it ends, and stays expired as long as it likes."""


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

_THIS = OUTBOX.c.id == bindparam("this")
_WAITING = OUTBOX.c.state == State.WAITING
_SENDING = OUTBOX.c.state == State.SENDING

_HEADS = select(func.min(OUTBOX.c.id)).where(OUTBOX.c.state.in_(OPEN)).group_by(OUTBOX.c.conversation)
_EARLIER = OUTBOX.alias()
_NAMED = (func.json_extract(OUTBOX.c.address, path) for path in ("$.replaces", "$.below"))
_HELD = exists().where(_EARLIER.c.id == func.coalesce(*_NAMED), _EARLIER.c.state.in_(OPEN))
_HEAD = OUTBOX.c.id.in_(_HEADS) & _WAITING & ~_HELD
"""The oldest open message of its conversation, if it waits, and for no message that it edits or stands below."""


def _same(path: str) -> ColumnElement[bool]:
    """Whether an address names the same message; what else stands in it does not count."""
    wanted = bindparam("this_address", type_=Text)
    return func.json_extract(OUTBOX.c.address, path).is_not_distinct_from(func.json_extract(wanted, path))


_SAME_MESSAGE = and_(
    OUTBOX.c.road == bindparam("this_road"),
    OUTBOX.c.conversation == bindparam("this_conversation"),
    _same("$.ts"),
    _same("$.replaces"),
)

_REPLACE = update(OUTBOX).where(_SAME_MESSAGE, _WAITING).returning(OUTBOX.c.id)
"""Older edits of the same message that wait: one, or two where the first was tried and failed."""

_ADD = insert(OUTBOX).returning(OUTBOX.c.id)
_DUE = select(OUTBOX).where(_HEAD, OUTBOX.c.next_try_at <= bindparam("now")).order_by(OUTBOX.c.id).limit(AT_ONCE)
_NEXT = select(func.min(OUTBOX.c.next_try_at)).where(_HEAD, OUTBOX.c.next_try_at > bindparam("now"))
_BEGIN = (
    update(OUTBOX)
    .where(OUTBOX.c.id.in_(bindparam("these", expanding=True)), _WAITING)
    .values(state=State.SENDING, attempts=OUTBOX.c.attempts + 1)
    .returning(OUTBOX)
)
_END = update(OUTBOX).where(_THIS, _SENDING)
_ANY_WAITING = select(exists().where(_WAITING))
_RECOVER = update(OUTBOX).where(_SENDING).values(state=State.WAITING, maybe_sent=True)
_POSTED = select(func.coalesce(func.min(OUTBOX.c.id), 0)).where(
    OUTBOX.c.operation == bindparam("this"), OUTBOX.c.road == Road.POST
)
_ADDED = select(exists().where(OUTBOX.c.operation == bindparam("this")))
_CHANNEL = func.coalesce(*(func.json_extract(OUTBOX.c.address, path) for path in ("$.landed", "$.channel")), "")
_PLACE = select(OUTBOX.c.state, OUTBOX.c.ts, _CHANNEL.label("channel")).where(_THIS)
_LANDED_IN = func.json_set(OUTBOX.c.address, "$.landed", bindparam("landed"))
_MOVE = update(OUTBOX).where(_THIS, OUTBOX.c.state.not_in(OPEN)).values(address=_LANDED_IN)
_UNDELIVERABLE = select(OUTBOX).where(OUTBOX.c.state == State.UNDELIVERABLE).order_by(OUTBOX.c.id)
_IS_CARD = OUTBOX.c.operation.startswith(CARD) & (OUTBOX.c.road == Road.POST)
_IS_NOTICE = OUTBOX.c.operation.startswith(NOTICE) & (OUTBOX.c.road == Road.POST)
_PRUNE = delete(OUTBOX).where(
    or_(
        OUTBOX.c.ended_at < bindparam("oldest_notice"),
        and_(OUTBOX.c.ended_at < bindparam("oldest_card"), ~_IS_NOTICE),
        and_(OUTBOX.c.ended_at < bindparam("oldest"), ~_IS_CARD, ~_IS_NOTICE),
    )
)


@dataclass(frozen=True)
class Post:
    """One message for Slack.

    `conversation` is the ordering key: a channel, `channel:thread`, or a response_url. `address` is
    what the road needs (channel, thread_ts, ts, user, response_url), and once it is sent also
    `landed`, where that is another channel than it was meant for. `message` is JSON of at most
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


@dataclass(frozen=True)
class Place:
    """Where a message is that others may see: its channel, perhaps another than it was meant for, and Slack's name for it.

    Without a `ts` it is nowhere: it was given up, or went to people alone, and cannot be named any more.
    """

    channel: str = ""
    ts: str = ""


NOWHERE = Place()


@dataclass(frozen=True)
class Outlook:
    """What may be sent now, oldest first, and when the next of the others may be; None where no other waits for its time."""

    due: tuple[Post, ...]
    next_at: datetime | None


class Outbox:
    """The rows of what must be posted. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def add(self, post: Post, answers: str = "") -> int:
        """Keep a message in its `state`; its id. An edit takes the place of one of the same message that still waits.

        `answers` is the key of the delivery that this message answers. It is finished in the same
        transaction, so that no crash makes the bot answer twice.
        """
        values = _values(post)
        named = {f"this_{name}": values[name] for name in ("road", "conversation", "address")}
        edit = named | {name: values[name] for name in ("message", "address")}

        def work(connection: Connection) -> int:
            if answers:
                inbox.finish(connection, answers, self._now())
            replaced = connection.execute(_REPLACE, edit).scalars().all() if post.road is Road.UPDATE else ()
            added: int = max(replaced) if replaced else connection.execute(_ADD, values).scalar_one()
            return added

        return await self._database.run(work)

    async def look(self) -> Outlook:
        """What may be sent: of each conversation the oldest open message, if it waits; now, if its time has come."""
        now = {"now": self._now()}

        def work(connection: Connection) -> Outlook:
            due = tuple(_post(row) for row in connection.execute(_DUE, now))
            return Outlook(due, connection.execute(_NEXT, now).scalar_one())

        return await self._database.read(work)

    async def begin(self, posts: Iterable[int]) -> tuple[Post, ...]:
        """Sending begins: those of the messages that still wait, oldest first, with their newest content.

        Until `sent` or `failed` they cannot be replaced, and a crash leaves them "maybe sent".
        """
        these = {"these": list(posts)}

        def work(connection: Connection) -> list[Post]:
            return [_post(row) for row in connection.execute(_BEGIN, these)]

        return tuple(sorted(await self._database.run(work), key=lambda post: post.id))

    async def sent(self, post: int, ts: str = "", landed: str = "") -> bool:
        """Slack confirmed it; `ts` is its name there, `landed` its channel where that is not the one it was meant for.

        Whether any message waits, perhaps for this end.
        """
        elsewhere = {"landed": landed} if landed else {}
        return await self._end(post, state=State.SENT, ts=ts, ended_at=self._now(), **elsewhere)

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
        return await self._database.run(lambda connection: connection.execute(_RECOVER).rowcount)

    async def posted(self, operation: str) -> int:
        """The row of an operation's first message that was meant for all, 0 where there is none."""

        def work(connection: Connection) -> int:
            first: int = connection.execute(_POSTED, {"this": operation}).scalar_one()
            return first

        return await self._database.read(work)

    async def added(self, operation: str) -> bool:
        """Whether any message of an operation was added and is still remembered."""
        return await self._database.read(
            lambda connection: bool(connection.execute(_ADDED, {"this": operation}).scalar_one())
        )

    async def moved(self, post: int, place: Place) -> None:
        """A message that could not be edited was posted anew: it is there from now on."""
        there = {"this": post, "ts": place.ts, "landed": place.channel}
        await self._database.run(lambda connection: connection.execute(_MOVE, there).rowcount)

    async def place_of(self, post: int) -> Place | None:
        """Where a message is; None while that is open, `NOWHERE` where it cannot be named, or is not remembered."""

        def work(connection: Connection) -> Place | None:
            row = connection.execute(_PLACE, {"this": post}).one_or_none()
            if row is not None and row.state in OPEN:
                return None
            return Place(row.channel, row.ts) if row is not None and row.ts else NOWHERE

        return await self._database.read(work)

    async def undeliverable(self) -> tuple[Post, ...]:
        """What was given up and is still remembered, oldest first."""
        return await self._database.read(lambda connection: tuple(_post(row) for row in connection.execute(_UNDELIVERABLE)))

    async def prune(self) -> int:
        """Forget what ended more than `KEPT` ago, cards and notices later; how many."""
        now = self._now()
        oldest = {"oldest": now - KEPT, "oldest_card": now - CARDS_KEPT, "oldest_notice": now - NOTICES_KEPT}
        return await self._database.run(lambda connection: connection.execute(_PRUNE, oldest).rowcount)

    async def _end(self, post: int, **values: Any) -> bool:
        """Leave SENDING; nothing happens where the message is not being sent."""

        end = _END.values(address=_LANDED_IN) if "landed" in values else _END

        def work(connection: Connection) -> bool:
            connection.execute(end, {"this": post, **values})
            return bool(connection.execute(_ANY_WAITING).scalar_one())

        return await self._database.run(work)


def _values(post: Post) -> dict[str, Any]:
    return {
        "operation": post.operation,
        "conversation": safe_text(post.conversation),
        "road": post.road,
        "address": json_text(post.address),
        "message": json_text(post.message),
        "made_at": post.made_at,
        "next_try_at": post.next_try_at or post.made_at,
        "state": post.state,
        "attempts": post.attempts,
    }


def _post(row: Row[Any]) -> Post:
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
