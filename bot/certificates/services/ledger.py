"""The ledger of identities: stores what was signed and seen, and answers with all of it.

    end of a run, or a later look ─ signed outcomes ─▶ signatures
    reports of `cert`, surveys of hosts ─▶ sightings ─ what is new: an audit event first ─▶ rows

Everything is derived again from its source where a crash came in between, and the same observation twice changes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from adapters.errors import FlatnetError
from adapters.windows.log_files import FilePosition
from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.certificates.rules.ledger import derive_signatures
from bot.certificates.tables.ledger import LedgerTable, ReadPosition
from bot.model.observation import Observation
from bot.store.errors import DatabaseError
from commands.certificates.rotation.records import ABORT_WORDS, NEXT_WORDS, START_WORDS
from commands.model.certificates import KnownIdentities

ACTOR = "system"

SIGNING_KINDS = ("cert renew", "host add", START_WORDS, NEXT_WORDS, ABORT_WORDS)
"""Operations that sign certificates."""

EVENT_SIZE = 50
"""Certificates in one audit event: about half of what an event may hold."""

MAX_RECORDED_TEXT = 100

_log = structlog.get_logger("bot.certificates.services.ledger")


class IdentityLedger:
    """The ledger. `now` is the bot's clock."""

    def __init__(self, table: LedgerTable, audit: SignedLog, now: Callable[[], datetime]) -> None:
        self._table = table
        self._audit = audit
        self._now = now
        self._looked_at: set[str] = set()
        self._writing = asyncio.Lock()

    async def follow_end(self, operation: str) -> None:
        """Records what an operation signed, at its end. It never raises: a later look repairs a failure."""
        try:
            await self.record_signed(operation)
        except FlatnetError as error:
            _log.warning("what was signed could not be recorded", operation=operation, why=str(error))

    async def record_signed(self, operation: str) -> None:
        """Records what an operation signed. Raises `DatabaseError`."""
        signed = derive_signatures(operation, await self._audit.find_signed(operation, EventKind.OUTCOME))
        async with self._writing:
            await self._table.store(signed)

    async def catch_up(self) -> None:
        """Records what operations signed of which the ledger has nothing, because of a crash.

        An operation that signed nothing is looked at once after each start.
        """
        for kind in SIGNING_KINDS:
            for operation in await self._table.list_unrecorded(kind):
                if operation not in self._looked_at:
                    await self.record_signed(operation)
                    self._looked_at.add(operation)

    async def observe(self, observations: Sequence[Observation], read: ReadPosition | None = None) -> int:
        """Stores sightings, and the position behind them. Returns the number for which there is no room.

        What is new is recorded first. Raises `DatabaseError`, or the other errors of the audit log; then nothing is stored,
        and the same lines are read again.
        """
        async with self._writing:
            admission = await self._table.admit(observations)
            for start in range(0, len(admission.new), EVENT_SIZE):
                seen = [_describe(each) for each in admission.new[start : start + EVENT_SIZE]]
                await self._audit.record(EventKind.IDENTITY, ACTOR, "", {"seen": seen})
            await self._table.store(admission.admitted, read)
        return admission.refused

    async def record_drill(self, observed: Observation) -> None:
        """Stores the certificate of a drill, whose event is in the audit log already. Raises `DatabaseError`."""
        async with self._writing:
            await self._table.store((observed,))

    async def read_positions(self) -> Mapping[str, FilePosition]:
        """Reads the position in each host's log."""
        return await self._table.read_positions()

    async def read_known(self) -> KnownIdentities:
        """Reads the ledger for an answer. Without the database the answer goes on, and says so."""
        try:
            return await self._table.read_all()
        except DatabaseError as error:
            _log.warning("the ledger could not be read", why=str(error))
            return KnownIdentities(available=False)

    async def prune(self) -> None:
        """Deletes what ended long ago."""
        await self._table.prune(self._now())


def _describe(observed: Observation) -> Mapping[str, str]:
    identity, sighting = observed.identity, observed.sighting
    return {
        "fingerprint": identity.fingerprint,
        "kind": identity.kind.value,
        "name": identity.name[:MAX_RECORDED_TEXT],
        "address": identity.address[:MAX_RECORDED_TEXT],
        "issuer": identity.issuer[:MAX_RECORDED_TEXT],
        "place": "" if sighting is None else sighting.place,
        "way": "" if sighting is None else sighting.way.value,
    }
