"""Handlers for the `incident` operations."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Phrase
from bot.access.rules import is_channel
from bot.handlers.context import RequestContext
from bot.handlers.ports import ChangeLifecycle, IncidentRegistryPort
from bot.incidents.channels import IncidentChannels, plan_channel
from bot.incidents.events import IncidentAct
from bot.incidents.life import judge_resolution
from bot.incidents.privacy import IncidentReader
from bot.incidents.requests import ActRequest, IncidentRequest, NoSuchIncident
from bot.model.announcement import Announcement
from bot.model.incident import Incident
from bot.model.request import Answer, SlackIdentity, Surface, derive_operation_id
from bot.reports import incidents as reports
from bot.reports.incident_timeline import Timeline, compose_timeline, find_operations
from commands.bot_state.incidents import IncidentList, IncidentOpen, IncidentResolve, IncidentShow
from commands.language.grammar import render_operation
from commands.model.operation import OwnOperation
from commands.model.report import ChannelLink, Report


@dataclass(frozen=True)
class IncidentHandlers:
    """Handlers of incidents. `changes` has the current states of the changes that were requested in an incident."""

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    changes: ChangeLifecycle
    now: Callable[[], datetime]

    async def list_incidents(self, operation: IncidentList, context: RequestContext) -> Report:
        """Shows the incident of this channel and names the other open ones; elsewhere lists all."""
        here = await self.incidents.find_open_in(context.channel)
        reader = _make_reader(operation, context)
        listed = await self.incidents.look_up_privacy(await self.incidents.list_incidents(), self.channels)
        found = tuple(filter(reader.may_see, listed))
        if here is None or here.number not in {each.number for each in found}:
            return reports.list_incidents(found, reader, self.now())
        now = self.now()
        report = reports.report_incident(here, here.channel, now)
        others = [each for each in found if each.open and each.number != here.number]
        return report.model_copy(
            update={"sections": reports.list_others(others, now), "next": (*report.next, *reports.suggest_showing(others))}
        )

    async def show(self, operation: IncidentShow, context: RequestContext) -> Report:
        """Shows the requests and answers of an incident. An answer is shown only to a requester who may request it here."""
        incident = await self.incidents.find_visible(operation.number, _make_reader(operation, context), self.channels)
        entries, count = await self.incidents.read_entries(incident.number)
        states = await self.changes.find_states(find_operations(entries))
        readable = {words for words in {entry.words for entry in entries} if context.authorizer.may_see(words)}
        return compose_timeline(Timeline(incident, entries, count, states, readable), context.channel, self.now())

    async def open(self, operation: IncidentOpen, context: RequestContext) -> Report:
        """Opens an incident in this channel, or in a new channel."""
        operation.target.resolve(context.inventory)  # an unknown name would match no host
        if operation.new:
            return await self._open_in_new_channel(operation, context)
        if not is_channel(context.channel):
            raise NoSuchIncident(
                Phrase(
                    "an incident needs a channel. Run this in the channel you use for it, or add {option} to create one",
                    option="--new",
                )
            )
        if not operation.results and await self._must_choose(context):
            return reports.ask_for_readers(operation, self.now())
        private = await self.channels.is_private(context.channel)
        opening = IncidentRequest(
            context.operation,
            operation.title,
            operation.target,
            context.actor,
            private,
            shared=operation.shares_results,
        )
        incident = await self.incidents.open(opening, context.channel)
        return reports.report_opening(incident, self.now())

    async def resolve(self, operation: IncidentResolve, context: RequestContext) -> Report:
        """Resolves an incident. Its channel gets a message even if the requester resolves it elsewhere."""
        reader = _make_reader(operation, context)
        found = await self.incidents.find_current(operation.incident, reader, self.channels, context.operation)
        ending = ActRequest(
            IncidentAct.RESOLVED,
            context.operation,
            context.actor,
            lambda incident, now: judge_resolution(incident, now, operation.was, context.actor, context.operation),
        )
        incident = await self.incidents.act(found.number, ending)
        ended = reports.report_resolution(incident, self.now())
        if operation.here and context.channel == incident.channel:
            return ended  # everyone in the channel reads this answer
        report = reports.report_incident(incident, context.channel, self.now())
        why = await self._announce(_ChannelMessage(ended, incident, operation), context)
        if why is None:
            return report
        line = Phrase("could not post in the incident channel: {why}. Let people there know it is resolved", why=why)
        return report.model_copy(update={"sections": reports.list_left_to_do(line)})

    async def _must_choose(self, context: RequestContext) -> bool:
        """Returns whether the opener must choose who sees the results there. An incident that is open is refused first."""
        return is_channel(context.channel) and await self.incidents.find_open_in(context.channel) is None

    async def _open_in_new_channel(self, operation: IncidentOpen, context: RequestContext) -> Report:
        """Opens an incident in a new channel, announces it there too, and names the channel to the requester."""
        title, target, actor = operation.title, operation.target, context.actor
        day = context.at.astimezone(ZoneInfo(context.config.schedule_config.zone)).date()
        private = not operation.public and await self._is_typed_in_private(context)
        planned = plan_channel(context.operation, title, str(target), day, _find_invited(context))
        new = replace(planned, private=private)
        reader, shared = _make_reader(operation, context), operation.shares_results
        opening = IncidentRequest(context.operation, title, target, actor, private, reader, shared)
        incident, made = await self.incidents.open_in_new_channel(opening, new, self.channels)
        troubles = made.troubles
        begun = reports.report_opening(incident, self.now())
        note = Phrase("opened by {person}", person=actor)
        if why := await self._announce(_ChannelMessage(begun, incident, operation, (note,)), context):
            troubles = (
                *troubles,
                Phrase("could not post in the channel ({why}). Type {words} there", why=why, words="incident"),
            )
        led = {
            "channel": ChannelLink(id=incident.channel, name=made.name),
            "sections": reports.list_left_to_do(*troubles),
        }
        return reports.report_incident(incident, context.channel, self.now()).model_copy(update=led)

    async def _is_typed_in_private(self, context: RequestContext) -> bool:
        """Returns whether a request comes from a private channel. One that Slack does not describe counts as private."""
        return is_channel(context.channel) and await self.channels.is_private(context.channel) is not False

    async def _announce(self, notice: "_ChannelMessage", context: RequestContext) -> Phrase | None:
        """Announces a report in the incident's channel. Returns the reason if that failed; the incident stays as it is."""
        name, incident = derive_operation_id(f"{context.operation} in its channel"), notice.incident
        said = Answer(operation=name, understood=render_operation(notice.operation), body=notice.report)
        try:
            await self.channels.announce(
                Announcement(name, incident.channel, said, notice.notes, private=incident.private is not False)
            )
        except FlatnetError as error:
            return error.phrase
        return None


@dataclass(frozen=True)
class _ChannelMessage:
    """A report for the readers of an incident's channel, and the operation that it answers."""

    report: Report
    incident: Incident
    operation: OwnOperation
    notes: tuple[Phrase, ...] = ()


def _make_reader(operation: OwnOperation, context: RequestContext) -> IncidentReader:
    requester = context.requester
    in_public = requester.answered_in_public or operation.here
    movable = requester.surface is Surface.SCHEDULE
    return IncidentReader(context.actor, requester.actor.roles, context.channel, in_public, movable)


def _find_invited(context: RequestContext) -> str:
    """Finds the requester's Slack ID: from the request, or for a terminal from the configuration."""
    requester, name = context.requester, context.actor
    if isinstance(requester.identity, SlackIdentity):
        return requester.identity.user
    known = next((person.slack for person in context.config.policy.people if person.name == name), ())
    if not known:
        raise Refused(
            Phrase(
                "could not invite anyone: {person} has no Slack ID under [[people]]. Add one, or run this in Slack",
                person=name,
            )
        )
    return known[0]
