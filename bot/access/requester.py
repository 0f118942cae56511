"""The requester of a change: identity, actor and place."""

from dataclasses import dataclass

from adapters.phrase import Phrase
from bot.access.policy import Actor
from bot.access.rules import find_place
from bot.model.change import TERMINAL_SURFACES
from bot.model.request import Identity, Surface, SystemIdentity


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
    def uses_terminal(self) -> bool:
        """True if the operating system identified the person, not Slack."""
        return isinstance(self.identity, SystemIdentity) and self.surface.value in TERMINAL_SURFACES

    @property
    def decision_surface(self) -> str:
        """The surface of a decision, as it is recorded: a terminal only where the operating system identified the person."""
        return self.surface.value if self.uses_terminal else Surface.SLACK.value

    @property
    def place(self) -> str:
        """The place of the request, as grants name places."""
        return find_place(self.surface, self.channel)
