"""Operations that change hosts, their reviews, and their claims on hosts. Rows and queries only.

    add ─▶ row ─ change (a pure function on the record, in one transaction) ─▶ row
    start: one transaction looks at all that wait, all claims and all locks, and moves those that may start

What a row may become is said in `bot.changes.approval` and `bot.changes.transitions`, who may start in
`bot.changes.admission`; here it is made one step that cannot be divided. A claim follows the state: it is
made at the start, and goes at the end, unless nobody knows how that was.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, bindparam, case, delete, exists, func, insert, null, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, BreakGlass, State
from bot.store import locks
from bot.store.database import Database
from bot.store.records import Record, fixed, moving, phrase_of, phrase_text, record_of, review_values
from bot.store.stored import safe_text
from bot.store.tables import CLAIMS, OPERATIONS, REVIEWS

AT_ONCE = 100
"""Unshown operations handed out at once."""

Transition = Callable[[Record], Record]
"""What becomes of an operation: pure, for it may be asked twice. What it raises reaches who asked, and nothing moves."""

_MORE = OPERATIONS.c.version + 1
_THIS = OPERATIONS.c.operation == bindparam("this")
_OPEN = OPERATIONS.c.state.in_((State.WAITING, State.READY))
_OLDEST = (OPERATIONS.c.ready_at.nulls_last(), OPERATIONS.c.asked_at, OPERATIONS.c.operation)
_USED = case((OPERATIONS.c.approval_state.is_(None), null()), else_=ApprovalState.USED)
"""The approval's state at the start; break-glass has none."""

_ADD = insert_or(OPERATIONS).on_conflict_do_nothing()
_FIND = select(OPERATIONS).where(_THIS)
_REVIEWS = (
    select(REVIEWS)
    .where(REVIEWS.c.operation == bindparam("this"))
    .order_by(REVIEWS.c.at, REVIEWS.c.approves.desc(), REVIEWS.c.person)
)
_ADD_REVIEW = insert(REVIEWS)
_CHANGE = update(OPERATIONS).where(_THIS, OPERATIONS.c.version == bindparam("seen"))
_RECENT = select(OPERATIONS).order_by(OPERATIONS.c.asked_at.desc(), OPERATIONS.c.operation).limit(bindparam("most"))
_HOST = func.json_each(OPERATIONS.c.hosts).table_valued("value")
_SINCE = OPERATIONS.c.ended_at.is_(None) | (OPERATIONS.c.ended_at >= bindparam("since"))
_TOUCHING = (
    select(OPERATIONS)
    .where(
        _SINCE | (OPERATIONS.c.state == State.UNKNOWN),
        exists().where(_HOST.c.value.in_(bindparam("hosts", expanding=True))),
    )
    .order_by(OPERATIONS.c.asked_at.desc(), OPERATIONS.c.operation)
    .limit(bindparam("most"))
)
_IN = select(OPERATIONS).where(OPERATIONS.c.state.in_(bindparam("states", expanding=True))).order_by(OPERATIONS.c.asked_at)
_OPEN_OF = select(func.count()).select_from(OPERATIONS).where(_OPEN, OPERATIONS.c.requester == bindparam("who", type_=Text))
_UNREVIEWED = (
    select(OPERATIONS)
    .where(func.json_extract(OPERATIONS.c.break_glass, "$.reviewed_by") == "", OPERATIONS.c.started_at.is_not(None))
    .order_by(OPERATIONS.c.asked_at)
)
_ENDED = (
    select(
        *(OPERATIONS.c[name] for name in ("operation", "words", "requester", "state", "approval_state", "break_glass")),
    )
    .where(OPERATIONS.c.ended_at >= bindparam("since"), OPERATIONS.c.ended_at < bindparam("until"))
    .order_by(OPERATIONS.c.ended_at, OPERATIONS.c.operation)
)
_STATES = select(OPERATIONS.c.operation, OPERATIONS.c.state).where(
    OPERATIONS.c.operation.in_(bindparam("these", expanding=True))
)
_RUNNING = select(OPERATIONS.c.operation).where(OPERATIONS.c.state == State.RUNNING).order_by(OPERATIONS.c.started_at)
_PROGRESS = (
    update(OPERATIONS)
    .where(_THIS, OPERATIONS.c.state == State.RUNNING, OPERATIONS.c.running != bindparam("key", type_=Text))
    .values(running=bindparam("key", type_=Text), version=_MORE)
)
_EXPIRED = select(OPERATIONS).where(_OPEN, OPERATIONS.c.expires_at <= bindparam("now")).order_by(OPERATIONS.c.expires_at)
_CANDIDATES = (
    select(OPERATIONS.c.operation, OPERATIONS.c.state, OPERATIONS.c.hosts, OPERATIONS.c.waits_for)
    .where(_OPEN, OPERATIONS.c.expires_at > bindparam("now"))
    .order_by(*_OLDEST)
)
_START = (
    update(OPERATIONS)
    .where(_THIS, OPERATIONS.c.state == State.READY)
    .values(
        state=State.RUNNING,
        approval_state=_USED,
        waits_for=null(),
        started_at=bindparam("now"),
        version=_MORE,
    )
)
_WAIT = update(OPERATIONS).where(_THIS).values(version=_MORE)
_CLAIM = insert(CLAIMS)
_RELEASE = delete(CLAIMS).where(CLAIMS.c.operation == bindparam("this"))
_CLAIMS = select(CLAIMS.c.host, CLAIMS.c.operation, OPERATIONS.c.state).join(
    OPERATIONS, OPERATIONS.c.operation == CLAIMS.c.operation
)
_UNSHOWN = select(OPERATIONS).where(OPERATIONS.c.version > OPERATIONS.c.shown).order_by(OPERATIONS.c.asked_at).limit(AT_ONCE)
_SHOWN = update(OPERATIONS).where(_THIS).values(shown=func.max(OPERATIONS.c.shown, bindparam("version_shown")))
_TOLD = select(OPERATIONS.c.told).where(_THIS)


