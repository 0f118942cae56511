"""Incident context: time zone and the channel's open incident, applied to the operation's arguments.

request ─ the incident of its channel ─▶ IncidentContext ─┬─ apply ─▶ the operation with its defaults there (pure)
                                                          └─ note ──▶ request and answer, stored with the incident
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.handlers.ports import IncidentRegistryPort
from bot.incidents.reads import apply_incident, leave_out_removed
from bot.model.change import STATE_PHRASES, Change
from bot.model.incident import Incident
from bot.model.request import Answer, Failure, FailureKind, Request, Surface, derive_operation_id
from bot.requests.authorization import Decision
from bot.store.incidents import IncidentEntry
from commands.incidents.operations import IncidentList, IncidentShow
from commands.model.operation import Operation
from commands.model.times import resolve_clock_times

_INCIDENT_VIEWS = (IncidentList, IncidentShow)

_log = structlog.get_logger("bot.requests.incident_context")


@dataclass(frozen=True)
class IncidentContext:
    """Context of one request. `incident` is None if the channel has no open incident."""

    incidents: IncidentRegistryPort
    incident: Incident | None
    now: Callable[[], datetime]
    asked_at: datetime
    zone: tzinfo

    @classmethod
    async def find(
        cls, request: Request, incidents: IncidentRegistryPort, now: Callable[[], datetime], zone: tzinfo
    ) -> "IncidentContext":
        """Finds the incident of the request's channel. `zone` is that of the times in the request."""
        return cls(incidents, await _find_incident(request, incidents), now, request.at, zone)

    def apply(self, operation: Operation, inventory: Inventory) -> Operation:
        """Applies zone and incident to an operation. Raises `BadArgument` for an ambiguous or nonexistent local time."""
        incident = None if self.incident is None else leave_out_removed(self.incident, inventory)
        return apply_incident(resolve_clock_times(operation, self.zone, self.asked_at), incident, self.now())

    async def record(self, decision: Decision, answer: Answer) -> None:
        """Stores request and answer with the incident. A failure is only logged, because the audit log has the request."""
        if self.incident is None or not _belongs(decision, answer):
            return
        entry = IncidentEntry(
            incident=self.incident.number,
            operation=answer.operation,
            at=self.now(),
            actor=decision.actor.name,
            words=decision.understood,
            answer=_summarize(answer, decision.actor.name),
        )
        try:
            await self.incidents.add_entry(entry)
        except FlatnetError as error:
            _log.error("a request could not be stored with its incident", operation=entry.operation, why=str(error))


async def _find_incident(request: Request, incidents: IncidentRegistryPort) -> Incident | None:
    """Finds the incident of the channel of a request. Requests of a schedule belong to no incident.

    If it cannot be read, the request is handled as outside of an incident.
    """
    if request.surface is not Surface.SLACK:
        return None
    try:
        return await incidents.find_for_request(derive_operation_id(request.key), request.channel)
    except FlatnetError as error:
        _log.error("the incident of a channel could not be read", why=str(error))
        return None


def _belongs(decision: Decision, answer: Answer) -> bool:
    """Returns whether a request is part of the incident: it was understood, and does not just show the incident."""
    slip = isinstance(answer.body, Failure) and answer.body.kind is FailureKind.USAGE
    return isinstance(decision.outcome, Operation) and not slip and not isinstance(decision.outcome, _INCIDENT_VIEWS)


def _summarize(answer: Answer, actor: str) -> Phrase:
    """Summary of the answer, as far as all readers of the channel could read it; private answers stay private."""
    match answer.body:
        case Failure(kind=FailureKind.REFUSED | FailureKind.NOTHING):
            return Phrase("not allowed (reason shown only to {who})", who=actor)
        case Change(dry_run=False, channel=card) if card:
            return _describe(answer)  # its card is there for all
        case _ if answer.here:
            return _describe(answer)
    return Phrase("not stored: the result was not shared with everyone here")


def _describe(answer: Answer) -> Phrase:
    match answer.body:
        case Failure(phrase=phrase):
            return phrase
        case Change(words=words, state=state):
            return Phrase("{words}: {state}", words=words, state=STATE_PHRASES[state])
        case report:
            return report.summary
