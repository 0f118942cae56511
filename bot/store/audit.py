"""The audit table: rows and queries only; `bot.audit` binds them into a chain."""

from collections.abc import Callable, Iterator
from dataclasses import astuple

from sqlmodel import Session, col, insert, select

from bot.store.chain import StoredEvent
from bot.store.models import AuditRow

_COLUMNS = AuditRow.__table__.c  # type: ignore[attr-defined]

PAGE = 500
"""Rows fetched at once while all are read."""


def append(
    session: Session, event: StoredEvent, seal: Callable[[StoredEvent, StoredEvent | None], StoredEvent]
) -> StoredEvent:
    """Add the next event, sealed as the one that follows the newest."""
    sealed = seal(event, last(session))
    session.execute(insert(AuditRow).values(astuple(sealed)))
    return sealed


def last(session: Session) -> StoredEvent | None:
    """The newest event; None where there is none."""
    row = session.execute(select(_COLUMNS).order_by(col(AuditRow.sequence).desc()).limit(1)).first()
    return None if row is None else StoredEvent(*row)


def find(session: Session, sequence: int) -> StoredEvent | None:
    """One event by its number."""
    row = session.execute(select(_COLUMNS).where(col(AuditRow.sequence) == sequence)).first()
    return None if row is None else StoredEvent(*row)


def events(session: Session) -> Iterator[StoredEvent]:
    """All events in their order, in the state that the session's transaction sees."""
    rows = session.execute(select(_COLUMNS).order_by(col(AuditRow.sequence)).execution_options(yield_per=PAGE))
    for row in rows:
        yield StoredEvent(*row)
