"""The requester of a change: identity, actor and place."""

from dataclasses import dataclass

from adapters.phrase import Phrase
from bot.access.policy import Actor
from bot.access.rules import find_place
from bot.model.request import Identity, Surface


@dataclass(frozen=True)
class Requester:
    """The requester with their identity, surface and channel. `answered_in_public`: all in the channel read the answer.

    `on_behalf`: the bot asks on their behalf, for a change that they requested earlier; the sentence tells approvers why.
    """

    actor: Actor
    identity: Identity
    surface: Surface
    channel: str
    answered_in_public: bool = False
    on_behalf: Phrase | None = None

    @property
    def place(self) -> str:
        """The place of the request, as grants name places."""
        return find_place(self.surface, self.channel)
