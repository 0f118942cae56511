"""Journal of incidents: folds the signed events of acts into rows and timelines.

signed events after the stored position ─ life.apply ─▶ row, timeline entry, position: one transaction

It is called after each act, at the start, and from time to time, so a crash between an event and its row is made up for.
An event that does not follow the version of its incident changes nothing: it was folded before, or is not of this log.
"""

import asyncio
from collections.abc import Iterable

import structlog

from bot.audit_log.log import EventKind
from bot.audit_log.ports import SignedLog
from bot.incidents.rules.events import IncidentEvent, parse_event
from bot.incidents.rules.transitions import apply, make_entry
from bot.incidents.tables.incidents import IncidentMove, IncidentTable
from bot.incidents.tables.timeline import JOURNAL_POSITION, FollowPosition, TimelineTable
from bot.model.incident import Incident

EVENTS_AT_ONCE = 5_000
"""Numbers of audit events that are looked through in one read, so that other work is not kept waiting."""

_log = structlog.get_logger("bot.incidents.services.journal")


class IncidentJournal:
    """The journal. `follow` may raise a `DatabaseError`; then the next call follows the same events."""

    def __init__(self, table: IncidentTable, timeline: TimelineTable, audit: SignedLog) -> None:
        self._table = table
        self._timeline = timeline
        self._audit = audit
        self._following = asyncio.Lock()

    async def follow(self) -> None:
        """Folds the events that were recorded since the last call."""
        async with self._following:
            newest = await self._audit.read_newest()
            end = 0 if newest is None else newest.sequence
            known = await self._timeline.find_position(JOURNAL_POSITION)
            begin = 0 if known is None or known.sequence > end else known.sequence  # an older log was put in its place
            while begin < end:
                until = min(begin + EVENTS_AT_ONCE, end)
                await self._follow_part(begin, until, last=until == end)
                begin = until

    async def _follow_part(self, begin: int, until: int, *, last: bool) -> None:
        stored = await self._audit.read_signed((EventKind.INCIDENT,), begin, until)
        events = [event for each in stored if (event := parse_event(each)) is not None]
        moves = self._fold(events, {number: await self._table.find(number) for number in {each.number for each in events}})
        if not moves and not last:
            return  # the position is stored with the next part
        added = await self._table.follow(moves, FollowPosition(JOURNAL_POSITION, until))
        if len(added) < len(moves):
            _log.error("events of incidents could not be followed", events=[move.entry.source for move in moves])

    def _fold(self, events: Iterable[IncidentEvent], known: dict[int, Incident | None]) -> list[IncidentMove]:
        moves: list[IncidentMove] = []
        for event in events:
            before = known[event.number]
            after = apply(before, event)
            if after is None:
                if before is None or event.version > before.version:
                    _log.warning("an event does not follow its incident", incident=event.number, event=event.sequence)
                continue
            moves.append(IncidentMove(before, after, make_entry(event, after)))
            known[event.number] = after
        return moves
