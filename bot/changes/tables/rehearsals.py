"""Last rehearsal of each host. Rows and queries only; `services.planning_memory` derives them from signed outcomes."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.model.rehearsal import Rehearsal
from bot.store.database import Database
from bot.store.encoding import decode_phrase, encode_json, encode_phrase, escape_text
from bot.store.schema.tables import REHEARSALS

_COLUMNS = REHEARSALS.c
_INSERT = insert(REHEARSALS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["host"],
    set_={column.name: _INSERT.excluded[column.name] for column in _COLUMNS if column.name != "host"},
    where=_INSERT.excluded.at >= _COLUMNS.at,
)
_ALL = select(REHEARSALS)
_OF_HOSTS = _ALL.where(_COLUMNS.host.in_(bindparam("hosts", expanding=True)))
_FACTS = ("endpoint", "edition", "account", "sddl", "arguments_length", "clock_offset", "seconds")
"""Fields that are only shown or compared whole: they share a column."""


class RehearsalTable:
    """Table of rehearsals. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, rehearsals: Sequence[Rehearsal]) -> None:
        """Stores rehearsals, all or none. A newer one of the same host stays."""
        values = [_make_values(rehearsal) for rehearsal in rehearsals]
        await self._database.run(_store, values)

    async def find_by_host(self, hosts: Collection[str]) -> Mapping[str, Rehearsal]:
        """Finds the last rehearsals of these hosts, by host."""
        return await self._database.read(
            lambda connection: {row.host: _read_row(row) for row in connection.execute(_OF_HOSTS, {"hosts": list(hosts)})}
        )


def _store(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    if values:
        connection.execute(_STORE, values)


def _make_values(rehearsal: Rehearsal) -> dict[str, Any]:
    return {
        "host": rehearsal.host,
        "operation": rehearsal.operation,
        "at": rehearsal.at,
        "successful": rehearsal.successful,
        "why": encode_phrase(rehearsal.why),
        "windows_build": escape_text(rehearsal.build),
        "powershell": escape_text(rehearsal.powershell),
        "culture": escape_text(rehearsal.culture),
        "ui_culture": escape_text(rehearsal.ui_culture),
        "bootstrap": rehearsal.version.bootstrap,
        "guard": rehearsal.version.guard,
        "facts": encode_json(rehearsal.model_dump(mode="json", include=set(_FACTS))),
    }


def _read_row(row: Row[Any]) -> Rehearsal:
    return Rehearsal.model_validate(
        {
            "host": row.host,
            "operation": row.operation,
            "at": row.at,
            "successful": bool(row.successful),
            "why": decode_phrase(row.why),
            "build": row.windows_build,
            "powershell": row.powershell,
            "culture": row.culture,
            "ui_culture": row.ui_culture,
            "version": {"bootstrap": row.bootstrap, "guard": row.guard},
            **json.loads(row.facts),
        }
    )
