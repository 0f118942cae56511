"""Move of the bot's own database from SQLite to PostgreSQL (`flatnet-bot db move`), while no bot runs. Blocks.

    file lock, lock of the lead ─▶ all rows in one transaction, verified before and after ─▶ commit ─▶ files renamed

A crash before the commit leaves an empty database and the whole file. After it, the database is whole: the next call finds
the history there, and gives the files their other names. The head file stays and goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adapters.errors import Refused
from adapters.phrase import Listing, Phrase
from bot.backups.database.restore import DatabasePlaces, describe_escaped, set_aside
from bot.store import audit as table
from bot.store import copying as history
from bot.store.address import PostgresAddress
from bot.store.audit_chain import AuditKey, verify_chain
from bot.store.audit_head_file import HeadFile
from bot.store.copying import PutHistory
from bot.store.errors import DatabaseOutdated, map_os_error
from bot.store.library_database import count_unfinished_runs
from bot.store.maintenance import OwnedDatabase, own_database
from bot.store.reading import empty_wal, open_for_reading
from bot.store.sqlite import FileLock


class NotMovable(Refused):
    """There is nothing to move, or something is still under way."""


@dataclass(frozen=True)
class MovedDatabase:
    """Result: the history that was put into the database, and the earlier files under their new names.

    `put` is None if an earlier call had put it there.
    """

    target: PostgresAddress
    put: PutHistory | None
    kept: tuple[Path, ...]

    def describe(self) -> list[Phrase]:
        """Describes what was done, and what to do next, as sentences."""
        if self.put is None:
            moved = Phrase("the history was in {database} already", database=str(self.target))
        else:
            moved = Phrase(
                "database moved to {database} with {n} audit event",
                plural="database moved to {database} with {n} audit events",
                database=str(self.target),
                n=self.put.events.count,
            )
        return [
            moved,
            *([] if self.put is None else describe_escaped(self.put.copied.escaped)),
            Phrase("the earlier files were kept: {files}", files=Listing(tuple(map(str, self.kept)))),
            Phrase("start the bot on this machine first. Then start the other copies"),
        ]


def move_database(places: DatabasePlaces, target: PostgresAddress, keys: Sequence[AuditKey], now: datetime) -> MovedDatabase:
    """Moves the history of the SQLite file into an empty PostgreSQL database.

    Raises `NotMovable`, `HistoryUnverified`, `DatabaseInUse` while a bot runs, or another `DatabaseError`. Then nothing was
    moved.
    """
    if not places.database.exists():
        raise NotMovable(Phrase("the database {path} does not exist, so nothing can be moved", path=str(places.database)))
    try:
        with FileLock.hold(places.database):
            _require_newest_tables(places.database)
            with own_database(target) as owned:
                put = _put(places, owned, keys)
            empty_wal(places.database)
            kept = set_aside((places.engine, places.database), "moved", now)  # as long as the file is there, a call goes on
    except OSError as error:
        raise map_os_error(error, places.database) from error
    return MovedDatabase(target, put, kept)


def _require_newest_tables(database: Path) -> None:
    """Raises `NotMovable` for a file with older tables: `db upgrade` looks at the configured database, not at the file."""
    try:
        with open_for_reading(database):
            pass
    except DatabaseOutdated as error:
        raise NotMovable(
            Phrase(
                "the database {path} is from an older version. Remove the setting {setting} and run flatnet-bot db upgrade. "
                "Then name the PostgreSQL database again, and move",
                path=str(database),
                setting="database",
            )
        ) from error


def _put(places: DatabasePlaces, target: OwnedDatabase, keys: Sequence[AuditKey]) -> PutHistory | None:
    """Puts the history into the database; None if it is there already."""
    heads = HeadFile(places.head_file)
    size = heads.get_size()
    with open_for_reading(places.database) as source:
        newest = table.read_last(source)
        if newest is None:
            raise NotMovable(Phrase("the database {path} has no history to move", path=str(places.database)))
        if target.read(lambda connection: history.has_history(connection, newest)):
            return None
        _require_rest(places, history.find_open_operation(source), history.count_open_deliveries(source))
        return history.put_history(
            source, target, lambda events, accepted: verify_chain(events, heads.read(size), keys, accepted)
        )


def _require_rest(places: DatabasePlaces, operation: str | None, deliveries: int) -> None:
    """Raises `NotMovable` while something is under way that only the earlier database can end."""
    if operation is not None:
        raise NotMovable(
            Phrase(
                "{operation} is running or holds a host. Remove the setting {setting} and start the bot. When the "
                "operation has ended, stop the bot and move again",
                operation=operation,
                setting="database",
            )
        )
    if count_unfinished_runs(places.engine):
        raise NotMovable(
            Phrase(
                "{path} has runs that were not finished. Remove the setting {setting} and start the bot. When they have "
                "ended, stop the bot and move again",
                path=str(places.engine),
                setting="database",
            )
        )
    if deliveries:
        raise NotMovable(
            Phrase(
                "{path} has requests from Slack that were not answered. Remove the setting {setting} and start the bot. "
                "When it has answered them, stop the bot and move again",
                path=str(places.database),
                setting="database",
            )
        )
