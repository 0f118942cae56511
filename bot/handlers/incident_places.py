"""Readers of answers about incidents, and what of a timeline each of them may see."""

from collections.abc import Callable, Sequence

from adapters.inventory import Host, Inventory
from bot.access.policy import Permit
from bot.handlers.context import RequestContext
from bot.incidents.privacy import IncidentReader
from bot.model.incident import EntryKind, TimelineEntry
from bot.model.request import Surface
from commands.bot_state.alerts import AlertShow
from commands.bot_state.changes import OperationShow
from commands.health import Health
from commands.model.operation import Operation, OwnOperation

_OPERATIONS: dict[EntryKind, type[Operation]] = {EntryKind.ALERT: AlertShow, EntryKind.CHANGE: OperationShow}
"""Operation whose right on the hosts of an entry shows it. All others need that of `health`."""


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


class EntrySight:
    """Sight of one requester: which entries of a timeline they may see. Each host and each command is judged once."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._judged: dict[tuple[str, ...], bool] = {}

    def may_see(self, entry: TimelineEntry) -> bool:
        """Returns whether the requester may see an entry. One that is about no host is for all readers of the incident,
        unless it is a move of an alert or of a change: those need their right in any case.
        """
        if entry.kind is EntryKind.LOOK:
            return self._remember(("look", entry.words), lambda: self._context.authorizer.may_see(entry.words))
        if not entry.hosts and entry.kind not in _OPERATIONS:
            return True
        return self._remember((entry.kind, *entry.hosts), lambda: self._judge_hosts(entry))

    def _judge_hosts(self, entry: TimelineEntry) -> bool:
        operation = _OPERATIONS.get(entry.kind, Health)
        return isinstance(self._context.judge_on(operation, find_named_hosts(entry.hosts, self._context.inventory)), Permit)

    def _remember(self, key: tuple[str, ...], judge: Callable[[], bool]) -> bool:
        if key not in self._judged:
            self._judged[key] = judge()
        return self._judged[key]
