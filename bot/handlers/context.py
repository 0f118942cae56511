"""Request context: what describes one request to a handler.

per process        services, handed to each handler when it is built (`bot.handlers.registry`)
per configuration  `ActiveConfig`
per request        `RequestContext`, which holds the configuration that the request began with
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.errors import Refused
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.policy import Go, Verdict
from bot.access.requester import By
from bot.config.active_config import ActiveConfig
from bot.model.change import Change
from bot.model.request import BotIdentity, Failure
from commands.model.operation import Catalogue, Operation, View
from commands.model.report import Report

Body = Report | Change


class NobodyRuns(Refused):
    """A change was asked for where no bot runs that could carry it out."""

    @classmethod
    def here(cls) -> "NobodyRuns":
        return cls(Phrase("no bot runs here, so nothing can be changed; start it with flatnet-bot run, then ask again"))


class WordsJudge(Protocol):
    """Judges other words than those of the request, on behalf of the same requester (`bot.requests.authorization`)."""

    def may_see(self, words: str) -> bool:
        """Whether the requester may see, where they ask, what was answered to these words."""

    def interpret_scheduled(self, words: str, channel: str) -> Operation | Failure:
        """The operation that these words name when a schedule of the requester asks for them in a channel."""


@dataclass(frozen=True)
class RequestContext:
    """One request.

    `operation` is its id. `at` is when it arrived, the same on every attempt. `permitted` is what the requester may ask
    for somewhere, of some host: it is for help alone. What an answer may tell is decided by `may`.
    """

    operation: str
    requester: By
    at: datetime
    permitted: Catalogue
    config: ActiveConfig
    view: View
    words: WordsJudge

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
        """The policy's verdict on an operation that the same requester would ask for here."""
        return self.judge_on(type(operation), operation.hosts(self.inventory))

    def judge_on(self, operation: type[Operation], hosts: Sequence[Host]) -> Verdict:
        """The same for an operation on these hosts. What the bot asks by itself is asked in no place."""
        place = None if isinstance(self.requester.identity, BotIdentity) else self.requester.place
        return self.config.policy.judge(self.requester.actor, operation, hosts, place)

    def may(self, operation: Operation) -> bool:
        """Whether that verdict allows it: an answer tells nothing that is withheld under its own name."""
        return isinstance(self.judge(operation), Go)
