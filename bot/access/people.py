"""Configured people and user groups: identities, and the roles that they give.

Contacts: people to ask for what an actor may not do themselves. Pure.

They are named in answers to members, without a mention: an answer must not notify people who have nothing to do with it.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from adapters.phrase import Phrase
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


MAX_NAMED = 3
"""Maximum number of people in a sentence; more are counted."""

RolesJudge = Callable[[frozenset[Role]], bool]
"""Judge of roles: whether a person who has them may do it."""


def describe_contacts(people: Iterable[Person], groups: Sequence[UserGroup], may: RolesJudge) -> Phrase | None:
    """Describe the people to ask: `kenji or alice`. None if there are none.

    The members of user groups are unknown here. If only these may do it, their roles are named.
    """
    names = tuple(person.name for person in people if person.reachable and may(person.roles))
    if names:
        return list_alternatives(names)
    lent = {role for group in groups for role in group.roles if may(frozenset({role}))}
    return name_roles(lent) if lent else None


def name_roles(roles: Iterable[Role]) -> Phrase:
    """Name people by the roles that they must have, for their names are unknown here."""
    return Phrase("a person with the role {roles}", roles=list_alternatives(sorted(roles)))


def list_alternatives(names: Sequence[str]) -> Phrase:
    """List names as alternatives: `a, b or c`. If there are more than `MAX_NAMED`, the others are counted."""
    if len(names) > MAX_NAMED:
        return Phrase("{people} and {n} more", people=_join(names[:MAX_NAMED]), n=len(names) - MAX_NAMED)
    return Phrase("{before} or {item}", before=_join(names[:-1]), item=names[-1]) if len(names) > 1 else _join(names)


def _join(names: Sequence[str]) -> Phrase:
    """Join names with commas. The last separator is the caller's."""
    first = Phrase("{text}", text=names[0])
    return reduce(lambda before, name: Phrase("{before}, {item}", before=before, item=name), names[1:], first)
