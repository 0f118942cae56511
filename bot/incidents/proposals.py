"""Proposals to mark incidents as mitigated: the bot proposes, a person decides.

all alerts of an open incident are resolved, for two minutes ─ announce ─▶ a message with the button ─▶ the row

Once for each last move: a note or another act proposes nothing again, an alert that fires and is resolved again does. The
row comes last, so a crash in between repeats the same message.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from adapters.phrase import Phrase
from bot.incidents.ports import OpenAlerts
from bot.incidents.privacy import find_shown_place
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.incident import Incident, IncidentState, TimelineEntry
from bot.model.request import Answer
from bot.store.incident_deliveries import IncidentDelivery
from commands.incidents.acts import IncidentMitigated
from commands.language.grammar import render_operation
from commands.model.report import Report

SETTLING_PERIOD = timedelta(minutes=2)
"""Time for which no alert may move before a proposal: two checks of a host."""


class MoveReader(Protocol):
    """Timelines (`bot.store.incident_timeline`)."""

    async def find_newest_moves(self, incidents: Collection[int]) -> Mapping[int, Mapping[int, int]]: ...

    async def find(self, incident: int, number: int) -> TimelineEntry | None: ...


class ProposalRecord(Protocol):
    """Records of what was shown (`bot.store.incident_deliveries`)."""

    async def read(self, incident: int) -> IncidentDelivery: ...

    async def mark_proposed(self, incident: int, entry: int) -> None: ...


@dataclass(frozen=True)
class ProposalServices:
    """Services that proposals need. `find_channel` returns the place of public incidents without one, "" for none."""

    list_working: Callable[[], Awaitable[tuple[Incident, ...]]]
    timeline: MoveReader
    alerts: OpenAlerts
    record: ProposalRecord
    announcer: AnnouncementSender
    find_channel: Callable[[], str]


class MitigationProposer:
    """Proposes to mark incidents as mitigated."""

    def __init__(self, services: ProposalServices, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def propose(self) -> None:
        """Propose it for each incident whose alerts are all resolved now. Raises errors of database and announcer."""
        working = await self._services.list_working()
        still = {each.number: each for each in working if each.state is IncidentState.OPEN}
        if not still:
            return
        moves = await self._services.timeline.find_newest_moves(still)
        firing = {alert.number for alert in await self._services.alerts.list_open()} if moves else set()
        for number, newest in moves.items():
            incident = still[number]
            alerts = {*newest, *incident.alerts}
            if firing.isdisjoint(alerts):
                await self._propose_once(incident, max(newest.values()), len(alerts))

    async def _propose_once(self, incident: Incident, last: int, count: int) -> None:
        """Propose it after the last move, unless that is too new, or it was proposed after it before."""
        entry = await self._services.timeline.find(incident.number, last)
        known = await self._services.record.read(incident.number)
        if entry is None or known.proposed >= last or timedelta() <= self._now() - entry.recorded_at < SETTLING_PERIOD:
            return
        name = f"incident-{incident.number}-mitigated-{last}"
        answer = Answer(operation=name, understood="incident", body=describe_proposal(incident, count))
        place, private = find_shown_place(incident, self._services.find_channel()), incident.private is not False
        await self._services.announcer.announce(Announcement(name, place, answer, private=private))
        await self._services.record.mark_proposed(incident.number, last)


def describe_proposal(incident: Incident, count: int) -> Report:
    """Describes the proposal, with the commands that accept it and that show what happened."""
    text = Phrase(
        "the alert of incident {number} ({title}) is resolved. Mark it as mitigated if users no longer notice the problem",
        plural="all {n} alerts of incident {number} ({title}) are resolved. Mark it as mitigated if users no longer notice "
        "the problem",
        n=count,
        number=str(incident.number),
        title=incident.title,
    )
    words = (render_operation(IncidentMitigated(incident=incident.number)), f"incident show {incident.number}")
    return Report(title=Phrase("Incident"), summary=text, brief=True, next=words)
