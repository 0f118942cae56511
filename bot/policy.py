"""Who may ask for what: identities become actors, actors and operations become verdicts. Default deny.

identity ─ configured person ──────────────▶ actor with that person's roles, and those of their user groups
         ├ another member of our workspace ─▶ actor, a viewer, with the roles of their user groups
         └ guest, stranger, unknown ────────▶ Refuse
actor + operation ─▶ Go | Refuse
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.phrase import Listing, Phrase
from bot.request import Identity, SlackIdentity, Standing, SystemIdentity
from commands.operation import Operation, Role

PersonName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
SlackId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]
GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
SystemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$")]


class Person(BaseModel):
    """One configured person: their Slack ids and operating-system users are one and the same actor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PersonName
    slack: tuple[SlackId, ...] = ()
    system: tuple[SystemName, ...] = ()
    roles: frozenset[Role] = frozenset({Role.VIEWER})


class Group(BaseModel):
    """One Slack user group: who is in it, by Slack's word, has these roles, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slack: GroupId
    roles: Annotated[frozenset[Role], Field(min_length=1)]


@dataclass(frozen=True)
class Actor:
    """On whose behalf something is done. `rule` says where the roles come from; `lent` are those of a user group alone."""

    name: str
    roles: frozenset[Role]
    rule: str
    lent: Mapping[Role, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Go:
    """Allowed; `rule` names what allowed it, for the audit."""

    rule: str


@dataclass(frozen=True)
class Refuse:
    """Not allowed: `rule` for the audit, `reason` for the person, with what to do next."""

    rule: str
    reason: Phrase


Verdict = Go | Refuse


@dataclass(frozen=True)
class Policy:
    """The configured people and user groups.

    No two people share a Slack id or an operating-system user, and no two groups an id (`bot.config` sees to it).
    """

    people: tuple[Person, ...] = ()
    groups: tuple[Group, ...] = ()

    def identify(self, identity: Identity) -> Actor | Refuse:
        """Who that is to us."""
        match identity:
            case SlackIdentity(standing=Standing.MEMBER, user=user, groups=groups):
                member = Actor(label(identity), frozenset({Role.VIEWER}), f"member {user}")
                return self._with_groups(self._person(identity) or member, groups)
            case SlackIdentity(standing=standing):
                return Refuse(standing.value, _OUTSIDE[standing])
            case SystemIdentity(name=name):
                return self._person(identity) or Refuse("system user without a person", _unmapped(name))

    def judge(self, actor: Actor, operation: type[Operation]) -> Verdict:
        """Whether this actor may ask for this operation."""
        fitting = actor.roles & operation.roles
        if fitting:
            role = min(fitting - actor.lent.keys() or fitting)
            return Go(f"role {role} of group {actor.lent[role]}" if role in actor.lent else f"role {role}")
        return Refuse(
            "role",
            Phrase(
                "{words} needs one of the roles {needed}, and you have {roles}; ask an administrator",
                words=" ".join(operation.words),
                needed=Listing(tuple(sorted(operation.roles))),
                roles=Listing(tuple(sorted(actor.roles))) if actor.roles else Phrase("none"),
            ),
        )

    def permitted(self, actor: Actor, catalogue: Sequence[type[Operation]]) -> tuple[type[Operation], ...]:
        """What this actor may ask for: help and suggestions show nothing else."""
        return tuple(operation for operation in catalogue if isinstance(self.judge(actor, operation), Go))

    def _person(self, identity: Identity) -> Actor | None:
        for person in self.people:
            if _belongs(identity, person):
                return Actor(person.name, person.roles, f"person {person.name}")
        return None

    def _with_groups(self, actor: Actor, member_of: frozenset[str]) -> Actor:
        """The actor with what their user groups add."""
        groups = [group for group in self.groups if group.slack in member_of]
        lent = {role: group.slack for group in groups for role in sorted(group.roles - actor.roles)}
        rule = ", ".join([actor.rule, *(f"group {group.slack}" for group in groups)])
        return Actor(actor.name, actor.roles | lent.keys(), rule, lent)


def label(identity: Identity) -> str:
    """An identity as the audit names it while no person is known for it."""
    match identity:
        case SlackIdentity(team=team, user=user):
            return f"slack:{team}/{user}"
        case SystemIdentity(name=name):
            return f"system:{name}"


def _belongs(identity: Identity, person: Person) -> bool:
    match identity:
        case SlackIdentity(user=user):
            return user in person.slack
        case SystemIdentity(name=name):
            return name in person.system


def _unmapped(name: str) -> Phrase:
    return Phrase(
        "no person in the configuration has the operating-system user {user}; "
        "an administrator adds it to a person's system names",
        user=name,
    )


_OUTSIDE = {
    Standing.GUEST: Phrase("guests may not use this bot; ask a member of the workspace to ask for you"),
    Standing.STRANGER: Phrase("only members of the bot's own workspace may use it; ask somebody there to ask for you"),
    Standing.UNKNOWN: Phrase("Slack does not say at the moment whether you belong to this workspace; try again in a minute"),
}
