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
from sqlalchemy.dialects.postgresql import insert as insert_or

from bot.model.change import ApprovalState, BreakGlass, ChangeState
from bot.store.claims import (
    AdmissionState,
    HostClaim,
    StartChoice,
    StartResult,
    read_claims,
    release_hosts,
    start_operations,
)
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.owed import OwedEffects, apply_effects
from bot.store.records import OperationRecord, make_changing_columns, make_fixed_columns, make_review_columns, read_record
from bot.store.tables import OPERATIONS, REVIEWS

MAX_UNSHOWN = 100
"""Maximum number of unshown operations returned at once."""

Transition = Callable[[OperationRecord], OperationRecord]
"""Makes the next state of an operation. Pure, because it may be called twice. If it raises, nothing is stored."""

_NEXT_VERSION = OPERATIONS.c.version + 1
_THIS = OPERATIONS.c.operation == bindparam("this")
_OPEN = OPERATIONS.c.state.in_((ChangeState.WAITING, ChangeState.READY))
_ADD = insert_or(OPERATIONS).on_conflict_do_nothing()
_FIND = select(OPERATIONS).where(_THIS)
_REVIEWS = (
    select(REVIEWS)
    .where(REVIEWS.c.operation == bindparam("this"))
    .order_by(REVIEWS.c.at, REVIEWS.c.approves.desc(), REVIEWS.c.person)
)
_ADD_REVIEW = insert(REVIEWS).prefix_with("OR REPLACE")
_CHANGE = update(OPERATIONS).where(_THIS, OPERATIONS.c.version == bindparam("seen"))
_RECENT = select(OPERATIONS).order_by(OPERATIONS.c.asked_at.desc(), OPERATIONS.c.operation).limit(bindparam("most"))
_HOST = func.json_each(OPERATIONS.c.hosts).table_valued("value")
_SINCE = OPERATIONS.c.ended_at.is_(None) | (OPERATIONS.c.ended_at >= bindparam("since"))
_TOUCHING = (
    select(OPERATIONS)
    .where(
        _SINCE | (OPERATIONS.c.state == ChangeState.UNKNOWN),
        exists().where(_HOST.c.value.in_(bindparam("hosts", expanding=True))),
    )
    .order_by(OPERATIONS.c.asked_at.desc(), OPERATIONS.c.operation)
    .limit(bindparam("most"))
)
_IN_STATES = (
    select(OPERATIONS).where(OPERATIONS.c.state.in_(bindparam("states", expanding=True))).order_by(OPERATIONS.c.asked_at)
)
_COUNT_OPEN = (
    select(func.count()).select_from(OPERATIONS).where(_OPEN, OPERATIONS.c.requester == bindparam("who", type_=Text))
)
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
_LEFT_OVER = (
    select(OPERATIONS)
    .where(
        OPERATIONS.c.state.in_((ChangeState.FAILED, ChangeState.UNDONE)),
        OPERATIONS.c.after == "",
        OPERATIONS.c.ended_at >= bindparam("since"),
    )
    .order_by(OPERATIONS.c.ended_at.desc(), OPERATIONS.c.operation)
    .limit(bindparam("most"))
)
_VERSIONS = select(OPERATIONS.c.operation, OPERATIONS.c.version).where(
    OPERATIONS.c.state.in_((ChangeState.WAITING, ChangeState.READY, ChangeState.RUNNING, ChangeState.UNKNOWN))
    | (OPERATIONS.c.asked_at >= bindparam("since"))
)
_STATES = select(OPERATIONS.c.operation, OPERATIONS.c.state).where(
    OPERATIONS.c.operation.in_(bindparam("these", expanding=True))
)
_RUNNING = select(OPERATIONS.c.operation).where(OPERATIONS.c.state == ChangeState.RUNNING).order_by(OPERATIONS.c.started_at)
_PROGRESS = (
    update(OPERATIONS)
    .where(_THIS, OPERATIONS.c.state == ChangeState.RUNNING, OPERATIONS.c.running != bindparam("key", type_=Text))
    .values(running=bindparam("key", type_=Text), version=_NEXT_VERSION)
)
_EXPIRED = select(OPERATIONS).where(_OPEN, OPERATIONS.c.expires_at <= bindparam("now")).order_by(OPERATIONS.c.expires_at)
_UNSHOWN = (
    select(OPERATIONS).where(OPERATIONS.c.version > OPERATIONS.c.shown).order_by(OPERATIONS.c.asked_at).limit(MAX_UNSHOWN)
)
_MARK_SHOWN = update(OPERATIONS).where(_THIS).values(shown=func.max(OPERATIONS.c.shown, bindparam("version_shown")))
_CARD_NOTE = select(OPERATIONS.c.told).where(_THIS)


