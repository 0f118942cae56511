"""Incident context: time zone and the channel's open incident, applied to the operation's arguments.

request ─ the incident of its channel ─▶ IncidentContext ─┬─ apply ─▶ the operation with its defaults there (pure)
                                                          └─ note ──▶ request and answer, stored with the incident

Note places: the incidents to which a person may add a message of Slack as a note.

channel with an incident that is worked on ─▶ that one alone
elsewhere ──────────────────────────────────▶ all that the person may see, if they may add notes
again after a crash, noted before ──────────▶ the incident that has the note, whatever was opened or resolved since

The request itself is judged by the dispatcher.

Previews an update on an incident: the same line, by the same rules, as it is announced by then. Nothing is recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

import structlog

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Actor, Permit, Refusal
from bot.access.rules import find_place
from bot.config.active_config import ActiveConfig
from bot.incidents.model import IncidentEntry
from bot.incidents.ports import IncidentRegistryPort
from bot.incidents.reports.listing import describe_audience
from bot.incidents.rules.channels import IncidentChannels
from bot.incidents.rules.reads import apply_incident, leave_out_removed
from bot.incidents.rules.requests import describe_update, goes_to_all
from bot.incidents.rules.visibility import IncidentReader
from bot.model.change import STATE_PHRASES, Change
from bot.model.incident import Incident, UpdatePreview
from bot.model.request import Answer, Failure, FailureKind, Request, SlackIdentity, Surface, derive_operation_id
from bot.requests.authorization import Decision
from commands.incidents.acts import IncidentNote, IncidentUpdate
from commands.incidents.operations import IncidentList, IncidentShow
from commands.language.grammar import render_operation
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


@dataclass(frozen=True)
class NotePlaces:
    """Finds incidents for a note. `config` is the one that the request begins with."""

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    config: ActiveConfig

    async def find(self, identity: SlackIdentity, channel: str, operation: str) -> tuple[Incident, ...]:
        """Finds the incidents for a note of this person; none for one without standing. May raise a `DatabaseError`."""
        policy = self.config.policy
        actor = policy.identify(identity)
        if isinstance(actor, Refusal):
            return ()
        if (acted := await self.incidents.find_acted(operation)) is not None:
            return (acted,)
        reader = IncidentReader(actor.name, actor.roles, channel)
        working = await self.incidents.look_up_privacy(await self.incidents.list_working(), self.channels)
        found = tuple(each for each in working if reader.may_see(each))
        here = tuple(each for each in found if each.channel == channel)
        verdict = policy.judge(actor, IncidentNote, (), find_place(Surface.SLACK, channel))
        return here or (found if isinstance(verdict, Permit) else ())

    def name_author(self, user: str) -> str:
        """Returns the configured name of a person by their Slack id; "" without one."""
        return next((person.name for person in self.config.policy.people if user in person.slack), "")


async def preview_update(
    update: IncidentUpdate,
    actor: Actor,
    channel: str,
    config: ActiveConfig,
    places: tuple[IncidentRegistryPort, IncidentChannels],
) -> UpdatePreview | None:
    """Previews an update that a person requests in a channel. None if the request itself will be refused."""
    incidents, channels = places
    if not isinstance(config.policy.judge(actor, IncidentUpdate, (), find_place(Surface.SLACK, channel)), Permit):
        return None
    reader = IncidentReader(actor.name, actor.roles, channel)
    try:
        incident = await incidents.find_current(update.incident, reader, channels)
    except FlatnetError:
        return None
    return _describe_update_preview(update, incident, config) if incident.open else None


def _describe_update_preview(update: IncidentUpdate, incident: Incident, config: ActiveConfig) -> UpdatePreview:
    words = render_operation(update.model_copy(update={"incident": incident.number}))
    said, announced = UpdatePreview(words, describe_update(incident, update.text)), config.incidents.announce
    if announced and goes_to_all(incident, requested=update.announce):
        return replace(said, channel=announced)
    reason, *_ = describe_audience(incident, configured=announced is not None, requested=update.announce)
    return replace(said, obstacle=reason)
