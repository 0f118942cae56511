"""Operations that change hosts, and their reviews. Rows and queries only.

    add ─▶ row ─ change (a pure function on the record, in one transaction) ─▶ row
    start: one transaction reads all open operations, all claims and all locks, and starts the chosen ones

`rules.approval` and `rules.transitions` define the transitions, `rules.admission` chooses the operations
that start. This module makes each an atomic step. A claim follows the state: it is made at the start and deleted at the end,
unless the outcome is unknown (`bot.changes.tables.claims`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select

from bot.changes.tables import operation_statements as statements
from bot.changes.tables.claims import AdmissionState, StartChoice, StartResult, read_claims, release_hosts, start_operations
from bot.changes.tables.owed import OwedEffects, apply_effects
from bot.model.change import ApprovalState, BreakGlass, ChangeState, EndedOperation, HostClaim
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.records import OperationRecord, make_changing_columns, make_fixed_columns, make_review_columns, read_record
from bot.store.rows import execute

Transition = Callable[[OperationRecord], OperationRecord]
"""Makes the next state of an operation. Pure, because it may be called twice. If it raises, nothing is stored."""


class OperationTable:
    """Table of operations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: OperationRecord) -> OperationRecord:
        """Stores a new operation. Returns the stored one, which is older if its id was known."""
        rows = _make_rows(record)
        return await self._database.run(_add_record, rows)

    async def get(self, operation: str) -> OperationRecord | None:
        """Returns one operation by its id; None if there is none."""
        return await self._database.read(_find_record, operation)

    async def change(self, operation: str, transition: Transition) -> OperationRecord | None:
        """Applies a transition to the stored operation, in one transaction. Returns the result; None if there is none."""
        return await self._database.run(_change, operation, transition)

    async def end(
        self, operation: str, transition: Transition, effects: OwedEffects, at: datetime
    ) -> OperationRecord | None:
        """Applies a transition as `change` does, and in the same transaction the effects of the end on owed changes.

        A transition that changes no state, because the end was reported before, has no effects.
        """
        return await self._database.run(_end, operation, transition, effects, at)

    async def replace_by_successor(
        self, operation: str, transition: Transition, successor: OperationRecord
    ) -> OperationRecord | None:
        """Stores the successor of an operation and applies a transition to it, in one transaction.

        Returns the stored successor; None if the operation does not exist.
        """
        rows = _make_rows(successor)
        return await self._database.run(_replace_by_successor, operation, transition, rows)

    async def record_progress(self, operation: str, key: str) -> None:
        """Records the key of the running step of a running operation; "" between steps."""
        await self._write(statements.PROGRESS, {"this": operation, "key": key})

    async def list_running(self) -> tuple[str, ...]:
        """Lists the running operations, longest running first."""
        return await self._database.read(lambda connection: tuple(connection.execute(statements.RUNNING).scalars()))

    async def list_recent(self, most: int) -> tuple[OperationRecord, ...]:
        """Lists the newest operations, newest first."""
        return await self._list(statements.RECENT, {"most": most})

    async def list_touching(self, hosts: Sequence[str], since: datetime, most: int) -> tuple[OperationRecord, ...]:
        """Lists operations on any of these hosts that had not ended at `since` or whose outcome is unknown, newest first."""
        return await self._list(statements.TOUCHING, {"hosts": list(hosts), "since": since, "most": most})

    async def find_states(self, operations: Collection[str]) -> Mapping[str, ChangeState]:
        """Returns the states of those of these operations that change hosts, by id."""
        these = {"these": [escape_text(operation) for operation in operations]}
        return await self._database.read(_find_states, these)

    async def list_left_over(self, since: datetime, most: int) -> tuple[OperationRecord, ...]:
        """Lists the operations that ended since then without success and have no successor, the newest first."""
        return await self._list(statements.LEFT_OVER, {"since": since, "most": most})

    async def find_versions(self, since: datetime) -> Mapping[str, int]:
        """Returns the versions of all operations that have not ended or were requested since then, without reading plans."""
        return await self._database.read(_find_versions, since)

    async def list_in_states(self, *states: ChangeState) -> tuple[OperationRecord, ...]:
        """Lists all operations in these states, oldest first. Meant for states with few operations."""
        return await self._list(statements.IN_STATES, {"states": states})

    async def count_open(self, requester: str) -> int:
        """Counts the operations of one requester that have not started."""
        return await self._database.read(_count_open, requester)

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]:
        """Lists the operations that ended from `since` until before `until`, in the order of their ends."""
        return await self._database.read(_list_ended, since, until)

    async def list_unreviewed(self) -> tuple[OperationRecord, ...]:
        """Lists the break-glass operations that were started and not reviewed, oldest first."""
        return await self._list(statements.UNREVIEWED, {})

    async def find_claims(self) -> Mapping[str, HostClaim]:
        """Returns the claims by host."""
        return await self._database.read(read_claims)

    async def list_expired(self, now: datetime) -> tuple[OperationRecord, ...]:
        """Lists the operations that did not start before they expired."""
        return await self._list(statements.EXPIRED, {"now": now})

    async def start(self, now: datetime, choose: Callable[[AdmissionState], StartChoice]) -> StartResult:
        """Starts the operations that `choose` names and claims their hosts. Stores the reason for which the others wait."""
        return await self._database.run(_start, now, choose)

    async def list_unshown(self) -> tuple[OperationRecord, ...]:
        """Lists the operations that have changed since their cards were updated, oldest first."""
        return await self._list(statements.UNSHOWN, {})

    async def mark_shown(self, operation: str, version: int, told: str) -> None:
        """Records that the card shows this version; `told` is the card's own note: the milestones announced so far."""
        await self._write(statements.MARK_SHOWN, {"this": operation, "version_shown": version, "told": escape_text(told)})

    async def read_card_note(self, operation: str) -> str:
        """Returns the card's own note on an operation; "" if there is none."""
        return await self._read_text(statements.CARD_NOTE, operation)

    async def _write(self, statement: Any, values: Mapping[str, Any]) -> None:
        await self._database.run(execute, statement, **values)

    async def _read_text(self, query: Select[Any], operation: str) -> str:
        return await self._database.read(_find_text, query, operation)

    async def _list(self, query: Select[Any], named: Mapping[str, Any]) -> tuple[OperationRecord, ...]:
        return await self._database.read(_list_records, query, named)


