"""The audit table: rows and queries only; `bot.audit` binds them into a chain."""

from collections.abc import Callable, Iterator
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, insert, select

from bot.store.chain import StoredEvent
from bot.store.models import AUDIT

PAGE = 500
"""Rows fetched at once while all are read."""

_APPEND = insert(AUDIT)
_LAST = select(AUDIT).order_by(AUDIT.c.sequence.desc()).limit(1)
_FIND = select(AUDIT).where(AUDIT.c.sequence == bindparam("this"))
_ALL = select(AUDIT).order_by(AUDIT.c.sequence).execution_options(yield_per=PAGE)


def append(
    connection: Connection, event: StoredEvent, seal: Callable[[StoredEvent, StoredEvent | None], StoredEvent]
) -> StoredEvent:
    """Add the next event, sealed as the one that follows the newest."""
    sealed = seal(event, last(connection))
    connection.execute(_APPEND, asdict(sealed))
    return sealed


def last(connection: Connection) -> StoredEvent | None:
    """The newest event; None where there is none."""
    row = connection.execute(_LAST).first()
    return None if row is None else StoredEvent(*row)


def find(connection: Connection, sequence: int) -> StoredEvent | None:
    """One event by its number."""
    row = connection.execute(_FIND, {"this": sequence}).first()
    return None if row is None else StoredEvent(*row)


def events(connection: Connection) -> Iterator[StoredEvent]:
    """All events in their order, in the state that the connection's transaction sees."""
    for row in connection.execute(_ALL):
        yield StoredEvent(*row)
