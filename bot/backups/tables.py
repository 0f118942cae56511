"""Backups. Rows and queries only; `bot.backups` derives them. What is known of copies of CA keys is read with them.

A run ends ─▶ store: one row for each backup, again after a crash ─▶ check: what a look found ─▶ remove: the row stays

Every plan reads all backups, so the lists of their files stay on the disk; `find` reads those of one.
A row that this version cannot read is left out. Rows of removed backups stay for good: an audit names them.

Encrypted copies of CA keys, and drills. Rows and queries only; `bot.backups` decides what is written.

A row that this version cannot read is left out. Rows of drills are never deleted.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import BACKUPS, DRILLS, KEY_BACKUPS, list_texts
from commands.model.backup import Backup, BackupManifest, BackupPart, Drill, KeptFile, KeyBackup, KnownBackups

_STORE = insert(KEY_BACKUPS).on_conflict_do_nothing()
_CHECK = update(KEY_BACKUPS).where(KEY_BACKUPS.c.id == bindparam("this"))
_OPEN = insert(DRILLS).returning(DRILLS.c.number)
_WAITING = update(DRILLS).where(DRILLS.c.number == bindparam("this"), DRILLS.c.passed_at.is_(None))
_PASS = _WAITING.returning(DRILLS.c.number)

_KEYS = select(*list_texts(KEY_BACKUPS)).order_by(KEY_BACKUPS.c.at.desc(), KEY_BACKUPS.c.id)
_DRILLS = select(*list_texts(DRILLS)).order_by(DRILLS.c.number.desc())


class KeyBackupTable:
    """Table of copies of CA keys, and of drills. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_known(self) -> KnownBackups:
        """Reads all copies and all drills, the newest first."""
        return KnownBackups(keys=await self.read_keys(), drills=await self.read_drills())

    async def read_keys(self) -> tuple[KeyBackup, ...]:
        """Reads all copies, the newest first."""
        return await self._database.read(select_keys)

    async def read_drills(self) -> tuple[Drill, ...]:
        """Reads all drills, the newest first."""
        return await self._database.read(select_drills)

    async def store(self, keys: Sequence[KeyBackup]) -> None:
        """Stores new copies, all or none. One that is stored already stays as it is."""
        values = [_make_values(key) for key in keys]
        await self._database.run(_store, values)

    async def record_check(self, checked: KeyBackup) -> None:
        """Records what a look at a copy found: the states of its places, the times, the fault."""
        found = {name: _make_values(checked)[name] for name in ("first", "second", "checked_at", "verified_at", "fault")}

        def work(connection: Connection) -> None:
            connection.execute(_CHECK.values(found), {"this": checked.id})

        await self._database.run(work)

    async def open_drill(self, drill: Drill) -> Drill:
        """Stores a new drill. Returns it with its number; the number given is not looked at."""
        values = {name: value for name, value in _make_drill_values(drill).items() if name != "number"}

        def work(connection: Connection) -> Drill:
            return drill.model_copy(update={"number": connection.execute(_OPEN, values).scalar_one()})

        return await self._database.run(work)

    async def refuse(self, number: int, fault: str, at: datetime) -> None:
        """Records that a certificate was refused. A drill that has passed stays as it is."""
        found = {"refused_at": at, "fault": escape_text(fault)}
        await self._database.run(_refuse, number, found)

    async def pass_drill(self, number: int, fingerprint: str, by: str, at: datetime) -> bool:
        """Records that the right certificate was shown. Returns False if the drill had passed before."""
        found = {"passed_at": at, "passed_by": escape_text(by), "fingerprint": fingerprint}
        return await self._database.run(_pass_drill, number, found)


def _pass_drill(connection: Connection, number: int, found: Mapping[str, Any]) -> bool:
    return connection.execute(_PASS.values(found), {"this": number}).first() is not None


def _refuse(connection: Connection, number: int, found: Mapping[str, Any]) -> None:
    connection.execute(_WAITING.values(found), {"this": number})


