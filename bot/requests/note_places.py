"""Note places: the incidents to which a person may add a message of Slack as a note.

channel with an incident that is worked on ─▶ that one alone
elsewhere ──────────────────────────────────▶ all that the person may see, if they may add notes
again after a crash, noted before ──────────▶ the incident that has the note, whatever was opened or resolved since

The request itself is judged by the dispatcher.
"""

from dataclasses import dataclass

from bot.access.policy import Permit, Refusal
from bot.access.rules import find_place
from bot.config.active_config import ActiveConfig
from bot.handlers.ports import IncidentRegistryPort
from bot.incidents.channels import IncidentChannels
from bot.incidents.privacy import IncidentReader
from bot.model.incident import Incident
from bot.model.request import SlackIdentity, Surface
from commands.incidents.acts import IncidentNote


@dataclass(frozen=True)
class NotePlaces:
    """Finds incidents for a note. `config` is the one that the request begins with."""

    incidents: IncidentRegistryPort
    channels: IncidentChannels
    config: ActiveConfig

    async def find(self, identity: SlackIdentity, channel: str, operation: str) -> tuple[Incident, ...]:
        """Finds the incidents for a note of this person; none for one without standing. May raise a `DatabaseError`."""
        policy = self.config.policy
        actor = policy.identify(identity)
        if isinstance(actor, Refusal):
            return ()
        if (acted := await self.incidents.find_acted(operation)) is not None:
            return (acted,)
        reader = IncidentReader(actor.name, actor.roles, channel)
        working = await self.incidents.look_up_privacy(await self.incidents.list_working(), self.channels)
        found = tuple(each for each in working if reader.may_see(each))
        here = tuple(each for each in found if each.channel == channel)
        verdict = policy.judge(actor, IncidentNote, (), find_place(Surface.SLACK, channel))
        return here or (found if isinstance(verdict, Permit) else ())

    def name_author(self, user: str) -> str:
        """Returns the configured name of a person by their Slack id; "" without one."""
        return next((person.name for person in self.config.policy.people if user in person.slack), "")
