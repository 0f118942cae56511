"""Handler for `incident open`: in this channel, in a new one, or without one.

what is stored of the hosts ─▶ severity ─▶ judged under the lock: does another one have these hosts? ─▶ one event
  ─▶ snapshot ─▶ readers of hidden incidents with the same hosts ─▶ message in its place ─▶ answer

Each step after the event repeats itself: an attempt that a crash ended is made up for by the next one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.errors import FlatnetError, Refused
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from bot.access.rules import is_channel
from bot.alerts.handlers import find_visible_alert
from bot.incidents.handlers.audience import make_channel_message, make_reader, try_to_announce
from bot.incidents.handlers.observations import HostObservations, ObservationReader
from bot.incidents.ports import IncidentRegistryPort
from bot.incidents.reports import opening as reports
from bot.incidents.rules.channels import IncidentChannels, NewChannel, plan_channel
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.opening import Conflict, NewScope, Snapshot, find_conflicts, make_question, split_by_reader
from bot.incidents.rules.requests import ActRequest, IncidentRequest
from bot.incidents.rules.transitions import NotNow
from bot.incidents.rules.visibility import IncidentReader
from bot.model.incident import Incident
from bot.model.request import SlackIdentity, Surface
from bot.ports.context import RequestContext
from commands.incidents.operations import SINCE_PERIOD, IncidentOpen
from commands.language.grammar import render_operation
from commands.model.report import Report
from commands.model.times import resolve_instant
from commands.values.arguments import Target


@dataclass(frozen=True)
class _Opening:
    """One request to open an incident, with what was found for it."""

    operation: IncidentOpen
    context: RequestContext
    reader: IncidentReader
    hosts: tuple[Host, ...]
    observations: HostObservations

    @property
    def scope(self) -> NewScope:
        operation = self.operation
        alerts = (operation.alert,) if operation.alert else ()
        return NewScope(operation.title, str(operation.target), tuple(host.name for host in self.hosts), alerts)

    def find_conflicts(self, working: Sequence[Incident]) -> tuple[tuple[Conflict, ...], tuple[Conflict, ...]]:
        """Finds the incidents with the same hosts or alert: those that the requester may know of, and hidden ones."""
        found = find_conflicts(self.scope, working, self.context.inventory)
        others = [each for each in found if each.incident.operation != self.context.operation]
        return split_by_reader(others, self.operation.title, self.reader)

    def judge(self, working: Sequence[Incident]) -> None:
        """Refuses to open a second incident about the same hosts or alert, unless the requester said so."""
        known, _ = self.find_conflicts(working)
        if known and not self.operation.another:
            another = render_operation(self.operation.model_copy(update={"another": True}))
            raise make_question(self.scope, known, another)

    def make_request(self, *, private: bool | None) -> IncidentRequest:
        operation, observations = self.operation, self.observations
        return IncidentRequest(
            self.context.operation,
            operation.title,
            operation.target,
            self.context.actor,
            private,
            shared=operation.shares_results,
            severity=operation.severity or observations.severity,
            began_at=observations.evidence.began_at if observations.said else None,
            alerts=self.scope.alerts,
            judge=self.judge,
        )


@dataclass(frozen=True)
class IncidentOpeningHandlers:
    """Handler that opens incidents."""

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    observations: ObservationReader
    now: Callable[[], datetime]

    async def open(self, operation: IncidentOpen, context: RequestContext) -> Report:
        """Opens an incident. Raises `NotNow` with the commands to choose from where the requester has to decide."""
        opening = await self._prepare(operation, context)
        if operation.new:
            return await self._open_in_new_channel(opening)
        if is_channel(context.channel):
            return await self._open_here(opening)
        return await self._open_without_channel(opening)

    async def _prepare(self, operation: IncidentOpen, context: RequestContext) -> _Opening:
        """Reads what is stored of the hosts, and makes sure that the privacy of other incidents is known."""
        if operation.alert:
            operation = await self._apply_alert(operation, context)
        hosts = operation.target.resolve(context.inventory)  # an unknown name would match no host
        began = None if operation.since is None else resolve_instant(operation.since, context.at, SINCE_PERIOD)
        await self.incidents.look_up_privacy(await self.incidents.list_working(), self.channels)
        observations = await self.observations.read(hosts, began, context)
        return _Opening(operation, context, make_reader(operation, context), hosts, observations)

    async def _apply_alert(self, operation: IncidentOpen, context: RequestContext) -> IncidentOpen:
        """Finds the alert, whose host is the target if none is given. Raises `NotAllowed` without the right to it."""
        alert = await find_visible_alert(self.observations.alerts, operation.alert, context)
        if "target" in operation.model_fields_set or context.inventory.find_host(alert.host) is None:
            return operation
        return operation.model_copy(update={"target": Target(parts=(alert.host,))})

    async def _open_here(self, opening: _Opening) -> Report:
        operation, context = opening.operation, opening.context
        if not operation.results and await self.incidents.find_open_in(context.channel) is None:
            opening.judge(await self.incidents.list_working())
            return reports.ask_for_readers(operation, self.now())
        private = await self.channels.is_private(context.channel)
        incident = await self.incidents.open(opening.make_request(private=private), context.channel)
        snapshot, troubles = await self._follow_up(opening, incident)
        return reports.report_opening(incident, snapshot, self.now(), troubles)

    async def _open_in_new_channel(self, opening: _Opening) -> Report:
        """Opens an incident in a new channel, announces it there too, and names the channel to the requester."""
        operation = opening.operation
        if operation.public and not operation.agree:
            opening.judge(await self.incidents.list_working())
            raise _make_consent_question(operation)
        request = opening.make_request(private=not operation.public)
        incident, made = await self.incidents.open_in_new_channel(request, self._plan_channel(opening), self.channels)
        snapshot, troubles = await self._follow_up(opening, incident)
        begun = reports.report_opening(incident, snapshot, self.now())
        message = make_channel_message(incident, operation, begun, opening.context)
        notes = (Phrase("opened by {person}", person=opening.context.actor),)
        if why := await try_to_announce(self.channels, replace(message, notes=notes)):
            line = Phrase("could not post in the channel ({why}). Type {words} there", why=why, words="incident")
            troubles = (*troubles, line)
        troubles = (*made.troubles, *troubles)
        if not opening.reader.may_see(incident):
            return reports.report_hidden(incident, self.now(), troubles)
        return reports.report_elsewhere(incident, snapshot, self.now(), troubles)

    async def _open_without_channel(self, opening: _Opening) -> Report:
        """Opens an incident without a place. One of a direct message is private and shown nowhere.

        The status of one of a terminal is shown in the configured channel, once Slack can be reached.
        """
        context = opening.context
        private = context.requester.surface is Surface.SLACK
        incident = await self.incidents.open(opening.make_request(private=private), "")
        snapshot, troubles = await self._follow_up(opening, incident)
        if not private and context.config.incidents.channel is None:
            line = Phrase("posted nowhere, because {setting} has no channel. Tell the others", setting="[incidents]")
            troubles = (*troubles, line)
        return reports.report_without_channel(incident, snapshot, self.now(), troubles)

    def _plan_channel(self, opening: _Opening) -> NewChannel:
        operation, context = opening.operation, opening.context
        day = context.at.astimezone(ZoneInfo(context.config.schedule_config.zone)).date()
        target, person = str(operation.target), _find_invited(context)
        planned = plan_channel(context.operation, operation.title, target, day, person)
        return planned if operation.public else planned.hide()

    async def _follow_up(self, opening: _Opening, incident: Incident) -> tuple[Snapshot, tuple[Phrase, ...]]:
        """Records the snapshot, and lets readers of hidden incidents know. Returns what is left to do by hand, too."""
        snapshot = opening.observations.take_snapshot()
        try:
            await self._record_snapshot(opening, incident, snapshot)
            await self._relate_hidden(opening, incident)
        except FlatnetError as error:
            return snapshot, (Phrase("could not store all of the opening: {why}", why=error.phrase),)
        return snapshot, ()

    async def _record_snapshot(self, opening: _Opening, incident: Incident, snapshot: Snapshot) -> None:
        data = {"phrase": snapshot.summarize().to_json(), "hosts": list(snapshot.hosts), "author": ""}
        context = opening.context
        act = ActRequest(IncidentAct.SNAPSHOT, context.operation, context.actor, _keep, data)
        await self.incidents.act(incident.number, act)

    async def _relate_hidden(self, opening: _Opening, incident: Incident) -> None:
        """Lets the readers of hidden incidents with the same hosts know of a public one. A private one stays unknown."""
        if incident.private is not False:
            return
        context = opening.context
        _, hidden = opening.find_conflicts(await self.incidents.list_working())
        phrase = Phrase(
            "incident {number}, {title}, was opened by {person} about the same hosts or alert",
            number=str(incident.number),
            title=incident.title,
            person=incident.opened_by,
        )
        act = ActRequest(
            IncidentAct.RELATED, context.operation, context.actor, _keep, {"phrase": phrase.to_json(), "author": ""}
        )
        for conflict in hidden:
            await self.incidents.act(conflict.incident.number, act)


def _keep(incident: Incident, now: datetime) -> Incident:
    return incident


def _make_consent_question(operation: IncidentOpen) -> NotNow:
    """Makes the question whether all members may read a public channel. Nothing is opened before the answer."""
    read = [Phrase("the title"), Phrase("the hosts"), Phrase("the timeline")]
    if operation.shares_results:
        read.append(Phrase("the results of commands there"))
    phrase = Phrase(
        "not opened yet. In a public channel all members of the workspace can read {what}. "
        "Add {option} to agree, or leave {other} out for a private channel",
        what=Listing(tuple(read)),
        option="--agree",
        other="--public",
    )
    private = operation.model_copy(update={"public": False})
    return NotNow(phrase, render_operation(operation.model_copy(update={"agree": True})), render_operation(private))


def _find_invited(context: RequestContext) -> str:
    """Finds the requester's Slack ID: from the request, or for a terminal from the configuration."""
    requester, name = context.requester, context.actor
    if isinstance(requester.identity, SlackIdentity):
        return requester.identity.user
    known = next((person.slack for person in context.config.policy.people if person.name == name), ())
    if not known:
        raise Refused(
            Phrase(
                "could not invite anyone: {person} has no Slack ID under [[people]]. Add one, or leave {option} out",
                person=name,
                option="--new",
            )
        )
    return known[0]
