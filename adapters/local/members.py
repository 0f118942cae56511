"""Announcement of a new member in the channel of the notices, as a step of a plan."""

from adapters.action import Effect
from adapters.inventory import HostName
from adapters.local.action import LocalAction
from adapters.local.host_files import OperationId
from adapters.value import Value


class MemberAnnounced(Value):
    """`announced`: the message is in the outbox, from which it is posted as soon as Slack takes it."""

    announced: bool


class AnnounceMember(LocalAction[MemberAnnounced]):
    """Announces that a host is a member now. Once for each operation."""

    effect = Effect.CHANGE

    operation: OperationId
    name: HostName