@dataclass(frozen=True)
class EndedOperation:
    """An operation that has ended, without its plan. `approval` is the approval's state; None if none was required."""

    operation: str
    words: str
    requester: str
    state: ChangeState
    approval: ApprovalState | None = None
    break_glass: BreakGlass | None = None


class OperationTable:
    """Table of operations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: OperationRecord) -> OperationRecord:
        """Stores a new operation. Returns the stored one, which is older if its id was known."""
        values = _make_values(record)
        return await self._database.run(lambda connection: _add_record(connection, values))

    async def get(self, operation: str) -> OperationRecord | None:
        """Returns one operation by its id; None if there is none."""
        return await self._database.read(lambda connection: _find_record(connection, operation))

    async def change(self, operation: str, transition: Transition) -> OperationRecord | None:
        """Applies a transition to the stored operation, in one transaction. Returns the result; None if there is none."""

        def work(connection: Connection) -> OperationRecord | None:
            found = _find_record(connection, operation)
            return None if found is None else _store_transition(connection, found, transition(found))

        return await self._database.run(work)

    async def end(
        self, operation: str, transition: Transition, effects: OwedEffects, at: datetime
    ) -> OperationRecord | None:
        """Applies a transition as `change` does, and in the same transaction the effects of the end on owed changes.

        A transition that changes no state, because the end was reported before, has no effects.
        """

        def work(connection: Connection) -> OperationRecord | None:
            found = _find_record(connection, operation)
            if found is None:
                return None
            after = _store_transition(connection, found, transition(found))
            if after.state is not found.state:
                apply_effects(connection, effects, operation, at)
            return after

        return await self._database.run(work)

    async def replace_by_successor(
        self, operation: str, transition: Transition, successor: OperationRecord
    ) -> OperationRecord | None:
        """Stores the successor of an operation and applies a transition to it, in one transaction.

        Returns the stored successor; None if the operation does not exist.
        """
        values = _make_values(successor)

        def work(connection: Connection) -> OperationRecord | None:
            found = _find_record(connection, operation)
            if found is None:
                return None
            _store_transition(connection, found, transition(found))
            return _add_record(connection, values)

        return await self._database.run(work)

    async def record_progress(self, operation: str, key: str) -> None:
        """Records the key of the running step of a running operation; "" between steps."""
        await self._write(_PROGRESS, {"this": operation, "key": key})

    async def list_running(self) -> tuple[str, ...]:
        """Lists the running operations, longest running first."""
        return await self._database.read(lambda connection: tuple(connection.execute(_RUNNING).scalars()))

    async def list_recent(self, most: int) -> tuple[OperationRecord, ...]:
        """Lists the newest operations, newest first."""
        return await self._list(_RECENT, {"most": most})

    async def list_touching(self, hosts: Sequence[str], since: datetime, most: int) -> tuple[OperationRecord, ...]:
        """Lists operations on any of these hosts that had not ended at `since` or whose outcome is unknown, newest first."""
        return await self._list(_TOUCHING, {"hosts": list(hosts), "since": since, "most": most})

    async def find_states(self, operations: Collection[str]) -> Mapping[str, ChangeState]:
        """Returns the states of those of these operations that change hosts, by id."""
        these = {"these": [escape_text(operation) for operation in operations]}

        def work(connection: Connection) -> Mapping[str, ChangeState]:
            return {row.operation: ChangeState(row.state) for row in connection.execute(_STATES, these)}

        return await self._database.read(work)

    async def list_left_over(self, since: datetime, most: int) -> tuple[OperationRecord, ...]:
        """Lists the operations that ended since then without success and have no successor, the newest first."""
        return await self._list(_LEFT_OVER, {"since": since, "most": most})

    async def find_versions(self, since: datetime) -> Mapping[str, int]:
        """Returns the versions of all operations that have not ended or were requested since then, without reading plans."""

        def work(connection: Connection) -> Mapping[str, int]:
            return {row.operation: row.version for row in connection.execute(_VERSIONS, {"since": since})}

        return await self._database.read(work)

    async def list_in_states(self, *states: ChangeState) -> tuple[OperationRecord, ...]:
        """Lists all operations in these states, oldest first. Meant for states with few operations."""
        return await self._list(_IN_STATES, {"states": states})

    async def count_open(self, requester: str) -> int:
        """Counts the operations of one requester that have not started."""

        def work(connection: Connection) -> int:
            return connection.execute(_COUNT_OPEN, {"who": escape_text(requester)}).scalar_one()

        return await self._database.read(work)

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]:
        """Lists the operations that ended from `since` until before `until`, in the order of their ends."""

        def work(connection: Connection) -> tuple[EndedOperation, ...]:
            return tuple(_read_ended_operation(row) for row in connection.execute(_ENDED, {"since": since, "until": until}))

        return await self._database.read(work)

    async def list_unreviewed(self) -> tuple[OperationRecord, ...]:
        """Lists the break-glass operations that were started and not reviewed, oldest first."""
        return await self._list(_UNREVIEWED, {})

    async def find_claims(self) -> Mapping[str, HostClaim]:
        """Returns the claims by host."""
        return await self._database.read(read_claims)

    async def list_expired(self, now: datetime) -> tuple[OperationRecord, ...]:
        """Lists the operations that did not start before they expired."""
        return await self._list(_EXPIRED, {"now": now})

    async def start(self, now: datetime, choose: Callable[[AdmissionState], StartChoice]) -> StartResult:
        """Starts the operations that `choose` names and claims their hosts. Stores the reason for which the others wait."""

        def work(connection: Connection) -> StartResult:
            return start_operations(connection, now, choose)

        return await self._database.run(work)

    async def list_unshown(self) -> tuple[OperationRecord, ...]:
        """Lists the operations that have changed since their cards were updated, oldest first."""
        return await self._list(_UNSHOWN, {})

    async def mark_shown(self, operation: str, version: int, told: str) -> None:
        """Records that the card shows this version; `told` is the card's own note: the milestones announced so far."""
        await self._write(_MARK_SHOWN, {"this": operation, "version_shown": version, "told": escape_text(told)})

    async def read_card_note(self, operation: str) -> str:
        """Returns the card's own note on an operation; "" if there is none."""
        return await self._read_text(_CARD_NOTE, operation)

    async def _write(self, statement: Any, values: Mapping[str, Any]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement, values)

        await self._database.run(work)

    async def _read_text(self, query: Select[Any], operation: str) -> str:
        def work(connection: Connection) -> str:
            text: str = connection.execute(query, {"this": operation}).scalar_one_or_none() or ""
            return text

        return await self._database.read(work)

    async def _list(self, query: Select[Any], named: Mapping[str, Any]) -> tuple[OperationRecord, ...]:
        def work(connection: Connection) -> tuple[OperationRecord, ...]:
            return tuple(_read_record(connection, row) for row in connection.execute(query, named).all())

        return await self._database.read(work)


