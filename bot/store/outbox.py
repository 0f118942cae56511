"""The outbox: messages for Slack until Slack confirms them. Rows and queries only; `bot.slack.outbound.sender` sends.

    add ─▶ WAITING ─ begin_sending ─▶ SENDING ─┬─ mark_sent ──────────────▶ SENT ──────────┬─▶ (7 days) ─▶ pruned
              ▲                                ├─ mark_failed, no retry ──▶ UNDELIVERABLE ─┘
              └─ mark_failed, with a retry ────┤
              └─ recover_interrupted (a crash) ┘   with `maybe_sent`, because Slack has no idempotency key

A message may be added in the state SENDING. Order holds within a conversation: a message is due only when all older ones
of its conversation have ended. A message that edits another, is in its thread, or comes after it, is due only when that
one has ended, too.
An edit that still waits is replaced by a newer edit of the same message.
Messages of alerts are due before all others. While one still waits, its content can be replaced, and it can be withdrawn:
a page about a problem that is over serves no reader.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
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
from bot.store.batches import delete_in_batches
from bot.store.database import Database
from bot.store.encoding import encode_json, escape_text
from bot.store.outbox_values import (
    ALERT_PREFIX,
    ALERT_RETENTION,
    CARD_PREFIX,
    CARD_RETENTION,
    INCIDENT_PREFIX,
    NO_MESSAGE_PLACE,
    OPEN_STATES,
    REPLY_MARK,
    RETENTION,
    DuePosts,
    MessagePlace,
    Post,
    PostState,
    Route,
)
from bot.store.schema.tables import OUTBOX

MAX_DUE = 100
"""Maximum number of due messages returned at once. Slack accepts about one a second per channel."""

_PARTS = {name: name for name in ("replaces", "below", "after", "channel", "landed")} | {"edits": "ts"}
"""Columns of parts of the address by which messages are found, and the name of each part."""

_THIS = OUTBOX.c.id == bindparam("this")
_WAITING = OUTBOX.c.state == PostState.WAITING
_SENDING = OUTBOX.c.state == PostState.SENDING

_OLDEST_OPEN_IDS = select(func.min(OUTBOX.c.id)).where(OUTBOX.c.state.in_(OPEN_STATES)).group_by(OUTBOX.c.conversation)
_EARLIER = OUTBOX.alias()
_IS_BLOCKED = exists().where(
    _EARLIER.c.id.in_((OUTBOX.c.replaces, OUTBOX.c.below, OUTBOX.c.after)), _EARLIER.c.state.in_(OPEN_STATES)
)
_IS_SENDABLE = OUTBOX.c.id.in_(_OLDEST_OPEN_IDS) & _WAITING & ~_IS_BLOCKED
"""Condition of a message that may be sent: the oldest open one of its conversation, waiting, and for no other message."""

_IS_SAME_MESSAGE = and_(
    OUTBOX.c.road == bindparam("this_road"),
    OUTBOX.c.conversation == bindparam("this_conversation"),
    OUTBOX.c.edits.is_not_distinct_from(bindparam("this_edits")),
    OUTBOX.c.replaces.is_not_distinct_from(bindparam("this_replaces")),
)

_REPLACE = update(OUTBOX).where(_IS_SAME_MESSAGE, _WAITING).returning(OUTBOX.c.id)
"""Replaces the waiting edits of the same message: one, or two if the first was tried and failed."""

_ADD = insert(OUTBOX).returning(OUTBOX.c.id)
_OF_ALERT = OUTBOX.c.operation.startswith(ALERT_PREFIX)
_URGENT_FIRST = ((_OF_ALERT & (OUTBOX.c.road != Route.UPDATE)).desc(), _OF_ALERT.desc(), OUTBOX.c.id)
"""Alerts first, and of these what is new before edits: after a start each message of open alerts is edited, maybe many."""
_DUE = select(OUTBOX).where(_IS_SENDABLE, OUTBOX.c.next_try_at <= bindparam("now")).order_by(*_URGENT_FIRST).limit(MAX_DUE)
_NEXT = select(func.min(OUTBOX.c.next_try_at)).where(_IS_SENDABLE, OUTBOX.c.next_try_at > bindparam("now"))
_BEGIN = (
    update(OUTBOX)
    .where(OUTBOX.c.id.in_(bindparam("these", expanding=True)), _WAITING)
    .values(state=PostState.SENDING, attempts=OUTBOX.c.attempts + 1)
    .returning(OUTBOX)
)
_END = update(OUTBOX).where(_THIS, _SENDING)
_ANY_WAITING = select(exists().where(_WAITING))
_RECOVER = update(OUTBOX).where(_SENDING).values(state=PostState.WAITING, maybe_sent=True).returning(OUTBOX.c.id)
_FIRST_POST = select(func.coalesce(func.min(OUTBOX.c.id), 0)).where(
    OUTBOX.c.operation == bindparam("this"), OUTBOX.c.road == Route.POST
)
_HAS_MESSAGE = select(exists().where(OUTBOX.c.operation == bindparam("this")))
_CHANNEL = func.coalesce(OUTBOX.c.landed, OUTBOX.c.channel, "")
_IS_POSTED_IN = select(
    exists().where(
        OUTBOX.c.operation == bindparam("this"), OUTBOX.c.road == Route.POST, bindparam("place", type_=Text) == _CHANNEL
    )
)
_PLACE = select(OUTBOX.c.state, OUTBOX.c.ts, _CHANNEL.label("channel")).where(_THIS)
_MOVE = update(OUTBOX).where(_THIS, OUTBOX.c.state.not_in(OPEN_STATES))
_UNDELIVERABLE = select(OUTBOX).where(OUTBOX.c.state == PostState.UNDELIVERABLE).order_by(OUTBOX.c.id)
_IS_CARD = OUTBOX.c.operation.startswith(CARD_PREFIX) & (OUTBOX.c.road == Route.POST)
_IS_EDITED_FOR_LONG = and_(
    OUTBOX.c.road == Route.POST,
    or_(OUTBOX.c.operation.startswith(ALERT_PREFIX), OUTBOX.c.operation.startswith(INCIDENT_PREFIX)),
    ~OUTBOX.c.operation.contains(REPLY_MARK),
)
_WAITING_POST = select(func.coalesce(func.min(OUTBOX.c.id), 0)).where(
    OUTBOX.c.operation == bindparam("this"), OUTBOX.c.road != Route.UPDATE, _WAITING
)
_REWRITE = update(OUTBOX).where(_THIS, _WAITING).values(message=bindparam("content")).returning(OUTBOX.c.id)
_DROP_EDITS = delete(OUTBOX).where(OUTBOX.c.road == Route.UPDATE, OUTBOX.c.replaces == bindparam("this"), _WAITING)
_OUTDATED = (
    select(OUTBOX.c.id)
    .where(
        or_(
            OUTBOX.c.ended_at < bindparam("oldest_alert"),
            and_(OUTBOX.c.ended_at < bindparam("oldest_card"), ~_IS_EDITED_FOR_LONG),
            and_(OUTBOX.c.ended_at < bindparam("oldest"), ~_IS_CARD, ~_IS_EDITED_FOR_LONG),
        )
    )
    .limit(bindparam("batch"))
)
_PRUNE = delete(OUTBOX).where(OUTBOX.c.id.in_(_OUTDATED)).returning(OUTBOX.c.id)


class Outbox:
    """Table of messages. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def add(self, post: Post, answers: str = "", sequels: Sequence[Post] = ()) -> int:
        """Stores a message in its `state`. Returns its id. An edit replaces a waiting edit of the same message.

        `answers` is the key of the delivery that this message answers. It is finished in the same transaction, so that the
        bot does not answer twice after a crash. `sequels` wait for the message, and are stored with it or not at all.
        """

        def work(connection: Connection) -> int:
            if answers:
                inbox.finish_delivery(connection, answers, self._now())
            added = _insert(connection, post)
            for sequel in sequels:
                _insert(connection, replace(sequel, address={**sequel.address, "after": added}))
            return added

        return await self._database.run(work)

    async def rewrite(self, row: int, message: Mapping[str, Any]) -> bool:
        """Replaces the content of a message that waits, and drops its waiting edits. Returns False if it does not wait."""
        this = {"this": row, "content": encode_json(message)}
        return await self._database.run(_rewrite, this)

    async def withdraw(self, prefix: str) -> int:
        """Deletes the waiting messages whose operation begins like this. Returns their number."""
        begins = OUTBOX.c.operation.startswith(prefix, autoescape=True)
        drop = delete(OUTBOX).where(begins, _WAITING).returning(OUTBOX.c.id)
        return await self._database.run(lambda connection: len(connection.execute(drop).all()))

    async def find_waiting(self, operation: str) -> int:
        """Returns the row id of an operation's message that waits to be sent, for any recipient; 0 if none waits."""
        return await self._database.read(_find_waiting, operation)

    async def find_due(self) -> DuePosts:
        """Returns the due messages: of each conversation the oldest open one, if it waits and its time has come.

        Messages of alerts come first.
        """
        now = {"now": self._now()}
        return await self._database.read(_find_due, now)

    async def begin_sending(self, posts: Iterable[int]) -> tuple[Post, ...]:
        """Moves those of the messages that still wait to SENDING. Returns them with their newest content, oldest first.

        Until `mark_sent` or `mark_failed` they cannot be replaced, and a crash leaves them "maybe sent".
        """
        these = {"these": list(posts)}
        return tuple(sorted(await self._database.run(_begin_sending, these), key=lambda post: post.id))

    async def mark_sent(self, post: int, ts: str = "", landed: str = "") -> bool:
        """Marks a message as confirmed by Slack. `ts` is Slack's id, `landed` its channel if that is not the intended one.

        Returns whether any message waits; it may have waited for this one.
        """
        elsewhere = {"landed": landed} if landed else {}
        return await self._end(post, state=PostState.SENT, ts=ts, ended_at=self._now(), **elsewhere)

    async def mark_failed(self, post: int, why: str, retry_at: datetime | None, *, maybe_sent: bool = False) -> None:
        """Marks a message as not confirmed. It is retried at `retry_at`; None makes it undeliverable."""
        values: dict[str, Any] = {"why": escape_text(why)}
        if maybe_sent:
            values["maybe_sent"] = True
        if retry_at is None:
            await self._end(post, state=PostState.UNDELIVERABLE, ended_at=self._now(), **values)
        else:
            await self._end(post, state=PostState.WAITING, next_try_at=retry_at, **values)

    async def recover_interrupted(self) -> int:
        """Moves messages that a crash interrupted in SENDING back to WAITING, marked as maybe sent. Returns their number."""
        return await self._database.run(lambda connection: len(connection.execute(_RECOVER).all()))

    async def find_row(self, operation: str) -> int:
        """Returns the row id of an operation's first public message; 0 if there is none."""
        return await self._database.read(_find_row, operation)

    async def has_message(self, operation: str) -> bool:
        """Returns whether the outbox has a message of an operation, in any state."""
        return await self._database.read(
            lambda connection: bool(connection.execute(_HAS_MESSAGE, {"this": operation}).scalar_one())
        )

    async def is_posted_in(self, operation: str, channel: str) -> bool:
        """Returns whether the outbox has a new message of an operation for all in a channel, in any state."""
        this = {"this": operation, "place": channel}
        return await self._database.read(lambda connection: bool(connection.execute(_IS_POSTED_IN, this).scalar_one()))

    async def move_to(self, post: int, place: MessagePlace) -> None:
        """Records the new place of a message that could not be edited and was posted again."""
        there = {"this": post, "ts": place.ts, "landed": place.channel}
        await self._database.run(lambda connection: connection.execute(_MOVE, there) and None)

    async def find_place(self, post: int) -> MessagePlace | None:
        """Returns the place of a message: None while it is open, `NO_MESSAGE_PLACE` if it has no place or was deleted."""
        return await self._database.read(_find_place, post)

    async def list_undeliverable(self) -> tuple[Post, ...]:
        """Lists the undeliverable messages, oldest first."""
        return await self._database.read(
            lambda connection: tuple(_read_post(row) for row in connection.execute(_UNDELIVERABLE))
        )

    async def prune(self) -> int:
        """Deletes messages that ended longer than `RETENTION` ago, later those edited for long. Returns their number."""
        now = self._now()
        oldest = {"oldest": now - RETENTION, "oldest_card": now - CARD_RETENTION, "oldest_alert": now - ALERT_RETENTION}
        return await delete_in_batches(self._database, _PRUNE, oldest)

    async def _end(self, post: int, **values: Any) -> bool:
        """Ends SENDING. Does nothing if the message is not in that state. Returns whether any message waits."""
        return await self._database.run(_end_sending, post, values)


