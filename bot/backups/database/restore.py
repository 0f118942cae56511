"""Return of the bot's own database from a backup (`flatnet-bot db restore FILE`), while no bot runs. Blocks.

On PostgreSQL it returns into an empty database only: the earlier one stays as it is.

    lock ─▶ copy taken out and checked ─▶ present files kept under other names ─▶ the copy takes their place

The head file of the audit log stays as it is. So the next start finds a log that is older than its head file: changes are
refused until an administrator accepts the loss by its name, operations that were under way in the copy become unknown, and
those that waited are closed (`changes.services.coordinator`). Hosts and their logs are read from the positions in the copy.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adapters.phrase import Listing, Moment, Phrase
from bot.audit_log.adoption import find_loss
from bot.audit_log.files import name_loss
from bot.backups.services.database_copy import CheckedCopy, DatabaseCopy, NotACopy, check_copy, unpack_copy
from bot.store.address import PostgresAddress
from bot.store.audit_chain import AuditKey, StoredEvent, verify_chain
from bot.store.audit_head_file import BEGINNING, HeadFile
from bot.store.copying import put_history
from bot.store.errors import map_os_error
from bot.store.maintenance import own_database
from bot.store.reading import open_for_reading
from bot.store.schema import creation as schema
from bot.store.sqlite import FileLock
from bot.store.upgrade import upgrade_copy

_COMPANIONS = ("-wal", "-shm")
"""Files that SQLite keeps beside a database. One of another database must never be there."""


@dataclass(frozen=True)
class DatabasePlaces:
    """Files of the bot: its database, the head file of its audit log, the database of the engine."""

    database: Path
    head_file: Path
    engine: Path


@dataclass(frozen=True)
class RestoredDatabase:
    """Result: what was restored, the earlier files under their new names, and the name of the loss to accept."""

    copy: CheckedCopy
    kept: tuple[Path, ...]
    loss: str
    server: bool = False
    """It was restored into PostgreSQL, with this program's tables. No copy leads before the loss is accepted."""
    escaped: int = 0
    """Rows in which characters were escaped."""

    @property
    def outdated(self) -> bool:
        """True if the tables are older than this program, so that `db upgrade` comes first."""
        return not self.server and self.copy.revision != schema.HEAD_REVISION

    def describe(self, file: Path) -> list[Phrase]:
        """Describes what was done, and what to do next, as sentences."""
        sentences = [
            Phrase(
                "database restored from {file} with {n} audit event",
                plural="database restored from {file} with {n} audit events",
                file=str(file),
                n=self.copy.events.count,
            ),
        ]
        if self.copy.newest is not None:
            newest = Moment(datetime.fromisoformat(self.copy.newest.at))
            sentences.append(Phrase("the newest event is of {at}. What happened later is not in it", at=newest))
        sentences += describe_escaped(self.escaped)
        if self.kept:
            sentences.append(Phrase("the earlier files were kept: {files}", files=Listing(tuple(map(str, self.kept)))))
        if self.outdated:
            sentences.append(Phrase("run flatnet-bot db upgrade before you start the bot"))
        if self.loss:
            sentences.append(_describe_acceptance(self.loss, server=self.server))
        sentences.append(
            Phrase("before the next change, check op, owed and cert --all: owed changes since the backup are missing there")
        )
        return sentences


def restore_database(file: Path, places: DatabasePlaces, keys: Sequence[AuditKey], now: datetime) -> RestoredDatabase:
    """Puts the database of a backup in the place of the present one, which is kept.

    Raises `DatabaseInUse` while a bot runs, `NotACopy` and `DatabaseDamaged` before anything is moved, or another
    `DatabaseError`.
    """
    try:
        with (
            FileLock.hold(places.database),
            tempfile.TemporaryDirectory(prefix="restore-", dir=places.database.parent) as folder,
        ):
            copy = unpack_copy(file, Path(folder))
            checked = _check(copy, keys, file)
            loss = _name_loss(places.head_file, checked)
            kept = _exchange(copy.database, places, now)
    except OSError as error:
        raise map_os_error(error, places.database) from error
    return RestoredDatabase(checked, kept, loss)


