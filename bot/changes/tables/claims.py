"""Claims of operations on hosts, and the transaction that starts operations. Rows and queries only.

    open operation ─ start: READY to RUNNING, and a claim on each of its hosts ─▶ claims
    claims ─ the outcome is known ─▶ released; they stay while the outcome is unknown

`bot.changes.rules.admission` chooses the operations that start.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, insert, null, select, update

from adapters.phrase import Phrase
from bot.changes.tables import locks
from bot.model.change import ApprovalState, ChangeState, HostClaim
from bot.model.lock import Lock
from bot.store.encoding import decode_phrase, encode_phrase
from bot.store.schema.tables import CLAIMS, OPERATIONS

_NEXT_VERSION = OPERATIONS.c.version + 1
_THIS = OPERATIONS.c.operation == bindparam("this")
_LONGEST_READY_FIRST = (OPERATIONS.c.ready_at.nulls_last(), OPERATIONS.c.asked_at, OPERATIONS.c.operation)
_APPROVAL_STATE_AT_START = case((OPERATIONS.c.approval_state.is_(None), null()), else_=ApprovalState.USED)
"""The approval's state at the start; a break-glass change has none."""

_CANDIDATES = (
    select(OPERATIONS.c.operation, OPERATIONS.c.state, OPERATIONS.c.hosts, OPERATIONS.c.waits_for)
    .where(OPERATIONS.c.state.in_((ChangeState.WAITING, ChangeState.READY)), OPERATIONS.c.expires_at > bindparam("now"))
    .order_by(*_LONGEST_READY_FIRST)
)
_START = (
    update(OPERATIONS)
    .where(_THIS, OPERATIONS.c.state == ChangeState.READY)
    .values(
        state=ChangeState.RUNNING,
        approval_state=_APPROVAL_STATE_AT_START,
        waits_for=null(),
        started_at=bindparam("now"),
        version=_NEXT_VERSION,
    )
)
_STORE_WAIT = update(OPERATIONS).where(_THIS).values(version=_NEXT_VERSION)
_CLAIM = insert(CLAIMS)
_RELEASE = delete(CLAIMS).where(CLAIMS.c.operation == bindparam("this"))
_CLAIMS = select(CLAIMS.c.host, CLAIMS.c.operation, OPERATIONS.c.state).join(
    OPERATIONS, OPERATIONS.c.operation == CLAIMS.c.operation
)


@dataclass(frozen=True)
class OpenOperation:
    """An operation that has not started: it waits for approval, or it is ready."""

    operation: str
    ready: bool
    hosts: tuple[str, ...]
    waits_for: Phrase | None


@dataclass(frozen=True)
class AdmissionState:
    """Input of the admission: open operations (ready ones first, longest ready first), claims by host, and locks."""

    open: tuple[OpenOperation, ...]
    claims: Mapping[str, HostClaim]
    locks: tuple[Lock, ...]


@dataclass(frozen=True)
class StartChoice:
    """The operations that start now, and the reason for which each other one waits; None if only approval is missing."""

    starts: tuple[str, ...]
    waits: Mapping[str, Phrase | None]


@dataclass(frozen=True)
class StartResult:
    """Result of an admission: operations that were started, and operations whose reason to wait has changed."""

    started: tuple[str, ...]
    waiting: tuple[str, ...]


def read_claims(connection: Connection) -> Mapping[str, HostClaim]:
    """Returns the claims by host, as a part of the caller's transaction."""
    return {row.host: HostClaim(row.operation, row.state == ChangeState.UNKNOWN) for row in connection.execute(_CLAIMS)}


def release_hosts(connection: Connection, operation: str) -> None:
    """Deletes the claims of an operation, as a part of the caller's transaction."""
    connection.execute(_RELEASE, {"this": operation})


def start_operations(connection: Connection, now: datetime, choose: Callable[[AdmissionState], StartChoice]) -> StartResult:
    """Starts the operations that `choose` names and claims their hosts. Stores the reason for which the others wait."""
    candidates = tuple(_read_open_operation(row) for row in connection.execute(_CANDIDATES, {"now": now}))
    choice = choose(AdmissionState(candidates, read_claims(connection), locks.list_locks_since(connection, now)))
    return _store_choice(connection, candidates, choice, now)


def _read_open_operation(row: Any) -> OpenOperation:
    return OpenOperation(
        row.operation, row.state == ChangeState.READY, tuple(json.loads(row.hosts)), decode_phrase(row.waits_for)
    )


def _store_choice(
    connection: Connection, candidates: Iterable[OpenOperation], choice: StartChoice, now: datetime
) -> StartResult:
    by_id = {candidate.operation: candidate for candidate in candidates}
    for operation in choice.starts:
        connection.execute(_START, {"this": operation, "now": now})
        for host in by_id[operation].hosts:
            connection.execute(_CLAIM, {"host": host, "operation": operation})
    changed = {operation: wait for operation, wait in choice.waits.items() if wait != by_id[operation].waits_for}
    for operation, wait in changed.items():
        connection.execute(_STORE_WAIT, {"this": operation, "waits_for": encode_phrase(wait)})
    return StartResult(choice.starts, tuple(changed))
