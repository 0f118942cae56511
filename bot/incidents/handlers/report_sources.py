"""Reads what the report of an incident is made of, as far as its readers may see it.

timeline ─ sight ─▶ entries ─┬─ signed events of that time ─▶ changes, evidence, times without the bot
                             ├─ history of its alerts ─▶ when they were open, and acknowledged
                             └─ audit log ─▶ the proof of all entries, also of those that are withheld
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from bot.alerts.ports import AlertRegistryPort
from bot.audit_log.log import EventKind
from bot.incidents.handlers.audience import TimelineSight
from bot.incidents.model import Acknowledgment, AuditProof, ReportedAlert, ReportSources
from bot.incidents.ports import IncidentReaderPort
from bot.incidents.rules.events import REPORTED_KINDS, list_changes, list_evidence, list_sequences, list_unrecorded
from bot.incidents.services.proof import EntryFlaw
from bot.model.alert import AlertEpisode, AlertState
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.store.audit_chain import StoredEvent, Verification
from bot.store.audit_head_file import Head
from commands.alerts.conditions import Condition
from commands.values.arguments import find_meant_names

EVENTS_AT_ONCE = 5_000
"""Numbers of audit events that are looked through in one read, so that other work is not kept waiting."""

AFTERMATH = timedelta(days=1)
"""Time after its resolution in which a change of the incident may end, and its files be delivered."""


class ReportAudit(Protocol):
    """The audit log, as a report needs it (`bot.audit_log.log`)."""

    async def read_newest(self) -> Head | None: ...

    async def find_last_before(self, at: datetime) -> int: ...

    async def list_after(self, sequence: int, most: int) -> tuple[StoredEvent, ...]: ...

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]: ...

    async def verify(self, actor: str, operation: str) -> Verification: ...


class EntryVerifier(Protocol):
    """Compares entries with their sources (`bot.incidents.services.proof`)."""

    async def verify(self, entries: Sequence[TimelineEntry], incident: Incident | None = None) -> tuple[EntryFlaw, ...]: ...


@dataclass(frozen=True)
class ReportRequest:
    """A request for a report: its incident, its readers, and the actor. `watched`: alerts are switched on."""

    incident: Incident
    sight: TimelineSight
    inventory: Inventory
    actor: str
    operation: str
    watched: bool = True


@dataclass(frozen=True)
class SourceReader:
    """Reads the sources of reports. Every read may raise a `DatabaseError`."""

    incidents: IncidentReaderPort
    alerts: AlertRegistryPort
    audit: ReportAudit
    verifier: EntryVerifier
    now: Callable[[], datetime]

    async def read(self, request: ReportRequest) -> ReportSources:
        """Reads everything."""
        incident, now = request.incident, self.now()
        every = await self.incidents.read_timeline(incident.number)
        entries = tuple(filter(request.sight.may_see, every))
        began, ended = _find_period(incident, every, now)
        events = await self._read_events(began, ended, list_sequences(every))
        alerts, lost = await self._read_alerts(entries, began, now)
        files = list_evidence(entries, events)
        changes = list_changes(entries, events)
        downtimes = await self._find_downtimes(events)
        return ReportSources(
            incident=incident,
            entries=entries,
            hosts=_find_hosts(request, alerts),
            alerts=alerts,
            changes=changes,
            evidence=files,
            unrecorded=list_unrecorded(entries, files),
            downtimes=downtimes if request.watched else ((began, max(ended, now)),),
            proof=await self._prove(request, every),
            withheld=len(every) - len(entries),
            expired=lost + sum(not change.digest for change in changes),
            at=now,
        )

    async def _read_events(self, began: datetime, ended: datetime, sequences: Sequence[int]) -> tuple[StoredEvent, ...]:
        """Reads the events of that time, and those between the entries: the clock may have been set back."""
        newest = await self.audit.read_newest()
        begin, end = await self.audit.find_last_before(began), 0 if newest is None else newest.sequence
        if newest is not None and datetime.fromisoformat(newest.at) > ended:
            end = await self.audit.find_last_before(ended)
        begin = min([begin, *(first - 1 for first in sequences[:1])])
        found: list[StoredEvent] = []
        while begin < end:
            until = min(begin + EVENTS_AT_ONCE, end)
            found += await self.audit.read_signed(REPORTED_KINDS, begin, until)
            begin = until
        return tuple(found)

    async def _read_alerts(
        self, entries: Sequence[TimelineEntry], began: datetime, now: datetime
    ) -> tuple[tuple[ReportedAlert, ...], int]:
        """Reads when the alerts of a timeline were open; and how many of them are no longer stored."""
        numbers = {entry.about for entry in entries if entry.kind is EntryKind.ALERT and entry.about}
        if not numbers:
            return (), 0
        by_host = await self.alerts.list_durations(began, now)
        episodes = [each for found in by_host.values() for each in found if each.alert.number in numbers]
        reported = tuple([await self._build_alert(episode) for episode in episodes])
        return reported, len(numbers - {alert.number for alert in reported})

    async def _build_alert(self, episode: AlertEpisode) -> ReportedAlert:
        alert, ended = episode.alert, episode.ended_at
        changes = await self.alerts.list_changes(alert.number)
        return ReportedAlert(
            number=alert.number,
            host=alert.host,
            silent=alert.condition in (Condition.SILENT, Condition.BLIND),
            fired_at=episode.fired_at,
            ended_at=ended,
            acknowledgments=tuple(
                Acknowledgment(change.at, change.actor, change.version)
                for change in changes
                if change.state is AlertState.ACKNOWLEDGED
                and change.actor
                and episode.fired_at <= change.at
                and (ended is None or change.at <= ended)
            ),
        )

    async def _find_downtimes(self, events: Sequence[StoredEvent]) -> tuple[tuple[datetime, datetime], ...]:
        """Finds the times in which the bot may not have run: from the last event before each start."""
        found = []
        for event in events:
            if event.kind == EventKind.START and event.sequence > 1:
                before = await self.audit.list_after(event.sequence - 2, 1)
                found += [(datetime.fromisoformat(each.at), datetime.fromisoformat(event.at)) for each in before]
        return tuple(found)

    async def _prove(self, request: ReportRequest, entries: Sequence[TimelineEntry]) -> AuditProof:
        """Proves all entries, also those that the readers do not see. What cannot be checked is not proven."""
        sequences = list_sequences(entries) or [0]
        first, last = sequences[0], sequences[-1]
        try:
            found = await self.audit.verify(request.actor, request.operation)
            flaws = await self.verifier.verify(entries, request.incident)
        except FlatnetError as error:
            return AuditProof(first, last, None, error.phrase)
        verified = found.problem is None or found.problem.sequence > last
        if row := next((flaw for flaw in flaws if not flaw.entry), None):
            return AuditProof(first, last, False, row.why, tuple(flaw.entry for flaw in flaws if flaw.entry))
        differing = tuple(flaw.entry for flaw in flaws if not flaw.expired)
        return AuditProof(first, last, verified, found.phrase, differing)


def _find_period(incident: Incident, entries: Sequence[TimelineEntry], now: datetime) -> tuple[datetime, datetime]:
    """Finds the time whose events may concern the incident."""
    began = min((incident.beginning, *(entry.happened_at for entry in entries)))
    ended = now if incident.resolved_at is None else incident.resolved_at + AFTERMATH
    return began - timedelta(seconds=1), ended


def _find_hosts(request: ReportRequest, alerts: Sequence[ReportedAlert]) -> tuple[str, ...]:
    """Finds the hosts of the incident, and those of its alerts, of which the readers may see the alerts."""
    names = find_meant_names(request.incident.target, request.inventory) | {alert.host for alert in alerts}
    known = {host.name for host in request.inventory.hosts} | {alert.host for alert in alerts}
    return tuple(sorted(name for name in names & known if name and request.sight.may_see_alerts(name)))