@dataclass(frozen=True)
class Ended:
    """An operation that has ended, without its plan: how, and what became of its approval, None where none was asked."""

    operation: str
    words: str
    requester: str
    state: State
    approval: ApprovalState | None = None
    break_glass: BreakGlass | None = None


@dataclass(frozen=True)
class Open:
    """An operation that has not started: it waits for people, or is ready."""

    operation: str
    ready: bool
    hosts: tuple[str, ...]
    waits_for: Phrase | None


@dataclass(frozen=True)
class Claim:
    """Who holds a host. `unknown`: nobody knows how that operation ended, so a person must look first."""

    operation: str
    unknown: bool


@dataclass(frozen=True)
class Standing:
    """All that decides who may start: what is open, ready ones first and the longest ready first, claims by host, locks."""

    open: tuple[Open, ...]
    claims: Mapping[str, Claim]
    locks: tuple[locks.Lock, ...]


@dataclass(frozen=True)
class Choice:
    """Which operations start now, and what each of the others waits for besides people, None where for nothing."""

    starts: tuple[str, ...]
    waits: Mapping[str, Phrase | None]


@dataclass(frozen=True)
class Moved:
    """What a look at all that waits has moved: those that started, and those that wait for something else than before."""

    started: tuple[str, ...]
    waiting: tuple[str, ...]


class Operations:
    """The rows of operations. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: Record) -> Record:
        """Keep a new operation; the stored one where its id is known already."""
        values = _values(record)
        return await self._database.run(lambda connection: _added(connection, values))

    async def get(self, operation: str) -> Record | None:
        """One operation by its id."""
        return await self._database.read(lambda connection: _find(connection, operation))

    async def change(self, operation: str, transition: Transition) -> Record | None:
        """Move an operation as `transition` says, seeing what is stored at that very moment; None where there is none."""

        def work(connection: Connection) -> Record | None:
            found = _find(connection, operation)
            return None if found is None else _changed(connection, found, transition(found))

        return await self._database.run(work)

    async def succeed(self, operation: str, transition: Transition, successor: Record) -> Record | None:
        """Keep a new operation that takes this one's place, and move this one, in one step; how the new one is stored."""
        values = _values(successor)

        def work(connection: Connection) -> Record | None:
            found = _find(connection, operation)
            if found is None:
                return None
            _changed(connection, found, transition(found))
            return _added(connection, values)

        return await self._database.run(work)

    async def progress(self, operation: str, key: str) -> None:
        """Which step of a running operation is under way; "" between steps."""
        await self._write(_PROGRESS, {"this": operation, "key": key})

    async def running(self) -> tuple[str, ...]:
        """What runs, the longest first."""
        return await self._database.read(lambda connection: tuple(connection.execute(_RUNNING).scalars()))

    async def recent(self, most: int) -> tuple[Record, ...]:
        """The newest operations, newest first."""
        return await self._several(_RECENT, {"most": most})

    async def touching(self, hosts: Sequence[str], since: datetime, most: int) -> tuple[Record, ...]:
        """The newest operations on any of these hosts that had not ended by then, or nobody knows how; newest first."""
        return await self._several(_TOUCHING, {"hosts": list(hosts), "since": since, "most": most})

    async def states(self, operations: Collection[str]) -> Mapping[str, State]:
        """How these operations stand, as far as they are operations that change hosts."""
        these = {"these": [safe_text(operation) for operation in operations]}

        def work(connection: Connection) -> Mapping[str, State]:
            return {row.operation: State(row.state) for row in connection.execute(_STATES, these)}

        return await self._database.read(work)

    async def within(self, *states: State) -> tuple[Record, ...]:
        """All operations in these states, oldest first; meant for states that few are in."""
        return await self._several(_IN, {"states": states})

    async def open_of(self, requester: str) -> int:
        """How many operations of one person have not started yet."""

        def work(connection: Connection) -> int:
            return connection.execute(_OPEN_OF, {"who": safe_text(requester)}).scalar_one()

        return await self._database.read(work)

    async def ended(self, since: datetime, until: datetime) -> tuple[Ended, ...]:
        """What ended from `since` on and before `until`, in that order."""

        def work(connection: Connection) -> tuple[Ended, ...]:
            return tuple(_ended(row) for row in connection.execute(_ENDED, {"since": since, "until": until}))

        return await self._database.read(work)

    async def unreviewed(self) -> tuple[Record, ...]:
        """What ran without approval and nobody else has looked at, oldest first."""
        return await self._several(_UNREVIEWED, {})

    async def claims(self) -> Mapping[str, Claim]:
        """Which operation holds which host."""
        return await self._database.read(_claims)

    async def expired(self, now: datetime) -> tuple[Record, ...]:
        """What has not started in its time: waiting for people or ready for its hosts."""
        return await self._several(_EXPIRED, {"now": now})

    async def start(self, now: datetime, choose: Callable[[Standing], Choice]) -> Moved:
        """Start all that `choose` says, with claims on their hosts; what the others wait for is noted."""

        def work(connection: Connection) -> Moved:
            candidates = tuple(_open(row) for row in connection.execute(_CANDIDATES, {"now": now}))
            choice = choose(Standing(candidates, _claims(connection), locks.after(connection, now)))
            return _moved(connection, candidates, choice, now)

        return await self._database.run(work)

    async def unshown(self) -> tuple[Record, ...]:
        """What has changed since it was shown, oldest first."""
        return await self._several(_UNSHOWN, {})

    async def shown(self, operation: str, version: int, told: str) -> None:
        """This version stands on the board; `told` is the board's own note."""
        await self._write(_SHOWN, {"this": operation, "version_shown": version, "told": safe_text(told)})

    async def told(self, operation: str) -> str:
        """The board's own note on an operation."""
        return await self._text(_TOLD, operation)

    async def _write(self, statement: Any, values: Mapping[str, Any]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement, values)

        await self._database.run(work)

    async def _text(self, query: Select[Any], operation: str) -> str:
        def work(connection: Connection) -> str:
            text: str = connection.execute(query, {"this": operation}).scalar_one_or_none() or ""
            return text

        return await self._database.read(work)

    async def _several(self, query: Select[Any], named: Mapping[str, Any]) -> tuple[Record, ...]:
        def work(connection: Connection) -> tuple[Record, ...]:
            return tuple(_record(connection, row) for row in connection.execute(query, named).all())

        return await self._database.read(work)