def _store(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    if values:
        connection.execute(_STORE, values)


def select_keys(connection: Connection) -> tuple[KeyBackup, ...]:
    """Selects all copies, the newest first."""
    read = (_read_key(row) for row in connection.execute(_KEYS))
    return tuple(each for each in read if each is not None)


def select_drills(connection: Connection) -> tuple[Drill, ...]:
    """Selects all drills, the newest first."""
    read = (_read_drill(row) for row in connection.execute(_DRILLS))
    return tuple(each for each in read if each is not None)


def _make_values(key: KeyBackup) -> dict[str, Any]:
    values = key.model_dump()
    places = {"first": key.first.value, "second": key.second.value}
    texts = {"recipients": " ".join(key.recipients), "name": escape_text(key.name), "fault": escape_text(key.fault)}
    return values | places | texts


def _make_drill_values(drill: Drill) -> dict[str, Any]:
    return drill.model_dump() | {"opened_by": escape_text(drill.opened_by), "fault": escape_text(drill.fault)}


def _read_key(row: Row[Any]) -> KeyBackup | None:
    """Reads a row; None if it is damaged."""
    values = row._asdict()
    try:
        return KeyBackup.model_validate(values | {"recipients": tuple(str(values["recipients"]).split())})
    except ValidationError:
        return None


def _read_drill(row: Row[Any]) -> Drill | None:
    try:
        return Drill.model_validate(row._asdict())
    except ValidationError:
        return None


_COLUMNS = BACKUPS.c
_STORE_backups = insert(BACKUPS).on_conflict_do_nothing()
_THIS = _COLUMNS.id == bindparam("this")
_CHECK_backups = update(BACKUPS).where(_THIS, _COLUMNS.removed_at.is_(None))
_REMOVE = (
    update(BACKUPS)
    .where(_COLUMNS.id.in_(bindparam("these", expanding=True)), _COLUMNS.removed_at.is_(None))
    .values(removed_at=bindparam("at_time"))
)

_FILES = TypeAdapter(dict[BackupPart, tuple[KeptFile, ...]])

_WHOLE = select(*list_texts(BACKUPS)).where(_THIS, _COLUMNS.removed_at.is_(None))
_KEPT = (
    select(*(each for each in list_texts(BACKUPS) if each.key != "files"))
    .where(_COLUMNS.removed_at.is_(None))
    .order_by(_COLUMNS.at.desc(), _COLUMNS.id)
)


class BackupTable:
    """Table of backups. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_known(self) -> KnownBackups:
        """Reads all backups that were not removed, the newest first, those of CA keys, and the drills.

        Their parts come without the lists of files. Hundreds of manifests are parsed outside the thread of the database, so
        that nothing else waits for that.
        """
        rows, keys, drills = await self._database.read(_read_known)
        return KnownBackups(await asyncio.to_thread(_read_backups, rows), keys, drills)

    async def find(self, name: str) -> Backup | None:
        """Finds a backup that was not removed, with the files of its parts."""
        row = await self._database.read(lambda connection: connection.execute(_WHOLE, {"this": name}).first())
        return None if row is None else await asyncio.to_thread(_read_whole, row)

    async def store(self, backups: Sequence[Backup]) -> None:
        """Stores new backups, all or none. One that is stored already stays as it is."""
        values = [_make_values_backups(backup) for backup in backups]
        await self._database.run(_store_backups, values)

    async def record_check(self, checked: Backup) -> None:
        """Records what a look at a backup found: the states of its places, the times, the fault. Not of a removed one."""
        found = {
            name: _make_values_backups(checked)[name] for name in ("first", "second", "checked_at", "verified_at", "fault")
        }
        await self._database.run(
            lambda connection: connection.execute(_CHECK_backups.values(found), {"this": checked.id}) and None
        )

    async def mark_removed(self, ids: Collection[str], at: datetime) -> None:
        """Marks backups as removed from both places."""
        given = {"these": list(ids), "at_time": at}
        await self._database.run(lambda connection: connection.execute(_REMOVE, given) and None)


def _store_backups(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    if values:
        connection.execute(_STORE_backups, values)


def _read_known(connection: Connection) -> tuple[list[Row[Any]], tuple[KeyBackup, ...], tuple[Drill, ...]]:
    return list(connection.execute(_KEPT)), select_keys(connection), select_drills(connection)


def _make_values_backups(backup: Backup) -> dict[str, Any]:
    return {
        "id": backup.id,
        "host": backup.host,
        "at": backup.at,
        "operation": backup.manifest.operation,
        "manifest": backup.manifest.model_dump_json(exclude={"parts": {"__all__": {"files"}}}),
        "manifest_sha256": backup.manifest_sha256,
        "first": backup.first.value,
        "second": backup.second.value,
        "checked_at": backup.checked_at,
        "verified_at": backup.verified_at,
        "fault": escape_text(backup.fault),
        "removed_at": backup.removed_at,
        "files": _FILES.dump_json({part.part: part.files for part in backup.manifest.parts}).decode(),
    }


def _read_backups(rows: Iterable[Row[Any]]) -> tuple[Backup, ...]:
    return tuple(backup for row in rows if (backup := _read_backup(row)) is not None)


def _read_backup(row: Row[Any]) -> Backup | None:
    """Reads a row; None if it is damaged."""
    values = row._asdict()
    try:
        manifest = BackupManifest.model_validate_json(values.pop("manifest"))
        known = {name: values[name] for name in values.keys() & Backup.model_fields.keys()}
        return Backup.model_validate(known | {"manifest": manifest})
    except ValidationError:
        return None


def _read_whole(row: Row[Any]) -> Backup | None:
    """Reads a row with the files of its parts; None if it is damaged."""
    backup = _read_backup(row)
    try:
        files = _FILES.validate_json(row.files)
    except ValidationError:
        return None
    if backup is None:
        return None
    parts = tuple(part.model_copy(update={"files": files.get(part.part, ())}) for part in backup.manifest.parts)
    return backup.model_copy(update={"manifest": backup.manifest.model_copy(update={"parts": parts})})