def _read_record(connection: Connection, row: Row[Any]) -> OperationRecord:
    return read_record(row, connection.execute(_REVIEWS, {"this": row.operation}))


def _find_record(connection: Connection, operation: str) -> OperationRecord | None:
    row = connection.execute(_FIND, {"this": escape_text(operation)}).first()
    return None if row is None else _read_record(connection, row)


def _make_values(record: OperationRecord) -> dict[str, Any]:
    return make_fixed_columns(record) | make_changing_columns(record) | {"shown": 0, "told": ""}


def _add_record(connection: Connection, values: Mapping[str, Any]) -> OperationRecord:
    connection.execute(_ADD, values)
    found = _find_record(connection, values["operation"])
    assert found is not None
    return found


def _store_transition(connection: Connection, before: OperationRecord, after: OperationRecord) -> OperationRecord:
    """Stores the result of a transition. The version is compared, though there is no other writer."""
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    done = connection.execute(_CHANGE, make_changing_columns(after) | {"this": before.operation, "seen": before.version})
    if done.rowcount != 1:
        raise RuntimeError(f"{before.operation} changed inside a transaction")
    _add_reviews(connection, before, after)
    if before.holds_hosts and not after.holds_hosts:
        release_hosts(connection, before.operation)
    return after


def _add_reviews(connection: Connection, before: OperationRecord, after: OperationRecord) -> None:
    known = () if before.approval is None else before.approval.reviews
    news = () if after.approval is None else tuple(review for review in after.approval.reviews if review not in known)
    for review in news:
        connection.execute(_ADD_REVIEW, make_review_columns(after.operation, review, after.reviewers[review.person]))


def _read_ended_operation(row: Any) -> EndedOperation:
    return EndedOperation(
        row.operation,
        row.words,
        row.requester,
        ChangeState(row.state),
        None if row.approval_state is None else ApprovalState(row.approval_state),
        None if row.break_glass is None else BreakGlass.model_validate_json(row.break_glass),
    )
