"""Request context: what describes one request to a handler.

per process        services, handed to each handler when it is built (`bot.requests.handler_registry`)
per configuration  `ActiveConfig`
per request        `RequestContext`, which holds the configuration that the request began with
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from adapters.errors import Refused
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.policy import Permit, Verdict
from bot.access.requester import Requester
from bot.config.active_config import ActiveConfig
from bot.model.change import Change
from bot.model.incident import QuotedMessage
from bot.model.request import BotIdentity, Failure
from commands.model.operation import Catalogue, FleetView, Operation
from commands.model.report import Report


class ChannelNames(Protocol):
    """Names of Slack's channels (`bot.slack.directory.channels`)."""

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """Return the names of the channels that are known: `#ops`, or "" of a private one."""


Body = Report | Change


class NoBotRunning(Refused):
    """A change was requested, and no running bot could carry it out."""

    @classmethod
    def for_this_process(cls) -> "NoBotRunning":
        return cls(
            Phrase("no bot is running here, so nothing can be changed. Start it with flatnet-bot run, then try again")
        )


class CommandAuthorizer(Protocol):
    """Authorizes commands other than that of the request, on behalf of the same requester (`bot.requests.authorization`)."""

    def may_see(self, words: str) -> bool:
        """Returns whether the requester may see the answer to these words in the channel of the request."""

    def interpret_scheduled(self, words: str, channel: str) -> Operation | Failure:
        """Parses these words as a schedule of the requester would request them in a channel."""


@dataclass(frozen=True)
class RequestContext:
    """One request.

    `operation` is its id. `at` is when it arrived, the same on every attempt. `zone` is that of the requester's clock.
    `permitted` are the operations that the requester may request somewhere, for some host: for help alone. `may_request`
    decides what an answer may show. `quoted` is the message that it makes a note of, None for a typed request.
    """

    operation: str
    requester: Requester
    at: datetime
    zone: tzinfo
    permitted: Catalogue
    config: ActiveConfig
    view: FleetView
    authorizer: CommandAuthorizer
    quoted: QuotedMessage | None = None

    @property
    def actor(self) -> str:
        """The name of the actor on whose behalf the request is made."""
        return self.requester.actor.name

    @property
    def channel(self) -> str:
        """The channel of the request, "" outside of channels."""
        return self.requester.channel

    @property
    def inventory(self) -> Inventory:
        """The hosts of the configuration that the request began with."""
        return self.config.inventory

    def judge(self, operation: Operation) -> Verdict:
        """Judges an operation that the same requester would request here."""
        hosts = operation.resolve_hosts(self.inventory)
        return self.config.policy.judge_request(self.requester.actor, operation, hosts, self._place)

    def judge_on(self, operation: type[Operation], hosts: Sequence[Host]) -> Verdict:
        """Judges an operation on these hosts. Requests of the bot itself have no place."""
        return self.config.policy.judge(self.requester.actor, operation, hosts, self._place)

    @property
    def _place(self) -> str | None:
        return None if isinstance(self.requester.identity, BotIdentity) else self.requester.place

    def may_request(self, operation: Operation) -> bool:
        """Returns whether the requester may request it: an answer shows nothing that its own command would withhold."""
        return isinstance(self.judge(operation), Permit)
