"""Table of audit events. Rows and queries only; `bot.audit_log.log` chains and signs them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, literal, or_, select, true

from bot.store.audit_chain import ACCEPTED_KIND, StoredEvent
from bot.store.encoding import encode_time, escape_text
from bot.store.leadership import CopyIdentity, adopt, is_led_elsewhere, skip_terms
from bot.store.schema.tables import AUDIT

FETCH_SIZE = 500
"""Rows fetched at a time while many are read."""


@dataclass(frozen=True)
class AuditFilters:
    """Search filters; an event must match all that are set. `text` matches actor, operation or data, in any letter case.

    Times are aware, and `until` is excluded. `limit` applies to events that are shown, not to exports.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str = ""
    kind: str = ""
    operation: str = ""
    text: str = ""
    limit: int = 100

    @property
    def stored_text(self) -> tuple[str, str]:
        """The text as it is stored in text columns, and as it is stored in `data`, which is ASCII JSON."""
        return escape_text(self.text), json.dumps(self.text)[1:-1]


@dataclass(frozen=True)
class TableState:
    """State of the table as a machine that stands by compares it with its head file.

    `witnessed` is the event with the number of the file's last line, `acceptances` are the events that record accepted
    losses. `led`: another session leads.
    """

    newest: StoredEvent | None
    witnessed: StoredEvent | None
    acceptances: tuple[StoredEvent, ...]
    led: bool


_APPEND = insert(AUDIT)
_LAST = select(AUDIT).order_by(AUDIT.c.sequence.desc()).limit(1)
_COUNT = select(func.count()).select_from(AUDIT)
_ANY = select(AUDIT.c.sequence).limit(1)
_FIND = select(AUDIT).where(AUDIT.c.sequence == bindparam("this"))
_AFTER = select(AUDIT).where(AUDIT.c.sequence > bindparam("after")).order_by(AUDIT.c.sequence).limit(bindparam("most"))
_NUMBERED = select(AUDIT).where(AUDIT.c.sequence.in_(bindparam("these", expanding=True))).order_by(AUDIT.c.sequence)
_LAST_BEFORE = (
    select(AUDIT.c.sequence)
    .where(AUDIT.c.at < bindparam("before"), AUDIT.c.sequence <= bindparam("until"))
    .order_by(AUDIT.c.sequence.desc())
    .limit(1)
)
# an index of some rows is used for no parameter
_IS_ACCEPTANCE = AUDIT.c.kind == literal(ACCEPTED_KIND, literal_execute=True)
_LAST_ACCEPTANCE = select(AUDIT).where(_IS_ACCEPTANCE).order_by(AUDIT.c.sequence.desc()).limit(1)
_ACCEPTANCES = select(AUDIT).where(_IS_ACCEPTANCE).order_by(AUDIT.c.sequence)
_ALL = select(AUDIT).order_by(AUDIT.c.sequence).execution_options(yield_per=FETCH_SIZE)


def append(
    connection: Connection, event: StoredEvent, seal: Callable[[StoredEvent, StoredEvent | None], StoredEvent]
) -> StoredEvent:
    """Adds an event, sealed as the successor of the newest one. Returns the sealed event."""
    sealed = seal(event, read_last(connection))
    connection.execute(_APPEND, sealed._asdict())
    return sealed


def append_acceptance(
    connection: Connection, event: StoredEvent, seal: Callable[[StoredEvent, StoredEvent | None], StoredEvent]
) -> StoredEvent:
    """As `append`, for an event that accepts a loss. On PostgreSQL the terms of the lost part are skipped."""
    skip_terms(connection)
    return append(connection, event, seal)


def append_adoption(
    connection: Connection,
    event: StoredEvent,
    seal: Callable[[StoredEvent, StoredEvent | None], StoredEvent],
    me: CopyIdentity,
) -> StoredEvent:
    """As `append`, for an event by which a copy counts as the one that led last."""
    adopt(connection, me)
    return append(connection, event, seal)


def read_last(connection: Connection) -> StoredEvent | None:
    """Returns the newest event; None if the table is empty."""
    row = connection.execute(_LAST).first()
    return None if row is None else StoredEvent(*row)


def read_extent(connection: Connection) -> tuple[StoredEvent | None, int]:
    """Returns the newest event and the number of all; None if the table is empty."""
    return read_last(connection), connection.execute(_COUNT).scalar_one()


