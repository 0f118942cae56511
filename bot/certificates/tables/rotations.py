"""Rotations of the CA and their members. Rows and queries only; `bot.certificates` derives them from signed events.

A row that this version cannot read is no missing rotation: it is returned as damaged, with the operation whose events have
its content. Without its row, a member has not begun.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import ROTATION_MEMBERS, ROTATIONS, list_texts
from commands.model.rotation import Rotation, RotationAuthority, RotationMember

_R, _M = ROTATIONS.c, ROTATION_MEMBERS.c
_INSERT = insert(ROTATIONS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["number"], set_={column.name: _INSERT.excluded[column.name] for column in _R if column.name != "number"}
)
_INSERT_MEMBER = insert(ROTATION_MEMBERS)
_STORE_MEMBER = _INSERT_MEMBER.on_conflict_do_update(
    index_elements=["rotation", "host"],
    set_={column.name: _INSERT_MEMBER.excluded[column.name] for column in _M if column.name not in ("rotation", "host")},
)
_HEADS = select(*list_texts(ROTATIONS))
_OPEN = _HEADS.where(_R.ended_at.is_(None))
_STARTED_BY = _HEADS.where(_R.operation == bindparam("started_by"))
_MEMBERS = select(*list_texts(ROTATION_MEMBERS)).where(_M.rotation == bindparam("number")).order_by(_M.host)
_COUNT = select(func.coalesce(func.max(_R.number), 0))


@dataclass(frozen=True)
class DamagedRotation:
    """A rotation whose row cannot be read. `operation` started it."""

    number: int
    operation: str


StoredRotation = Rotation | DamagedRotation | None


class RotationTable:
    """Table of rotations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_open(self) -> StoredRotation:
        """Finds the rotation that is under way; there is at most one."""
        return await self._database.read(_find, _OPEN, {})

    async def find_started_by(self, operation: str) -> StoredRotation:
        """Finds the rotation that an operation started."""
        return await self._database.read(_find, _STARTED_BY, {"started_by": operation})

    async def count(self) -> int:
        """Counts the rotations: the number of the newest one."""
        return await self._database.read(lambda connection: int(connection.execute(_COUNT).scalar_one()))

    async def store(self, rotation: Rotation) -> None:
        """Stores a rotation and its members, all or none. A second open one is an error of the caller."""
        await self._database.run(_store, rotation)


def _store(connection: Connection, rotation: Rotation) -> None:
    connection.execute(_STORE, _make_values(rotation))
    if rotation.members:
        connection.execute(_STORE_MEMBER, list(_list_member_values(rotation)))


def _find(connection: Connection, query: Any, given: dict[str, Any]) -> StoredRotation:
    row = connection.execute(query, given).first()
    return None if row is None else _read_row(row, connection.execute(_MEMBERS, {"number": row.number}))


def _make_values(rotation: Rotation) -> dict[str, Any]:
    return {
        "number": rotation.number,
        "stage": rotation.stage.value,
        "old": escape_text(rotation.old.model_dump_json()),
        "new": escape_text(rotation.new.model_dump_json()),
        "canary": escape_text(rotation.canary),
        "lost": int(rotation.lost),
        "lazy": int(rotation.lazy),
        "operation": escape_text(rotation.operation),
        "started_at": rotation.started_at,
        "ended_at": rotation.ended_at,
    }


def _list_member_values(rotation: Rotation) -> Iterable[dict[str, Any]]:
    for member in rotation.members:
        yield {"rotation": rotation.number, **dict(member), "host": escape_text(member.host)}


def _read_row(row: Row[Any], members: Iterable[Row[Any]]) -> Rotation | DamagedRotation:
    try:
        authorities = {name: RotationAuthority.model_validate_json(getattr(row, name)) for name in ("old", "new")}
        flags = {"lost": bool(row.lost), "lazy": bool(row.lazy)}
        read = tuple(each for each in map(_read_member, members) if each is not None)
        return Rotation.model_validate(row._asdict() | authorities | flags | {"members": read})
    except (ValidationError, ValueError, RecursionError):
        return DamagedRotation(row.number, row.operation)


def _read_member(row: Row[Any]) -> RotationMember | None:
    """Reads a member; None if its row is damaged."""
    try:
        return RotationMember.model_validate({name: value for name, value in row._asdict().items() if name != "rotation"})
    except (ValidationError, ValueError):
        return None
