"""Operations that change hosts, and their reviews. Rows and queries only.

    add ─▶ row ─ change (a pure function on the record, in one transaction) ─▶ row
    start: one transaction reads all open operations, all claims and all locks, and starts the chosen ones

`bot.changes.approval` and `bot.changes.transitions` define the transitions, `bot.changes.admission` chooses the operations
that start. This module makes each an atomic step. A claim follows the state: it is made at the start and deleted at the end,
unless the outcome is unknown (`bot.store.claims`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from bot.model.change import ApprovalState, BreakGlass, State
from bot.store.claims import Choice, Claim, Moved, Standing, read_claims, release_hosts, start_operations
from bot.store.database import Database
from bot.store.records import Record, fixed, moving, record_of, review_values
from bot.store.stored import safe_text
from bot.store.tables import OPERATIONS, REVIEWS

AT_ONCE = 100
"""Maximum number of unshown operations returned at once."""

Transition = Callable[[Record], Record]
"""Makes the next state of an operation. Pure, because it may be called twice. If it raises, nothing is stored."""

_MORE = OPERATIONS.c.version + 1
_THIS = OPERATIONS.c.operation == bindparam("this")
_OPEN = OPERATIONS.c.state.in_((State.WAITING, State.READY))
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
_UNSHOWN = select(OPERATIONS).where(OPERATIONS.c.version > OPERATIONS.c.shown).order_by(OPERATIONS.c.asked_at).limit(AT_ONCE)
_SHOWN = update(OPERATIONS).where(_THIS).values(shown=func.max(OPERATIONS.c.shown, bindparam("version_shown")))
_TOLD = select(OPERATIONS.c.told).where(_THIS)


@dataclass(frozen=True)
class Ended:
    """An operation that has ended, without its plan. `approval` is the approval's state; None if none was required."""

    operation: str
    words: str
    requester: str
    state: State
    approval: ApprovalState | None = None
    break_glass: BreakGlass | None = None


class Operations:
    """Table of operations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: Record) -> Record:
        """Stores a new operation. Returns the stored one, which is older if its id was known."""
        values = _values(record)
        return await self._database.run(lambda connection: _added(connection, values))

    async def get(self, operation: str) -> Record | None:
        """Returns one operation by its id; None if there is none."""
        return await self._database.read(lambda connection: _find(connection, operation))

    async def change(self, operation: str, transition: Transition) -> Record | None:
        """Applies a transition to the stored operation, in one transaction. Returns the result; None if there is none."""

        def work(connection: Connection) -> Record | None:
            found = _find(connection, operation)
            return None if found is None else _changed(connection, found, transition(found))

        return await self._database.run(work)

    async def succeed(self, operation: str, transition: Transition, successor: Record) -> Record | None:
        """Stores the successor of an operation and applies a transition to it, in one transaction.

        Returns the stored successor; None if the operation does not exist.
        """
        values = _values(successor)

        def work(connection: Connection) -> Record | None:
            found = _find(connection, operation)
            if found is None:
                return None
            _changed(connection, found, transition(found))
            return _added(connection, values)

        return await self._database.run(work)

    async def progress(self, operation: str, key: str) -> None:
        """Records the key of the running step of a running operation; "" between steps."""
        await self._write(_PROGRESS, {"this": operation, "key": key})

    async def running(self) -> tuple[str, ...]:
        """Lists the running operations, longest running first."""
        return await self._database.read(lambda connection: tuple(connection.execute(_RUNNING).scalars()))

    async def recent(self, most: int) -> tuple[Record, ...]:
        """Lists the newest operations, newest first."""
        return await self._several(_RECENT, {"most": most})

    async def touching(self, hosts: Sequence[str], since: datetime, most: int) -> tuple[Record, ...]:
        """Lists operations on any of these hosts that had not ended at `since` or whose outcome is unknown, newest first."""
        return await self._several(_TOUCHING, {"hosts": list(hosts), "since": since, "most": most})

    async def states(self, operations: Collection[str]) -> Mapping[str, State]:
        """Returns the states of those of these operations that change hosts, by id."""
        these = {"these": [safe_text(operation) for operation in operations]}

        def work(connection: Connection) -> Mapping[str, State]:
            return {row.operation: State(row.state) for row in connection.execute(_STATES, these)}

        return await self._database.read(work)

    async def within(self, *states: State) -> tuple[Record, ...]:
        """Lists all operations in these states, oldest first. Meant for states with few operations."""
        return await self._several(_IN, {"states": states})

    async def open_of(self, requester: str) -> int:
        """Counts the operations of one requester that have not started."""

        def work(connection: Connection) -> int:
            return connection.execute(_OPEN_OF, {"who": safe_text(requester)}).scalar_one()

        return await self._database.read(work)

    async def ended(self, since: datetime, until: datetime) -> tuple[Ended, ...]:
        """Lists the operations that ended from `since` until before `until`, in the order of their ends."""

        def work(connection: Connection) -> tuple[Ended, ...]:
            return tuple(_ended(row) for row in connection.execute(_ENDED, {"since": since, "until": until}))

        return await self._database.read(work)

    async def unreviewed(self) -> tuple[Record, ...]:
        """Lists the break-glass operations that were started and not reviewed, oldest first."""
        return await self._several(_UNREVIEWED, {})

    async def claims(self) -> Mapping[str, Claim]:
        """Returns the claims by host."""
        return await self._database.read(read_claims)

    async def expired(self, now: datetime) -> tuple[Record, ...]:
        """Lists the operations that did not start before they expired."""
        return await self._several(_EXPIRED, {"now": now})

    async def start(self, now: datetime, choose: Callable[[Standing], Choice]) -> Moved:
        """Starts the operations that `choose` names and claims their hosts. Stores the reason for which the others wait."""

        def work(connection: Connection) -> Moved:
            return start_operations(connection, now, choose)

        return await self._database.run(work)

    async def unshown(self) -> tuple[Record, ...]:
        """Lists the operations that have changed since their cards were updated, oldest first."""
        return await self._several(_UNSHOWN, {})

    async def shown(self, operation: str, version: int, told: str) -> None:
        """Records that the card shows this version; `told` is the card's own note."""
        await self._write(_SHOWN, {"this": operation, "version_shown": version, "told": safe_text(told)})

    async def told(self, operation: str) -> str:
        """Returns the card's own note on an operation; "" if there is none."""
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
    """Stores the result of a transition. The version is compared, though there is no other writer."""
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    done = connection.execute(_CHANGE, moving(after) | {"this": before.operation, "seen": before.version})
    if done.rowcount != 1:
        raise RuntimeError(f"{before.operation} changed inside a transaction")
    _add_reviews(connection, before, after)
    if before.holds and not after.holds:
        release_hosts(connection, before.operation)
    return after


def _add_reviews(connection: Connection, before: Record, after: Record) -> None:
    known = () if before.approval is None else before.approval.reviews
    news = () if after.approval is None else tuple(review for review in after.approval.reviews if review not in known)
    for review in news:
        connection.execute(_ADD_REVIEW, review_values(after.operation, review, after.reviewers[review.person]))


def _ended(row: Any) -> Ended:
    return Ended(
        row.operation,
        row.words,
        row.requester,
        State(row.state),
        None if row.approval_state is None else ApprovalState(row.approval_state),
        None if row.break_glass is None else BreakGlass.model_validate_json(row.break_glass),
    )
