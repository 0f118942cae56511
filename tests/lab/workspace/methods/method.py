"""What a Web API method is here: a plain function on the workspace's rooms, with what Slack asks of its caller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.manifest import Manifest
from tests.lab.workspace.rates import Rates, Tier
from tests.lab.workspace.seed import BOT_USER, Channel
from tests.lab.workspace.state import State
from tests.lab.workspace.tokens import Holder
from tests.lab.workspace.triggers import Triggers
from tests.lab.workspace.uploads import Uploads
from tests.lab.workspace.views import Views


class TooFast(Exception):
    """A call came too soon; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Rooms:
    """What the methods work on. `socket_url` makes the address for one WebSocket.

    `sharing_delay` is the number of questions after which a completed file is shared: 0 at once, None never.
    """

    state: State
    manifest: Manifest
    rates: Rates
    uploads: Uploads
    triggers: Triggers
    views: Views
    socket_url: Callable[[], str]
    sharing_delay: Callable[[], int | None]

    def require(self, scope: str) -> None:
        """Refuse unless the app was installed with this scope."""
        if scope not in self.manifest.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self.manifest.scopes)))

    def channel(self, name: str) -> Channel:
        """A channel that the bot can know of: any public one, private ones where it is a member."""
        channel = self.state.channel(name)
        if channel is None or (channel.private and BOT_USER not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def joined(self, name: str) -> Channel:
        """A channel where the bot is a member."""
        channel = self.channel(name)
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def thread(self, channel: str, ts: str | None) -> str | None:
        """The thread to answer in; one of another channel is refused here, for Slack does not document what it does."""
        if ts and self.state.find(channel, ts) is None and not self.state.replies(channel, ts):
            raise SlackError("thread_not_found")
        return ts


@dataclass(frozen=True)
class Method:
    """One method. `scope` None: none is needed, or the method itself knows which (`Rooms.require`)."""

    name: str
    handle: Callable[[Rooms, Arguments], dict[str, Any]]
    tier: Tier
    scope: str | None = None
    holder: Holder = Holder.BOT
