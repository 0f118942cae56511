"""Backups. Rows and queries only; `bot.backups` derives them. What is known of copies of CA keys is read with them.

A run ends ─▶ store: one row for each backup, again after a crash ─▶ check: what a look found ─▶ remove: the row stays

Every plan reads all backups, so the lists of their files stay on the disk; `find` reads those of one.
A row that this version cannot read is left out. Rows of removed backups stay for good: an audit names them.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.key_backups import select_drills, select_keys
from bot.store.tables import BACKUPS, list_texts
from commands.model.backup import Backup, BackupManifest, BackupPart, Drill, KeptFile, KeyBackup, KnownBackups

_COLUMNS = BACKUPS.c
_STORE = insert(BACKUPS).on_conflict_do_nothing()
_THIS = _COLUMNS.id == bindparam("this")
_CHECK = update(BACKUPS).where(_THIS, _COLUMNS.removed_at.is_(None))
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

        def work(connection: Connection) -> tuple[list[Row[Any]], tuple[KeyBackup, ...], tuple[Drill, ...]]:
            return list(connection.execute(_KEPT)), select_keys(connection), select_drills(connection)

        rows, keys, drills = await self._database.read(work)
        return KnownBackups(await asyncio.to_thread(_read_backups, rows), keys, drills)

    async def find(self, name: str) -> Backup | None:
        """Finds a backup that was not removed, with the files of its parts."""
        row = await self._database.read(lambda connection: connection.execute(_WHOLE, {"this": name}).first())
        return None if row is None else await asyncio.to_thread(_read_whole, row)

    async def store(self, backups: Sequence[Backup]) -> None:
        """Stores new backups, all or none. One that is stored already stays as it is."""
        values = [_make_values(backup) for backup in backups]

        def work(connection: Connection) -> None:
            if values:
                connection.execute(_STORE, values)

        await self._database.run(work)

    async def record_check(self, checked: Backup) -> None:
        """Records what a look at a backup found: the states of its places, the times, the fault. Not of a removed one."""
        found = {name: _make_values(checked)[name] for name in ("first", "second", "checked_at", "verified_at", "fault")}
        await self._database.run(lambda connection: connection.execute(_CHECK.values(found), {"this": checked.id}) and None)

    async def mark_removed(self, ids: Collection[str], at: datetime) -> None:
        """Marks backups as removed from both places."""
        given = {"these": list(ids), "at_time": at}
        await self._database.run(lambda connection: connection.execute(_REMOVE, given) and None)


def _make_values(backup: Backup) -> dict[str, Any]:
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
