"""The copies of the bot over one database, as each of them reports itself about once a second. Times are the database's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from adapters.phrase import Phrase
from bot.store.database_time import database_now, read_time
from bot.store.encoding import decode_phrase, encode_phrase
from bot.store.leadership import CopyIdentity
from bot.store.schema.tables import COPIES

LEADS = "leads"
STANDS_BY = "stands by"
STOPPED = "stopped"

MISSED_AFTER = timedelta(seconds=15)
"""Age of a report from which its copy counts as gone: each copy reports itself every second."""

REMEMBERED = timedelta(days=30)
"""Time after which a copy that was not seen is forgotten."""


@dataclass(frozen=True)
class CopyReport:
    """Report of a copy on itself. `why`: why it could not take over; None if it could, or leads.

    `revision` is that of the tables its program works with, `clock_ms` how far its machine is ahead of the database's clock.
    """

    identity: CopyIdentity
    revision: str
    role: str
    why: Phrase | None = None
    clock_ms: int = 0


@dataclass(frozen=True)
class SeenCopy:
    """A copy as it reported itself at `seen_at`; `age` is how long ago that was."""

    report: CopyReport
    seen_at: datetime
    age: timedelta

    @property
    def name(self) -> str:
        """Name of the copy."""
        return self.report.identity.name

    @property
    def is_missed(self) -> bool:
        """True if it was not seen just now, though it was not stopped."""
        return self.report.role != STOPPED and self.age >= MISSED_AFTER

    @property
    def could_take_over(self) -> bool:
        """True if it would take over now if no copy led."""
        return self.report.role == STANDS_BY and self.report.why is None and self.age < MISSED_AFTER


_VALUES: dict[str, Any] = {each.name: bindparam(f"new_{each.name}") for each in COPIES.c if each.name != "seen_at"}
_REPORT = (
    insert(COPIES)
    .values(seen_at=database_now(), **_VALUES)
    .on_conflict_do_update(
        index_elements=[COPIES.c.name],
        set_={"seen_at": database_now(), **{name: value for name, value in _VALUES.items() if name != "name"}},
    )
    .returning(COPIES.c.seen_at)
)
_LIST = select(COPIES, database_now().label("now")).order_by(COPIES.c.name)
_FORGET = delete(COPIES).where(COPIES.c.seen_at < bindparam("oldest"))


def report_copy(connection: Connection, report: CopyReport) -> datetime:
    """Writes a copy's report. Returns the present time by the clock of the database."""
    values = {
        **vars(report.identity),
        "revision": report.revision,
        "role": report.role,
        "why": encode_phrase(report.why) or "",
        "clock_ms": report.clock_ms,
    }
    at: datetime = connection.execute(_REPORT, {f"new_{name}": value for name, value in values.items()}).scalar_one()
    return at


def list_copies(connection: Connection) -> tuple[SeenCopy, ...]:
    """Lists all copies that were seen lately, by name."""
    return tuple(
        SeenCopy(
            CopyReport(
                CopyIdentity(row.name, row.version, row.digest, row.audit_key),
                row.revision,
                row.role,
                _read_why(row.why),
                row.clock_ms,
            ),
            row.seen_at,
            row.now - row.seen_at,
        )
        for row in connection.execute(_LIST)
    )


def _read_why(text: str) -> Phrase | None:
    """Reads why a copy could not take over. One report that is no report must not hide the others."""
    try:
        return decode_phrase(text or None)
    except ValueError:
        return Phrase("its report cannot be read. Check the log of that copy")


def forget_copies(connection: Connection) -> None:
    """Forgets the copies that were not seen for long."""
    connection.execute(_FORGET, {"oldest": read_time(connection) - REMEMBERED})
