"""Readers of answers about incidents, the hosts on which their rights are judged, and messages in its channel.

Sight of the readers of a timeline: which of its entries all of them may see, in an answer or a report.

one requester ─ their own rights, in the channel of the request ─┐
a channel ─ the rights that all who may read there have ─────────┴▶ TimelineSight
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapters.errors import FlatnetError, RequestError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.policy import Actor, Permit, Policy, make_actor
from bot.incidents.rules.channels import IncidentChannels
from bot.incidents.rules.visibility import IncidentReader
from bot.model.announcement import Announcement
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.model.request import Answer, Surface, derive_operation_id
from bot.ports.context import RequestContext
from commands.alerts.operations import AlertShow
from commands.changes.operations import OperationShow
from commands.health.operation import Health
from commands.language.grammar import parse_operation, render_operation
from commands.model.operation import Catalogue, Operation, OwnOperation, Role
from commands.model.report import Report
from commands.values.normalize import normalize_text


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


_OPERATIONS: dict[EntryKind, type[Operation]] = {EntryKind.ALERT: AlertShow, EntryKind.CHANGE: OperationShow}
"""Operation whose right on the hosts of an entry shows it. All others need that of `health`."""

_MEMBER = Actor("", frozenset({Role.VIEWER}), "member")
"""A member of the workspace without a role of their own: every one may be in a channel."""


@dataclass(frozen=True)
class TimelineSight:
    """Sight of some readers. `may_request` judges a command, `may_read` an operation on hosts, each question once."""

    inventory: Inventory
    may_request: Callable[[str], bool]
    may_read: Callable[[type[Operation], Sequence[Host]], bool]
    _judged: dict[tuple[str, ...], bool] = field(default_factory=dict)

    def may_see(self, entry: TimelineEntry) -> bool:
        """Returns whether all readers may see an entry. One that is about no host is for all readers of the incident,
        unless it is a move of an alert or of a change: those need their right in any case.
        """
        if entry.kind is EntryKind.LOOK:
            return self._remember(("words", entry.words), lambda: self.may_request(entry.words))
        if not entry.hosts and entry.kind not in _OPERATIONS:
            return True
        return self._judge_hosts(_OPERATIONS.get(entry.kind, Health), entry.hosts)

    def may_see_alerts(self, host: str) -> bool:
        """Returns whether all readers may see the alerts of a host."""
        return self._judge_hosts(AlertShow, (host,))

    def _judge_hosts(self, operation: type[Operation], names: tuple[str, ...]) -> bool:
        key = (*operation.words, *names)
        return self._remember(key, lambda: self.may_read(operation, find_named_hosts(names, self.inventory)))

    def _remember(self, key: tuple[str, ...], judge: Callable[[], bool]) -> bool:
        if key not in self._judged:
            self._judged[key] = judge()
        return self._judged[key]


def make_own_sight(context: RequestContext) -> TimelineSight:
    """Makes the sight of one requester."""
    return TimelineSight(
        context.inventory,
        context.authorizer.may_see,
        lambda operation, hosts: isinstance(context.judge_on(operation, hosts), Permit),
    )


def make_shared_sight(policy: Policy, inventory: Inventory, catalogue: Catalogue, place: str) -> TimelineSight:
    """Makes the sight of everyone who may read a channel.

    Members of the workspace can join it, and configured people may have other grants than members. So all of them are
    judged, whoever is in the channel now.
    """
    readers = (_MEMBER, *map(make_actor, policy.people))

    def may_request(words: str) -> bool:
        try:
            operation = parse_operation(normalize_text(words), catalogue, catalogue)
        except FlatnetError:
            return False
        try:
            hosts = operation.resolve_hosts(inventory)
        except RequestError:
            hosts = inventory.hosts
        return all(isinstance(policy.judge_request(reader, operation, hosts, place), Permit) for reader in readers)

    def may_read(operation: type[Operation], hosts: Sequence[Host]) -> bool:
        return all(isinstance(policy.judge(reader, operation, hosts, place), Permit) for reader in readers)

    return TimelineSight(inventory, may_request, may_read)
