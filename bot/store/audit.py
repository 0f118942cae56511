"""The audit table: rows and queries only; `bot.audit.log` binds them into a chain."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, or_, select, true

from bot.store.chain import ACCEPTED, StoredEvent
from bot.store.stored import safe_text, utc_text
from bot.store.tables import AUDIT

PAGE = 500
"""Rows fetched at once while all are read."""


@dataclass(frozen=True)
class Filters:
    """Which events: all that is given must fit. `text` may stand anywhere in who, operation or data, in any case.

    Times are aware; `until` is not included any more. `limit` is of events that are looked at, not of exports.
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
        """The text as it stands in columns of text, and in `data`, which is JSON in ASCII."""
        return safe_text(self.text), json.dumps(self.text)[1:-1]


_APPEND = insert(AUDIT)
_LAST = select(AUDIT).order_by(AUDIT.c.sequence.desc()).limit(1)
_FIND = select(AUDIT).where(AUDIT.c.sequence == bindparam("this"))
_OF_OPERATION = (
    select(AUDIT)
    .where(
        AUDIT.c.operation == bindparam("this"),
        AUDIT.c.sequence > bindparam("after"),
        AUDIT.c.kind.in_(bindparam("kinds", expanding=True)),
    )
    .order_by(AUDIT.c.sequence)
)
_ACCEPTED = select(AUDIT).where(AUDIT.c.kind == ACCEPTED).order_by(AUDIT.c.sequence.desc()).limit(1)
_ALL = select(AUDIT).order_by(AUDIT.c.sequence).execution_options(yield_per=PAGE)


def append(
    connection: Connection, event: StoredEvent, seal: Callable[[StoredEvent, StoredEvent | None], StoredEvent]
) -> StoredEvent:
    """Add the next event, sealed as the one that follows the newest."""
    sealed = seal(event, last(connection))
    connection.execute(_APPEND, sealed._asdict())
    return sealed


def last(connection: Connection) -> StoredEvent | None:
    """The newest event; None where there is none."""
    row = connection.execute(_LAST).first()
    return None if row is None else StoredEvent(*row)


def find(connection: Connection, sequence: int) -> StoredEvent | None:
    """One event by its number."""
    row = connection.execute(_FIND, {"this": sequence}).first()
    return None if row is None else StoredEvent(*row)


def of_operation(connection: Connection, operation: str, kinds: Sequence[str], after: int = 0) -> tuple[StoredEvent, ...]:
    """The events of one operation that are of these kinds and came after that number, in their order."""
    rows = connection.execute(_OF_OPERATION, {"this": operation, "kinds": list(kinds), "after": after})
    return tuple(StoredEvent(*row) for row in rows)


def events(connection: Connection) -> Iterator[StoredEvent]:
    """All events in their order, in the state that the connection's transaction sees."""
    for row in connection.execute(_ALL):
        yield StoredEvent(*row)


def last_accepted(connection: Connection) -> StoredEvent | None:
    """The newest event that tells of an accepted loss. Looks through the whole table where there is none."""
    row = connection.execute(_ACCEPTED).first()
    return None if row is None else StoredEvent(*row)


def matching(connection: Connection, filters: Filters, *, newest_first: bool) -> Iterator[StoredEvent]:
    """All events that fit."""
    order = AUDIT.c.sequence.desc() if newest_first else AUDIT.c.sequence
    for row in connection.execute(select(AUDIT).where(_fitting(filters)).order_by(order).execution_options(yield_per=PAGE)):
        yield StoredEvent(*row)


def _fitting(filters: Filters) -> ColumnElement[bool]:
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
        conditions.append(AUDIT.c.at >= utc_text(filters.since))
    if filters.until is not None:
        conditions.append(AUDIT.c.at < utc_text(filters.until))
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
