"""Readers of answers about incidents, and the hosts on which their rights are judged."""

from collections.abc import Sequence

from adapters.inventory import Host, Inventory
from bot.handlers.context import RequestContext
from bot.incidents.privacy import IncidentReader
from bot.model.request import Surface
from commands.model.operation import OwnOperation


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