def restore_to_server(
    file: Path, places: DatabasePlaces, target: PostgresAddress, keys: Sequence[AuditKey]
) -> RestoredDatabase:
    """Puts the database of a backup into an empty PostgreSQL database. Tables of an earlier version are upgraded on the way.

    Raises `DatabaseInUse` while a copy leads, `NotACopy`, `DatabaseNotEmpty`, or another `DatabaseError`. Then the database
    is as it was.
    """
    heads = HeadFile(places.head_file)
    try:
        places.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="restore-", dir=places.database.parent) as folder:
            copy = unpack_copy(file, Path(folder))
            checked = _check(copy, keys, file)
            with own_database(target) as owned:
                if checked.revision != schema.HEAD_REVISION:
                    upgrade_copy(copy.database)
                with open_for_reading(copy.database) as source:
                    put = put_history(source, owned, lambda events, accepted: verify_chain(events, [BEGINNING], keys))
                loss = find_loss(owned, heads.read_last())
    except OSError as error:
        raise map_os_error(error, places.database) from error
    return RestoredDatabase(checked, (), loss, server=True, escaped=put.copied.escaped)


def describe_escaped(rows: int) -> list[Phrase]:
    """Describes that characters were escaped; nothing where all rows are as they were."""
    if not rows:
        return []
    return [
        Phrase(
            "{n} row had characters that PostgreSQL cannot store, such as NUL. Their codes were written instead",
            plural="{n} rows had characters that PostgreSQL cannot store, such as NUL. Their codes were written instead",
            n=rows,
        )
    ]


def _check(copy: DatabaseCopy, keys: Sequence[AuditKey], file: Path) -> CheckedCopy:
    checked = check_copy(copy, keys, file)
    if checked.events.problem is not None:
        raise NotACopy(Phrase("{file} was not restored: {why}", file=str(file), why=checked.events.problem.phrase))
    return checked


def _describe_acceptance(loss: str, *, server: bool) -> Phrase:
    if server:
        return Phrase(
            "before you start the bot, accept the loss as an administrator of this machine: flatnet-bot audit accept {name}",
            name=loss,
        )
    return Phrase("start the bot. It refuses changes until an administrator runs: audit accept {name}", name=loss)


def _name_loss(head_file: Path, checked: CheckedCopy) -> str:
    """Returns the name by which the loss is accepted after the start; "" if nothing is lost."""
    head, newest = HeadFile(head_file).read_last(), checked.newest
    if newest is None or (head is not None and (head.sequence, head.mac) == (newest.sequence, newest.mac)):
        return ""
    return name_loss(head, StoredEvent(newest.sequence, newest.at, "", "", "", "", "", "", newest.mac))


def set_aside(databases: Sequence[Path], why: str, now: datetime) -> tuple[Path, ...]:
    """Gives the databases that are there names that end with `why` and the time, one after the other. Returns the new names.

    A database keeps its companions. What a crash leaves between two renames is put right by the next call.
    """
    mark = f".{why}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    kept = []
    for present in databases:
        aside = present.with_name(f"{present.name}{mark}")
        for suffix in ("", *_COMPANIONS):
            if (moved := Path(f"{present}{suffix}")).exists():
                moved.rename(f"{aside}{suffix}")
        if aside.exists():
            kept.append(aside)
    for folder in {each.parent for each in databases}:
        _sync_folder(folder)
    return tuple(kept)


def _exchange(copy: Path, places: DatabasePlaces, now: datetime) -> tuple[Path, ...]:
    """Keeps the present files under other names, then moves the copy to its place."""
    kept = set_aside((places.database, places.engine), "replaced", now)
    copy.replace(places.database)
    _sync_folder(places.database.parent)
    return kept


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
