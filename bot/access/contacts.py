"""Contacts: people to ask for what an actor may not do themselves. Pure.

They are named in answers to members, without a mention: an answer must not notify people who have nothing to do with it.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

from adapters.phrase import Phrase
from bot.access.people import Person, UserGroup
from commands.model.operation import Role

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
