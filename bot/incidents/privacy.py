"""Privacy of incidents: one in a private channel is shown to its opener, administrators and the security role alone.

channel ─ is it private? ─▶ stored with the incident; unknown counts as private. What is not private is asked again when it
                            is needed, because a channel can be made private later
incident, reader ─ may_see (pure) ─▶ shown, or as if it did not exist
"""

from collections.abc import Set
from dataclasses import dataclass

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
        """Returns whether the reader may know of an incident. Everyone in its own channel may."""
        if incident.private is False or (incident.channel == self.channel and not self.movable):
            return True
        return not self.in_public and (incident.opened_by == self.name or bool(self.roles & SEEING_ROLES))
