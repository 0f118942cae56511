"""Records of what people were shown of incidents, and of how often leads were asked. Rows and queries only.

An incident without a row was shown to no one yet. `mark` changes some columns and leaves the others as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.store.database import Database
from bot.store.schema.tables import INCIDENT_DELIVERIES


@dataclass(frozen=True)
class IncidentDelivery:
    """Record of one incident (`bot.store.schema.incidents.IncidentDeliveryRow` explains each)."""

    incident: int
    posting: int = 0
    shown: str = ""
    replied: int = 0
    announced: int = 0
    asked: int = 0
    asked_at: datetime | None = None
    offered_at: datetime | None = None
    called_at: datetime | None = None
    proposed: int = 0


_COLUMNS = tuple(field.name for field in fields(IncidentDelivery))
_SILENCE = ("asked", "asked_at", "offered_at", "called_at")
_ALL = select(INCIDENT_DELIVERIES)
_THIS = INCIDENT_DELIVERIES.c.incident == bindparam("this")
_ONE = _ALL.where(_THIS)
_ADD = insert(INCIDENT_DELIVERIES).on_conflict_do_nothing()
_CHANGE = update(INCIDENT_DELIVERIES).where(_THIS)


class IncidentDeliveryTable:
    """Table of deliveries. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, incident: int) -> IncidentDelivery:
        """Reads the record of an incident; a new one where there is none."""
        return await self._database.read(_read, incident)

    async def read_all(self) -> Mapping[int, IncidentDelivery]:
        """Reads all records, by incident."""
        return await self._database.read(
            lambda connection: {row.incident: _read_row(row) for row in connection.execute(_ALL)}
        )

    async def mark_shown(self, incident: int, shown: str, posting: int) -> None:
        """Records what the newest status message shows, and how many status messages there were."""
        await self._mark(incident, {"shown": shown, "posting": posting})

    async def mark_replied(self, incident: int, entry: int) -> None:
        """Records the newest entry that the thread of the status message has."""
        await self._mark(incident, {"replied": entry})

    async def mark_announced(self, incident: int, entry: int) -> None:
        """Records the newest update that the channel for announcements has."""
        await self._mark(incident, {"announced": entry})

    async def mark_silence(self, delivery: IncidentDelivery) -> None:
        """Records the present silence: how often its lead was asked, and whether others were called."""
        await self._mark(delivery.incident, {name: getattr(delivery, name) for name in _SILENCE})

    async def mark_proposed(self, incident: int, entry: int) -> None:
        """Records the newest move of an alert after which "mitigated" was proposed."""
        await self._mark(incident, {"proposed": entry})

    async def _mark(self, incident: int, values: Mapping[str, Any]) -> None:
        new = IncidentDelivery(incident)

        def work(connection: Connection) -> None:
            connection.execute(_ADD, {name: getattr(new, name) for name in _COLUMNS})
            connection.execute(_CHANGE.values(**values), {"this": incident})

        await self._database.run(work)


def _read(connection: Connection, incident: int) -> IncidentDelivery:
    row = connection.execute(_ONE, {"this": incident}).first()
    return IncidentDelivery(incident) if row is None else _read_row(row)


def _read_row(row: Row[Any]) -> IncidentDelivery:
    return IncidentDelivery(**{name: getattr(row, name) for name in _COLUMNS})
