"""Claims of operations on hosts, and the transaction that starts operations. Rows and queries only.

    open operation ─ start: READY to RUNNING, and a claim on each of its hosts ─▶ claims
    claims ─ the outcome is known ─▶ released; they stay while the outcome is unknown

`bot.changes.admission` chooses the operations that start.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, insert, null, select, update

from adapters.phrase import Phrase
from bot.model.change import ApprovalState, State
from bot.store import locks
from bot.store.records import phrase_of, phrase_text
from bot.store.tables import CLAIMS, OPERATIONS

_MORE = OPERATIONS.c.version + 1
_THIS = OPERATIONS.c.operation == bindparam("this")
_OLDEST = (OPERATIONS.c.ready_at.nulls_last(), OPERATIONS.c.asked_at, OPERATIONS.c.operation)
_USED = case((OPERATIONS.c.approval_state.is_(None), null()), else_=ApprovalState.USED)
"""The approval's state at the start; a break-glass change has none."""

_CANDIDATES = (
    select(OPERATIONS.c.operation, OPERATIONS.c.state, OPERATIONS.c.hosts, OPERATIONS.c.waits_for)
    .where(OPERATIONS.c.state.in_((State.WAITING, State.READY)), OPERATIONS.c.expires_at > bindparam("now"))
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


@dataclass(frozen=True)
class Open:
    """An operation that has not started: it waits for approval, or it is ready."""

    operation: str
    ready: bool
    hosts: tuple[str, ...]
    waits_for: Phrase | None


@dataclass(frozen=True)
class Claim:
    """The operation that holds a host. `unknown`: its outcome is unknown, so an operator must check the host first."""

    operation: str
    unknown: bool


@dataclass(frozen=True)
class Standing:
    """Input of the admission: open operations (ready ones first, longest ready first), claims by host, and locks."""

    open: tuple[Open, ...]
    claims: Mapping[str, Claim]
    locks: tuple[locks.Lock, ...]


@dataclass(frozen=True)
class Choice:
    """The operations that start now, and the reason for which each other one waits; None if only approval is missing."""

    starts: tuple[str, ...]
    waits: Mapping[str, Phrase | None]


@dataclass(frozen=True)
class Moved:
    """Result of an admission: operations that were started, and operations whose reason to wait has changed."""

    started: tuple[str, ...]
    waiting: tuple[str, ...]


def read_claims(connection: Connection) -> Mapping[str, Claim]:
    """Returns the claims by host, as a part of the caller's transaction."""
    return {row.host: Claim(row.operation, row.state == State.UNKNOWN) for row in connection.execute(_CLAIMS)}


def release_hosts(connection: Connection, operation: str) -> None:
    """Deletes the claims of an operation, as a part of the caller's transaction."""
    connection.execute(_RELEASE, {"this": operation})


def start_operations(connection: Connection, now: datetime, choose: Callable[[Standing], Choice]) -> Moved:
    """Starts the operations that `choose` names and claims their hosts. Stores the reason for which the others wait."""
    candidates = tuple(_open(row) for row in connection.execute(_CANDIDATES, {"now": now}))
    choice = choose(Standing(candidates, read_claims(connection), locks.after(connection, now)))
    return _moved(connection, candidates, choice, now)


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