def has_events(connection: Connection) -> bool:
    """Returns whether there is any event, whatever the revision of the tables."""
    return connection.execute(_ANY).first() is not None


def find_event(connection: Connection, sequence: int) -> StoredEvent | None:
    """Returns one event by its number; None if it does not exist."""
    row = connection.execute(_FIND, {"this": sequence}).first()
    return None if row is None else StoredEvent(*row)


def find_newest_of_kind(connection: Connection, kind: str, is_wanted: Callable[[StoredEvent], bool]) -> StoredEvent | None:
    """Returns the newest wanted event of one kind. Scans the whole table for a kind without an index of its own.

    The kind is written into the query: an index of some rows is used for no parameter.
    """
    query = select(AUDIT).where(AUDIT.c.kind == literal(kind, literal_execute=True)).order_by(AUDIT.c.sequence.desc())
    with connection.execute(query.execution_options(yield_per=FETCH_SIZE)) as rows:
        return next((event for row in rows if is_wanted(event := StoredEvent(*row))), None)


def list_after(connection: Connection, sequence: int, most: int) -> tuple[StoredEvent, ...]:
    """Lists the events with a number above this one, in order, and at most so many of them."""
    rows = connection.execute(_AFTER, {"after": sequence, "most": most})
    return tuple(StoredEvent(*row) for row in rows)


def find_last_before(connection: Connection, at: datetime, until: int) -> int:
    """Finds the number of the newest event up to `until` that happened before that time; 0 if there is none.

    It looks from the end: the time is recent, and the clock may have been ahead or set back long ago.
    """
    these = {"before": encode_time(at), "until": until}
    found: int | None = connection.execute(_LAST_BEFORE, these).scalar_one_or_none()
    return found or 0


def list_numbered(connection: Connection, sequences: Sequence[int]) -> tuple[StoredEvent, ...]:
    """Lists the events with these numbers, in order; those that do not exist are left out."""
    rows = connection.execute(_NUMBERED, {"these": list(sequences)})
    return tuple(StoredEvent(*row) for row in rows)


def iterate_events(connection: Connection) -> Iterator[StoredEvent]:
    """Yields all events in order, in the state that the connection's transaction sees."""
    with connection.execute(_ALL) as rows:
        yield from (StoredEvent(*row) for row in rows)


def find_last_acceptance(connection: Connection) -> StoredEvent | None:
    """Returns the newest event that records an accepted loss; None if there is none."""
    row = connection.execute(_LAST_ACCEPTANCE).first()
    return None if row is None else StoredEvent(*row)


def list_acceptances(connection: Connection) -> tuple[StoredEvent, ...]:
    """Lists the events that record an accepted loss, in order."""
    return tuple(StoredEvent(*row) for row in connection.execute(_ACCEPTANCES))


def read_state(connection: Connection, sequence: int) -> TableState:
    """Reads what a head file whose last line has that number is compared with. Only for PostgreSQL."""
    return TableState(
        read_last(connection),
        find_event(connection, sequence),
        list_acceptances(connection),
        is_led_elsewhere(connection),
    )


def search_events(connection: Connection, filters: AuditFilters, *, newest_first: bool) -> Iterator[StoredEvent]:
    """Yields all events that match the filters."""
    order = AUDIT.c.sequence.desc() if newest_first else AUDIT.c.sequence
    query = select(AUDIT).where(_build_condition(filters)).order_by(order)
    with connection.execute(query.execution_options(yield_per=FETCH_SIZE)) as rows:
        yield from (StoredEvent(*row) for row in rows)


def _build_condition(filters: AuditFilters) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (AUDIT.c.actor, filters.actor),
            (AUDIT.c.kind, filters.kind),
            (AUDIT.c.operation, filters.operation),
        )
        if value
    ]
    if filters.since is not None:
        conditions.append(AUDIT.c.at >= encode_time(filters.since))
    if filters.until is not None:
        conditions.append(AUDIT.c.at < encode_time(filters.until))
    if filters.text:
        stored, escaped = filters.stored_text
        conditions.append(
            or_(
                AUDIT.c.actor.icontains(stored, autoescape=True),
                AUDIT.c.operation.icontains(stored, autoescape=True),
                AUDIT.c.data.icontains(escaped, autoescape=True),
            )
        )
    return and_(true(), *conditions)