def _record(connection: Connection, row: Row[Any]) -> Record:
    return record_of(row, connection.execute(_REVIEWS, {"this": row.operation}))


def _find(connection: Connection, operation: str) -> Record | None:
    row = connection.execute(_FIND, {"this": safe_text(operation)}).first()
    return None if row is None else _record(connection, row)


def _values(record: Record) -> dict[str, Any]:
    return fixed(record) | moving(record) | {"shown": 0, "told": ""}


def _added(connection: Connection, values: Mapping[str, Any]) -> Record:
    connection.execute(_ADD, values)
    found = _find(connection, values["operation"])
    assert found is not None
    return found


def _changed(connection: Connection, before: Record, after: Record) -> Record:
    """Write what a transition made of a record. The version that was seen is compared, though no other writer exists."""
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    done = connection.execute(_CHANGE, moving(after) | {"this": before.operation, "seen": before.version})
    if done.rowcount != 1:
        raise RuntimeError(f"{before.operation} changed inside a transaction")
    _add_reviews(connection, before, after)
    if before.holds and not after.holds:
        connection.execute(_RELEASE, {"this": before.operation})
    return after


def _add_reviews(connection: Connection, before: Record, after: Record) -> None:
    known = () if before.approval is None else before.approval.reviews
    news = () if after.approval is None else tuple(review for review in after.approval.reviews if review not in known)
    for review in news:
        connection.execute(_ADD_REVIEW, review_values(after.operation, review, after.reviewers[review.person]))


def _claims(connection: Connection) -> Mapping[str, Claim]:
    return {row.host: Claim(row.operation, row.state == State.UNKNOWN) for row in connection.execute(_CLAIMS)}


def _ended(row: Any) -> Ended:
    return Ended(
        row.operation,
        row.words,
        row.requester,
        State(row.state),
        None if row.approval_state is None else ApprovalState(row.approval_state),
        None if row.break_glass is None else BreakGlass.model_validate_json(row.break_glass),
    )


def _open(row: Any) -> Open:
    return Open(row.operation, row.state == State.READY, tuple(json.loads(row.hosts)), phrase_of(row.waits_for))


def _moved(connection: Connection, candidates: Iterable[Open], choice: Choice, now: datetime) -> Moved:
    by_id = {candidate.operation: candidate for candidate in candidates}
    for operation in choice.starts:
        connection.execute(_START, {"this": operation, "now": now})
        for host in by_id[operation].hosts:
            connection.execute(_CLAIM, {"host": host, "operation": operation})
    changed = {operation: wait for operation, wait in choice.waits.items() if wait != by_id[operation].waits_for}
    for operation, wait in changed.items():
        connection.execute(_WAIT, {"this": operation, "waits_for": phrase_text(wait)})
    return Moved(choice.starts, tuple(changed))
