"""Last good configuration of each host. Rows and queries only; `bot.changes.services.planning_memory` derives them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Text, select, type_coerce
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import GOOD_CONFIGURATIONS
from commands.model.proven_configuration import ProvenConfiguration

GATEWAY = "gateway"
"""Area of the gateway's configuration."""

_COLUMNS = GOOD_CONFIGURATIONS.c
_KEYS = ("host", "area")
_INSERT = insert(GOOD_CONFIGURATIONS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=list(_KEYS),
    set_={column.name: _INSERT.excluded[column.name] for column in _COLUMNS if column.name not in _KEYS},
    where=_INSERT.excluded.at >= _COLUMNS.at,
)
_AT = type_coerce(_COLUMNS.at, Text).label("at")
"""The time as text: one that is damaged must not end the whole query."""
_OF_GATEWAYS = select(_COLUMNS.host, _COLUMNS.sha256, _COLUMNS.folder, _COLUMNS.operation, _AT).where(
    _COLUMNS.area == GATEWAY
)


class GoodConfigurationTable:
    """Table of good configurations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, proven: Sequence[ProvenConfiguration]) -> None:
        """Stores configurations of gateways, all or none. A newer one of the same host stays."""
        values = [_make_values(each) for each in proven]
        await self._database.run(_store, values)

    async def list_gateways(self) -> Mapping[str, ProvenConfiguration]:
        """Lists the configurations of all gateways, by host. Without a damaged row, its gateway has none."""
        return await self._database.read(_list_gateways)


def _store(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    if values:
        connection.execute(_STORE, values)


def _list_gateways(connection: Connection) -> Mapping[str, ProvenConfiguration]:
    read = [_read_row(row) for row in connection.execute(_OF_GATEWAYS)]
    return {each.host: each for each in read if each is not None}


def _make_values(proven: ProvenConfiguration) -> dict[str, Any]:
    return {
        "host": proven.host,
        "area": GATEWAY,
        "sha256": proven.sha256,
        "folder": escape_text(proven.folder),
        "operation": proven.operation,
        "at": proven.at,
    }


def _read_row(row: Row[Any]) -> ProvenConfiguration | None:
    """Reads a row; None if it is damaged."""
    try:
        return ProvenConfiguration.model_validate(row._asdict())
    except ValidationError:
        return None