def _find_states(connection: Connection, these: Mapping[str, Any]) -> Mapping[str, ChangeState]:
    return {row.operation: ChangeState(row.state) for row in connection.execute(statements.STATES, these)}


def _replace_by_successor(
    connection: Connection, operation: str, transition: Transition, rows: "_NewRows"
) -> OperationRecord | None:
    found = _find_record(connection, operation)
    if found is None:
        return None
    _store_transition(connection, found, transition(found))
    return _add_record(connection, rows)


def _list_records(connection: Connection, query: Select[Any], named: Mapping[str, Any]) -> tuple[OperationRecord, ...]:
    return tuple(_read_record(connection, row) for row in connection.execute(query, named).all())


def _find_text(connection: Connection, query: Select[Any], operation: str) -> str:
    text: str = connection.execute(query, {"this": operation}).scalar_one_or_none() or ""
    return text


def _start(connection: Connection, now: datetime, choose: Callable[[AdmissionState], StartChoice]) -> StartResult:
    return start_operations(connection, now, choose)


def _list_ended(connection: Connection, since: datetime, until: datetime) -> tuple[EndedOperation, ...]:
    return tuple(
        _read_ended_operation(row) for row in connection.execute(statements.ENDED, {"since": since, "until": until})
    )


def _count_open(connection: Connection, requester: str) -> int:
    return connection.execute(statements.COUNT_OPEN, {"who": escape_text(requester)}).scalar_one()


def _find_versions(connection: Connection, since: datetime) -> Mapping[str, int]:
    return {row.operation: row.version for row in connection.execute(statements.VERSIONS, {"since": since})}


def _end(
    connection: Connection, operation: str, transition: Transition, effects: OwedEffects, at: datetime
) -> OperationRecord | None:
    found = _find_record(connection, operation)
    if found is None:
        return None
    after = _store_transition(connection, found, transition(found))
    if after.state is not found.state:
        apply_effects(connection, effects, operation, at)
    return after


def _change(connection: Connection, operation: str, transition: Transition) -> OperationRecord | None:
    found = _find_record(connection, operation)
    return None if found is None else _store_transition(connection, found, transition(found))


def _read_record(connection: Connection, row: Row[Any]) -> OperationRecord:
    return read_record(row, connection.execute(statements.FIND_REVIEWS, {"this": row.operation}))


def _find_record(connection: Connection, operation: str) -> OperationRecord | None:
    row = connection.execute(statements.FIND, {"this": escape_text(operation)}).first()
    return None if row is None else _read_record(connection, row)


@dataclass(frozen=True)
class _NewRows:
    """Rows of a new operation, and of its hosts."""

    operation: Mapping[str, Any]
    hosts: Sequence[Mapping[str, Any]]


def _make_rows(record: OperationRecord) -> _NewRows:
    operation = make_fixed_columns(record) | make_changing_columns(record) | {"shown": 0, "told": ""}
    return _NewRows(operation, [{"operation": record.operation, "host": host} for host in record.plan.hosts])


def _add_record(connection: Connection, rows: "_NewRows") -> OperationRecord:
    if connection.execute(statements.ADD, rows.operation).first() is not None and rows.hosts:
        connection.execute(statements.ADD_HOSTS, rows.hosts)
    found = _find_record(connection, rows.operation["operation"])
    assert found is not None
    return found


def _store_transition(connection: Connection, before: OperationRecord, after: OperationRecord) -> OperationRecord:
    """Stores the result of a transition. The version is compared, though there is no other writer."""
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    done = connection.execute(
        statements.CHANGE, make_changing_columns(after) | {"this": before.operation, "seen": before.version}
    )
    if done.one_or_none() is None:
        raise RuntimeError(f"{before.operation} changed inside a transaction")
    _add_reviews(connection, before, after)
    if before.holds_hosts and not after.holds_hosts:
        release_hosts(connection, before.operation)
    return after


def _add_reviews(connection: Connection, before: OperationRecord, after: OperationRecord) -> None:
    known = () if before.approval is None else before.approval.reviews
    news = () if after.approval is None else tuple(review for review in after.approval.reviews if review not in known)
    for review in news:
        connection.execute(
            statements.ADD_REVIEW, make_review_columns(after.operation, review, after.reviewers[review.person])
        )


def _read_ended_operation(row: Any) -> EndedOperation:
    return EndedOperation(
        row.operation,
        row.words,
        row.requester,
        ChangeState(row.state),
        None if row.approval_state is None else ApprovalState(row.approval_state),
        None if row.break_glass is None else BreakGlass.model_validate_json(row.break_glass),
    )
