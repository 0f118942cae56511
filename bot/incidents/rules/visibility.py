"""Privacy of incidents: one of a private channel or direct message is shown elsewhere only to people who belong to it.

These are its opener, its lead, those who were invited, administrators and the security role. In its channel all see it.

channel ─ is it private? ─▶ stored with the incident; unknown counts as private. What is not private is asked again when it
                            is needed, because a channel can be made private later; what was private stays private
incident, reader ─ may_see (pure) ─▶ shown, or as if it did not exist
"""

from collections.abc import Set
from dataclasses import dataclass

from bot.access.rules import is_channel
from bot.model.incident import Incident
from commands.model.operation import Role

SEEING_ROLES = frozenset({Role.ADMINISTRATOR, Role.SECURITY})
"""Roles that see all incidents."""


@dataclass(frozen=True)
class IncidentReader:
    """The reader of an answer about incidents. `in_public`: others in the channel read the answer, too.

    `movable`: the answer is posted elsewhere if the channel refuses it, as that of a schedule is.
    """

    name: str
    roles: Set[Role]
    channel: str
    in_public: bool = False
    movable: bool = False

    @property
    def sees_all(self) -> bool:
        """True if no incident is hidden from the reader."""
        return not self.in_public and bool(self.roles & SEEING_ROLES)

    def may_see(self, incident: Incident) -> bool:
        """Returns whether the reader may know of an incident. Everyone in its own channel may.

        One without a channel is nowhere at home. A reader without a name belongs to none.
        """
        at_home = incident.channel != "" and incident.channel == self.channel and not self.movable
        if incident.private is False or at_home:
            return True
        return not self.in_public and (self._belongs_to(incident) or bool(self.roles & SEEING_ROLES))

    def _belongs_to(self, incident: Incident) -> bool:
        return self.name != "" and self.name in (incident.opened_by, incident.lead, *incident.invited)


def find_shown_place(incident: Incident, channel: str) -> str:
    """Finds the channel in which the bot speaks of an incident by itself: its own, or `channel` for a public one without.

    A private one without a channel has none, "". An announcement to no channel goes to administrators, who may read it.
    """
    if is_channel(incident.channel):
        return incident.channel
    return channel if incident.private is False else ""
