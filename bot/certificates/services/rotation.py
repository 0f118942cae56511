"""Registry of the change of the CA that is under way: moved by the ends of runs and by readings, read by plans and answers.

end of a run ─ signed outcomes ─┐
                                ├─▶ moves (pure) ─▶ an audit event ─▶ the row          (again after a crash: the same)
a report of `cert` ─ readings ──┘
a plan, an answer ─▶ the events, folded; the row only says which they are ─▶ FleetView.rotation

Without an open row, the newest signed event decides whether a rotation is under way: a row that was deleted ends none.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.certificates.rules.rotation import (
    apply_readings,
    derive_move,
    derive_start,
    fold_events,
    has_ended,
    is_same,
    list_events,
    list_readings,
)
from bot.certificates.tables.rotations import RotationTable, StoredRotation
from bot.model.change import RunTrail
from bot.store.errors import DatabaseError
from bot.store.records import OperationRecord
from commands.certificates.rotation.records import find_start, list_marks
from commands.model.check import Area
from commands.model.operation import FleetView
from commands.model.report import Report
from commands.model.rotation import Rotation

ACTOR = "system"
READING = "reading"
"""Cause of a move that was read on hosts."""

_log = structlog.get_logger("bot.certificates.services.rotation")


class RotationUnreadable(DatabaseError):
    """A rotation is under way, but the audit log does not have its state. Nothing may be planned."""


@dataclass(frozen=True)
class RotationProgress:
    """The rotation that is under way, and when it last moved."""

    rotation: Rotation
    moved_at: datetime


class RotationRegistry:
    """The rotation that is under way. Methods may raise a `DatabaseError` or an error of the audit log."""

    def __init__(self, table: RotationTable, audit: SignedLog) -> None:
        self._table = table
        self._audit = audit
        self._writing = asyncio.Lock()

    async def follow_run(self, record: OperationRecord, trail: RunTrail) -> None:
        """Record what a run did (`bot.changes.services.repository.RunFollower`)."""
        start = find_start(record.plan)
        if start is None and not any(list_marks(part) for part in record.plan.parts):
            return
        async with self._writing:
            current = await self._load_rotation()
            if start is None and current is not None:
                await self._move(current, derive_move(current, record, trail), record.operation)
            elif start is not None and await self._may_start(record.operation, current):
                made = derive_start(record, start, trail, await self._table.count() + 1)
                if made is not None:
                    await self._start(made)

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Follow a report of `cert`. It never raises: the next report says the same."""
        readings = list_readings(report, began) if area is Area.CERTIFICATES else ()
        if not readings:
            return
        try:
            async with self._writing:
                current = await self._load_rotation()
                if current is not None:
                    await self._move(current, apply_readings(current, readings), READING)
        except FlatnetError as error:
            _log.warning("the progress of the rotation could not be recorded", why=str(error))

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan. Raises `RotationUnreadable`: without its state, another CA might sign."""
        async with self._writing:
            return replace(view, rotation=await self._load_rotation())

    async def find_progress(self) -> RotationProgress | None:
        """Find the rotation, and when it last moved. Raises as `complete`."""
        async with self._writing:
            return await self._load()

    async def read_known(self) -> Rotation | None:
        """Read the rotation for an answer, which goes on without it."""
        try:
            async with self._writing:
                return await self._load_rotation()
        except DatabaseError as error:
            _log.warning("the rotation could not be read", why=str(error))
            return None

    async def _may_start(self, operation: str, current: Rotation | None) -> bool:
        """Return whether a run may have started a rotation that has no row yet."""
        if current is not None and current.operation != operation:
            _log.error("a second rotation was started, and is left out", operation=operation, open=current.operation)
        return current is None and await self._table.find_started_by(operation) is None

    async def _start(self, made: Rotation) -> None:
        """Store a new rotation. After a crash its event is there already."""
        if not await self._audit.find_signed(made.operation, EventKind.ROTATION):
            await self._append(None, made, made.operation)
        await self._table.store(made)

    async def _move(self, before: Rotation, after: Rotation, cause: str) -> None:
        await self._append(before, after, cause)
        if after != before:
            await self._table.store(after)

    async def _append(self, before: Rotation | None, after: Rotation, cause: str) -> None:
        for data in list_events(before, after, cause):
            await self._audit.record(EventKind.ROTATION, ACTOR, after.operation, data)

    async def _load_rotation(self) -> Rotation | None:
        loaded = await self._load()
        return None if loaded is None else loaded.rotation

    async def _load(self) -> RotationProgress | None:
        """Load the open rotation. Its row is mended where it is not what the events say: after a crash, or by damage."""
        stored = await self._table.find_open()
        loaded = None if stored is None else await self._fold(stored.operation, stored)
        if loaded is not None:
            return loaded
        newest = await self._audit.find_newest_signed(EventKind.ROTATION)
        return None if newest is None or has_ended(newest) else await self._fold(newest.operation, None)

    async def _fold(self, operation: str, stored: StoredRotation) -> RotationProgress | None:
        """Fold the events of a rotation, and mend its row; None if it has ended."""
        row = stored if isinstance(stored, Rotation) else None
        events = await self._audit.find_signed(operation, EventKind.ROTATION)
        folded = fold_events(events, row)
        if folded is None or (stored is not None and folded.number != stored.number):
            raise RotationUnreadable(
                Phrase("the audit log does not have the state of the CA rotation. Restore the bot's database from a backup")
            )
        if row is None or not is_same(folded, row):
            await self._mend(folded)
        return None if folded.stage.ended else RotationProgress(folded, datetime.fromisoformat(events[-1].at))

    async def _mend(self, folded: Rotation) -> None:
        """Write the row anew. Without that the events are still there, so a plan or an answer goes on."""
        _log.warning("the row of the rotation was not what the audit log says", rotation=folded.number)
        try:
            await self._table.store(folded)
        except DatabaseError as error:
            _log.warning("the row of the rotation could not be written", why=str(error))
