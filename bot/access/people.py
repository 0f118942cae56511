"""Configured people and user groups: identities, and the roles that they give."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from bot.access.rules import PersonName, Roles
from commands.model.operation import Role

SlackId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]
GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
SystemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$")]

Mention = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9_.-]{0,62}|S[A-Z0-9]{2,20})$")]
"""Name of a configured person, or the id of a Slack user group. Names are in lower case, ids are not."""


class Person(BaseModel):
    """One configured person: their Slack ids and operating-system users are one and the same actor."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: PersonName
    slack: tuple[SlackId, ...] = ()
    system: tuple[SystemName, ...] = ()
    roles: frozenset[Role] = frozenset({Role.VIEWER})

    @property
    def reachable(self) -> bool:
        """True if there is an identity by which this person can be recognized."""
        return bool(self.slack or self.system)


class UserGroup(BaseModel):
    """One Slack user group: its members, according to Slack, have these roles, too."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    slack: GroupId
    roles: Roles


def is_group(name: str) -> bool:
    """Return whether a name is the id of a user group. Names of people are lower case."""
    return name.startswith("S")
