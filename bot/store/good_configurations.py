"""Last good configuration of each host. Rows and queries only; `bot.changes.good_configurations` derives them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.sqlite import insert

from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.tables import GOOD_CONFIGURATIONS
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
_OF_GATEWAYS = select(GOOD_CONFIGURATIONS).where(_COLUMNS.area == GATEWAY)


class GoodConfigurationTable:
    """Table of good configurations. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, proven: Sequence[ProvenConfiguration]) -> None:
        """Stores configurations of gateways, all or none. A newer one of the same host stays."""
        values = [_make_values(each) for each in proven]

        def work(connection: Connection) -> None:
            if values:
                connection.execute(_STORE, values)

        await self._database.run(work)

    async def list_gateways(self) -> Mapping[str, ProvenConfiguration]:
        """Lists the configurations of all gateways, by host."""
        return await self._database.read(
            lambda connection: {row.host: _read_row(row) for row in connection.execute(_OF_GATEWAYS)}
        )


def _make_values(proven: ProvenConfiguration) -> dict[str, Any]:
    return {
        "host": proven.host,
        "area": GATEWAY,
        "sha256": proven.sha256,
        "folder": escape_text(proven.folder),
        "operation": proven.operation,
        "at": proven.at,
    }


def _read_row(row: Row[Any]) -> ProvenConfiguration:
    return ProvenConfiguration(host=row.host, sha256=row.sha256, folder=row.folder, operation=row.operation, at=row.at)