def _begin_sending(connection: Connection, these: Mapping[str, Any]) -> list[Post]:
    return [_read_post(row) for row in connection.execute(_BEGIN, these)]


def _find_due(connection: Connection, now: Mapping[str, Any]) -> DuePosts:
    due = tuple(_read_post(row) for row in connection.execute(_DUE, now))
    return DuePosts(due, connection.execute(_NEXT, now).scalar_one())


def _rewrite(connection: Connection, this: Mapping[str, Any]) -> bool:
    if connection.execute(_REWRITE, this).scalar_one_or_none() is None:
        return False
    connection.execute(_DROP_EDITS, this)
    return True


def _end_sending(connection: Connection, post: int, values: Mapping[str, Any]) -> bool:
    connection.execute(_END, {"this": post, **values})
    return bool(connection.execute(_ANY_WAITING).scalar_one())


def _find_place(connection: Connection, post: int) -> MessagePlace | None:
    row = connection.execute(_PLACE, {"this": post}).one_or_none()
    if row is not None and row.state in OPEN_STATES:
        return None
    return MessagePlace(row.channel, row.ts) if row is not None and row.ts else NO_MESSAGE_PLACE


def _find_row(connection: Connection, operation: str) -> int:
    first: int = connection.execute(_FIRST_POST, {"this": operation}).scalar_one()
    return first


