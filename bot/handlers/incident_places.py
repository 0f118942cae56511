"""Readers of answers about incidents, the hosts on which their rights are judged, and messages in its channel."""

from collections.abc import Sequence

from adapters.errors import FlatnetError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.handlers.context import RequestContext
from bot.incidents.channels import IncidentChannels
from bot.incidents.privacy import IncidentReader
from bot.model.announcement import Announcement
from bot.model.incident import Incident, IncidentState
from bot.model.request import Answer, Surface, derive_operation_id
from commands.language.grammar import render_operation
from commands.model.operation import OwnOperation
from commands.model.report import Report


def make_reader(operation: OwnOperation, context: RequestContext) -> IncidentReader:
    """Makes the reader of the answer to a request."""
    requester = context.requester
    in_public = requester.answered_in_public or operation.here
    movable = requester.surface is Surface.SCHEDULE
    return IncidentReader(context.actor, requester.actor.roles, context.channel, in_public, movable)


def find_named_hosts(names: Sequence[str], inventory: Inventory) -> tuple[Host, ...]:
    """Finds the hosts of these names on which a right is judged; all hosts if one has left the configuration."""
    found = [host for name in names if (host := inventory.find_host(name)) is not None]
    return inventory.hosts if len(found) < len(set(names)) else tuple(found)


def sort_resolved(incidents: Sequence[Incident]) -> tuple[Incident, ...]:
    """Sorts the resolved ones of incidents by their end, the newest first."""
    ended = [each for each in incidents if each.state is IncidentState.RESOLVED]
    return tuple(sorted(ended, key=lambda each: (each.resolved_at or each.opened_at, each.number), reverse=True))


def make_channel_message(
    incident: Incident, operation: OwnOperation, report: Report, context: RequestContext
) -> Announcement:
    """Makes the message of a report in an incident's channel. The same request makes the same message."""
    name = derive_operation_id(f"{context.operation} in its channel")
    said = Answer(operation=name, understood=render_operation(operation), body=report)
    return Announcement(name, incident.channel, said, private=incident.private is not False)


async def try_to_announce(channels: IncidentChannels, message: Announcement) -> Phrase | None:
    """Announces a message. Returns the reason if that failed; the incident stays as it is."""
    try:
        await channels.announce(message)
    except FlatnetError as error:
        return error.phrase
    return None
