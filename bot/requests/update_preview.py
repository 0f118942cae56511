"""Previews an update on an incident: the same line, by the same rules, as it is announced by then. Nothing is recorded."""

from dataclasses import replace

from adapters.errors import FlatnetError
from bot.access.policy import Actor, Permit
from bot.access.rules import find_place
from bot.config.active_config import ActiveConfig
from bot.handlers.ports import IncidentRegistryPort
from bot.incidents.channels import IncidentChannels
from bot.incidents.privacy import IncidentReader
from bot.incidents.updates import describe_update, goes_to_all
from bot.model.incident import Incident
from bot.model.request import Surface
from bot.model.update_preview import UpdatePreview
from bot.reports.incident_acts import describe_audience
from commands.incidents.acts import IncidentUpdate
from commands.language.grammar import render_operation


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
    return _describe(update, incident, config) if incident.open else None


def _describe(update: IncidentUpdate, incident: Incident, config: ActiveConfig) -> UpdatePreview:
    words = render_operation(update.model_copy(update={"incident": incident.number}))
    said, announced = UpdatePreview(words, describe_update(incident, update.text)), config.incidents.announce
    if announced and goes_to_all(incident, requested=update.announce):
        return replace(said, channel=announced)
    reason, *_ = describe_audience(incident, configured=announced is not None, requested=update.announce)
    return replace(said, obstacle=reason)