def _find_waiting(connection: Connection, operation: str) -> int:
    first: int = connection.execute(_WAITING_POST, {"this": operation}).scalar_one()
    return first


def _insert(connection: Connection, post: Post) -> int:
    values = _make_values(post)
    named = {f"this_{name}": values[name] for name in ("road", "conversation", "edits", "replaces")}
    edit = named | {name: values[name] for name in ("message", "address", *_PARTS)}
    replaced = connection.execute(_REPLACE, edit).scalars().all() if post.road is Route.UPDATE else ()
    added: int = max(replaced) if replaced else connection.execute(_ADD, values).scalar_one()
    return added


def _make_values(post: Post) -> dict[str, Any]:
    return {
        "operation": post.operation,
        "conversation": escape_text(post.conversation),
        "road": post.road,
        "address": encode_json(post.address),
        "message": encode_json(post.message),
        "made_at": post.made_at,
        "next_try_at": post.next_try_at or post.made_at,
        "state": post.state,
        "attempts": post.attempts,
        **{column: post.address.get(part) for column, part in _PARTS.items()},
    }


def _read_post(row: Row[Any]) -> Post:
    address = json.loads(row.address)
    return Post(
        operation=row.operation,
        conversation=row.conversation,
        road=Route(row.road),
        address=address if row.landed is None else address | {"landed": row.landed},
        message=json.loads(row.message),
        made_at=row.made_at,
        next_try_at=row.next_try_at,
        id=row.id,
        state=PostState(row.state),
        attempts=row.attempts,
        maybe_sent=bool(row.maybe_sent),
        why=row.why,
        ts=row.ts,
    )
