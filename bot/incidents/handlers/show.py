"""Handlers for the `incident` operations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.changes.ports import ChangeLifecycle
from bot.incidents.handlers.audience import make_channel_message, make_own_sight, make_reader, try_to_announce
from bot.incidents.handlers.resolve import IncidentResolver
from bot.incidents.ports import IncidentRegistryPort
from bot.incidents.reports import listing as reports
from bot.incidents.reports.listing import describe_late_obstacles
from bot.incidents.reports.timeline import MAX_SHOWN_ENTRIES, Timeline, compose_timeline, find_operations
from bot.incidents.rules.channels import IncidentChannels
from bot.incidents.rules.requests import NoSuchIncident
from bot.incidents.rules.visibility import IncidentReader
from bot.model.incident import Incident
from bot.ports.context import RequestContext
from commands.alerts.operations import AlertShow
from commands.incidents.operations import IncidentList, IncidentResolve, IncidentShow
from commands.model.report import Report


@dataclass(frozen=True)
class IncidentHandlers:
    """Handlers of incidents. `changes` has the current states of the changes that were requested in an incident."""

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    changes: ChangeLifecycle
    resolver: IncidentResolver
    now: Callable[[], datetime]

    async def list_incidents(self, operation: IncidentList, context: RequestContext) -> Report:
        """Shows the incident of this channel and names the other open ones; elsewhere lists all."""
        here = await self.incidents.find_open_in(context.channel)
        reader = make_reader(operation, context)
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

    async def list_of_alert(self, operation: AlertShow, context: RequestContext) -> tuple[Incident, ...]:
        """Lists the incidents of an alert that the requester may know of."""
        if isinstance(context.judge_on(IncidentList, ()), Refusal):
            return ()
        found = await self.incidents.look_up_privacy(await self.incidents.list_of_alert(operation.number), self.channels)
        return tuple(filter(make_reader(operation, context).may_see, found))

    async def show(self, operation: IncidentShow, context: RequestContext) -> Report:
        """Shows the timeline of an incident, as far as the requester may see its entries; by its number also that of a
        duplicate.
        """
        reader = make_reader(operation, context)
        if operation.number:
            incident = await self.incidents.find_visible(operation.number, reader, self.channels)
        else:
            incident = await self.incidents.find_current(0, reader, self.channels)
        newest = await self.incidents.read_timeline(incident.number, MAX_SHOWN_ENTRIES)
        visible = tuple(filter(make_own_sight(context).may_see, newest))
        answers, _ = await self.incidents.read_entries(incident.number)
        timeline = Timeline(
            incident,
            visible,
            older=await self.incidents.count_timeline(incident.number) - len(newest),
            withheld=len(newest) - len(visible),
            answers={each.operation: each for each in answers},
            states=await self.changes.find_states(find_operations(visible)),
            other=await self._find_other(incident, reader),
        )
        return compose_timeline(timeline, context.channel, self.now())

    async def _find_other(self, incident: Incident, reader: IncidentReader) -> Incident | None:
        """Finds the incident into which a duplicate was merged; None for one that the reader may not see."""
        if not incident.duplicate_of:
            return None
        try:
            return await self.incidents.find_visible(incident.duplicate_of, reader, self.channels)
        except NoSuchIncident:
            return None

    async def resolve(self, operation: IncidentResolve, context: RequestContext) -> Report:
        """Resolves an incident. Its channel gets a message even if the requester resolves it elsewhere."""
        resolution = await self.resolver.resolve(operation, context)
        incident, late = resolution.incident, describe_late_obstacles(resolution.late, resolution.incident.number)
        ended = reports.report_resolution(incident, self.now())
        if operation.here and context.channel == incident.channel:
            return ended.model_copy(update={"sections": (*ended.sections, *reports.list_left_to_do(*late))})
        report = reports.report_incident(incident, context.channel, self.now())
        if incident.channel:
            message = make_channel_message(incident, operation, ended, context)
            why = await try_to_announce(self.channels, message)
            if why is not None:
                line = Phrase("could not post in the incident channel: {why}. Let people there know it is resolved", why=why)
                late = (*late, line)
        return report.model_copy(update={"sections": reports.list_left_to_do(*late)})
