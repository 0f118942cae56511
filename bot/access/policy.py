"""Who may ask for what, and who must approve it: identities become actors, actors and operations become verdicts.

identity ─ configured person ──────────────▶ actor with that person's roles, and those of their user groups
         ├ another member of our workspace ─▶ actor, a viewer, with the roles of their user groups
         ├ the bot itself ──────────────────▶ actor with every role; it asks what is built in, which only looks
         └ guest, stranger, unknown ────────▶ Refuse
actor + operation, hosts, place ─ grants, else the operation's own roles ─▶ Go | Refuse
actor + risk, hosts ─ all approval rules that count ─▶ AskFirst | Refuse, where there are not enough people
actor + approval, or broken glass ─▶ Go | Refuse: never the requester, under whatever name

Default deny.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from bot.access.rules import ApprovalRule, Approvals, Grant, PersonName, Roles, places
from bot.model.change import Approval
from bot.model.request import BotIdentity, Identity, SlackIdentity, Standing, SystemIdentity
from commands.model.operation import Operation, Risk, Role

BREAK_GLASS = "--break-glass"

BOT = "flatnet-bot"
"""The bot as an actor: it asks what is built in, and only looks."""

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

    @property
    def reachable(self) -> bool:
        """Whether there is an identity by which this person can ever be known."""
        return bool(self.slack or self.system)


class Group(BaseModel):
    """One Slack user group: who is in it, by Slack's word, has these roles, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slack: GroupId
    roles: Roles


@dataclass(frozen=True)
class Actor:
    """On whose behalf something is done. `rule` says where the roles come from; `lent` are those of a user group alone.
    `built_in`: nobody's, for the bot asks by itself."""

    name: str
    roles: frozenset[Role]
    rule: str
    lent: Mapping[Role, str] = field(default_factory=dict)
    built_in: bool = False


@dataclass(frozen=True)
class Go:
    """Allowed; `rule` names what allowed it, for the audit."""

    rule: str


@dataclass(frozen=True)
class Refuse:
    """Not allowed: `rule` for the audit, `reason` for the person, with what to do next."""

    rule: str
    reason: Phrase


@dataclass(frozen=True)
class AskFirst:
    """Allowed once `needed` other people have approved, within `lifetime`; `rule` names the rule for the audit.

    `may` are the people who may approve, by name, `groups` the Slack user groups whose members may, too, and `roles`
    what makes them approvers; `ping` are the Slack ids of those to notify.
    """

    rule: str
    needed: int
    may: tuple[str, ...]
    groups: tuple[str, ...]
    ping: tuple[str, ...]
    lifetime: timedelta
    roles: tuple[Role, ...]


Verdict = Go | Refuse


@dataclass(frozen=True)
class Policy:
    """The configured people and user groups, what is granted to whom, and how changes are approved.

    No two people share a Slack id or an operating-system user, and no two groups an id (`bot.config.settings` sees to it).
    """

    people: tuple[Person, ...] = ()
    groups: tuple[Group, ...] = ()
    grants: tuple[Grant, ...] = ()
    approvals: Approvals = field(default_factory=Approvals)

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
            case BotIdentity(name=name):
                return Actor(BOT, frozenset(Role), f"built-in schedule {name}", built_in=True)

    def judge(
        self, actor: Actor, operation: type[Operation], hosts: Sequence[Host] = (), place: str | None = None
    ) -> Verdict:
        """Whether this actor may ask for this operation, on every one of the hosts, in that place
        (`bot.access.rules.place_of`), and for all that its answer includes: what is narrowed by itself is not to be had
        by another name.

        `place` is None where it is not known yet. Without hosts, labels narrow nothing. What the bot asks by itself is for
        whoever reads its channel, so nobody's grants narrow what that includes.
        """
        verdict = self._judged(actor, operation, hosts, place)
        if isinstance(verdict, Refuse) or actor.built_in:
            return verdict
        parts = ((part, self._judged(actor, part, hosts, place)) for part in operation.includes)
        refused = (_included(operation, part, refuse) for part, refuse in parts if isinstance(refuse, Refuse))
        return next(refused, verdict)

    def _judged(self, actor: Actor, operation: type[Operation], hosts: Sequence[Host], place: str | None) -> Verdict:
        """The same of the operation alone."""
        granted = self.granted(operation)
        fitting = [(name, grant) for name, grant in granted if actor.roles & grant.roles]
        if not fitting:
            needed = frozenset(role for _, grant in granted for role in grant.roles)
            return Refuse("role", _lacks_role(operation, needed, actor))
        heard = [(name, grant) for name, grant in fitting if grant.heard_in(place)]
        if not heard:
            return Refuse("channel", _elsewhere(operation, [grant for _, grant in fitting]))
        strange = tuple(host for host in hosts if not any(grant.covers(host) for _, grant in heard))
        if strange:
            return Refuse("label", _other_hosts(operation, strange, [grant for _, grant in heard]))
        used = heard[:1] if not hosts else [next(each for each in heard if each[1].covers(host)) for host in hosts]
        return Go("; ".join(dict.fromkeys(_rule(actor, name, grant) for name, grant in used)))

    def granted(self, operation: type[Operation]) -> tuple[tuple[str, Grant], ...]:
        """The grants of an operation by the names that they have in the configuration; else its own roles, namelessly."""
        listed = tuple((f"grants[{place}]", grant) for place, grant in enumerate(self.grants, start=1))
        usual = Grant(operations=(" ".join(operation.words),), roles=operation.roles)
        return tuple((name, grant) for name, grant in listed if grant.names(operation)) or (("", usual),)

    def permitted(self, actor: Actor, catalogue: Sequence[type[Operation]]) -> tuple[type[Operation], ...]:
        """What this actor may ask for, somewhere and of some host: help and suggestions show nothing else."""
        return tuple(operation for operation in catalogue if isinstance(self.judge(actor, operation), Go))

    def approval(self, actor: Actor, risk: Risk, hosts: Sequence[Host]) -> AskFirst | Refuse:
        """Who must approve a change by this actor on those hosts; a refusal where there can never be enough of them."""
        name, rule = self.approvals.rule(risk, hosts)
        if not rule.roles:
            return Refuse(f"{name}: no common role", _APART)
        may, groups = self.approvers(actor, rule)
        if len(may) < rule.approvers and not groups:
            return Refuse(f"{name}: {len(may)} of {rule.approvers}", self._too_few(actor, rule, may))
        pinged = (person for person in self.people if person.name in rule.ping and person.name != actor.name)
        return AskFirst(
            rule=f"{name}: {risk.name.lower()} needs {rule.approvers}",
            needed=rule.approvers,
            may=may,
            groups=groups,
            ping=tuple(person.slack[0] for person in pinged if person.slack),
            lifetime=self.approvals.expire,
            roles=tuple(sorted(rule.roles)),
        )

    def alarmed(self, actor: Actor, risk: Risk, hosts: Sequence[Host]) -> tuple[str, ...]:
        """Who is told at once where the actor goes without approval: the Slack ids of everybody who could have approved."""
        people, groups = self.approvers(actor, self._overseers(risk, hosts))
        named = (person.slack[0] for person in self.people if person.name in people and person.slack)
        return (*named, *groups)

    def approvers(self, actor: Actor, rule: ApprovalRule) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who but the actor may approve by a rule: people by name, and user groups of whose members nobody knows here."""
        others = (person for person in self.people if person.reachable and person.name != actor.name)
        people = tuple(person.name for person in others if person.roles & rule.roles)
        return people, tuple(group.slack for group in self.groups if group.roles & rule.roles)

    def may_approve(self, actor: Actor, approval: Approval, requester: str) -> Go | Refuse:
        """Whether this actor may approve what `requester` asked for: by today's roles, and never their own request.

        Where they do so is not asked: the card stands where the configuration has it, or in a direct message.
        """
        if self.asked_as(actor, requester):
            return Refuse("own request", Phrase("nobody approves their own request; it waits for somebody else"))
        lacking = Phrase(
            "approving this needs one of the roles {needed}, and you have {roles}; it waits for somebody who has one",
            needed=Listing(approval.roles),
            roles=_listed(actor.roles),
        )
        return _one_of(actor, frozenset(approval.roles), lacking)

    def may_review(self, actor: Actor, risk: Risk, hosts: Sequence[Host], requester: str) -> Go | Refuse:
        """Whether this actor may review what `requester` did without approval: if they could approve it by today's rules."""
        if self.asked_as(actor, requester):
            return Refuse("own request", Phrase("whoever broke the glass does not review it; ask somebody else"))
        needed = self._overseers(risk, hosts).roles
        lacking = Phrase(
            "reviewing this needs one of the roles {needed}, and you have {roles}; it waits for somebody who has one",
            needed=_listed(needed),
            roles=_listed(actor.roles),
        )
        return _one_of(actor, needed, lacking)

    def may_break_glass(self, actor: Actor) -> Go | Refuse:
        """Whether this actor may do without approvals."""
        if Role.ADMINISTRATOR in actor.roles:
            return Go(_role(actor, frozenset({Role.ADMINISTRATOR})))
        phrase = Phrase(
            "only an administrator may go without approval; leave {option} out, and it waits for approval",
            option=BREAK_GLASS,
        )
        return Refuse("break-glass", phrase)

    def _too_few(self, actor: Actor, rule: ApprovalRule, may: tuple[str, ...]) -> Phrase:
        """Why there can never be enough approvers, with the mend."""
        why = Phrase(
            "this needs approval by {n} other person with one of the roles {roles}, and there is {may}; "
            "an administrator gives somebody the role under [[people]], or asks for fewer under [[approvals.rules]]",
            plural="this needs approval by {n} other people with one of the roles {roles}, and there is {may}; "
            "an administrator gives somebody the role under [[people]], or asks for fewer under [[approvals.rules]]",
            n=rule.approvers,
            roles=_listed(rule.roles),
            may=Phrase("only {people}", people=Listing(may)) if may else Phrase("nobody"),
        )
        if isinstance(self.may_break_glass(actor), Refuse):
            return why
        return Phrase(
            "{why}; in an emergency {option} with a reason goes without, and everybody is told", why=why, option=BREAK_GLASS
        )

    def asked_as(self, actor: Actor, name: str) -> bool:
        """Whether that is this actor, also by the Slack id under which they asked before they were configured."""
        ids = [user for person in self.people if person.name == actor.name for user in person.slack]
        return name == actor.name or (name.startswith("slack:") and name.partition("/")[2] in ids)

    def called(self, identity: Identity, name: str) -> str:
        """How who asked as `name`, by that identity, is called now; the same name where no person is known for it."""
        person = self._person(identity)
        return name if person is None else person.name

    def _overseers(self, risk: Risk, hosts: Sequence[Host]) -> ApprovalRule:
        """Who could approve; where the hosts' rules have no common role, so that nobody could, who looks after the bot."""
        rule = self.approvals.rule(risk, hosts)[1]
        return rule if rule.roles else rule.model_copy(update={"roles": _KEEPERS})

    def _person(self, identity: Identity) -> Actor | None:
        return next((acting(person) for person in self.people if _belongs(identity, person)), None)

    def _with_groups(self, actor: Actor, member_of: frozenset[str]) -> Actor:
        """The actor with what their user groups add."""
        groups = [group for group in self.groups if group.slack in member_of]
        lent = {role: group.slack for group in groups for role in sorted(group.roles - actor.roles)}
        rule = ", ".join([actor.rule, *(f"group {group.slack}" for group in groups)])
        return Actor(actor.name, actor.roles | lent.keys(), rule, lent)


def acting(person: Person) -> Actor:
    """A configured person as the actor that they are without any user group."""
    return Actor(person.name, person.roles, f"person {person.name}")


def label(identity: Identity) -> str:
    """An identity as the audit names it while no person is known for it."""
    match identity:
        case SlackIdentity(team=team, user=user):
            return f"slack:{team}/{user}"
        case SystemIdentity(name=name):
            return f"system:{name}"
        case BotIdentity(name=name):
            return f"schedule:{name}"


def _belongs(identity: Identity, person: Person) -> bool:
    match identity:
        case SlackIdentity(user=user):
            return user in person.slack
        case SystemIdentity(name=name):
            return name in person.system
        case BotIdentity():
            return False


def _rule(actor: Actor, name: str, grant: Grant) -> str:
    """What allowed it: the actor's role, and the grant where one is configured."""
    role = _role(actor, actor.roles & grant.roles)
    return f"{role} by {name}" if name else role


def _role(actor: Actor, fitting: frozenset[Role]) -> str:
    """The role that counts: one of the actor's own before one that a user group lends."""
    role = min(fitting - actor.lent.keys() or fitting)
    return f"role {role} of group {actor.lent[role]}" if role in actor.lent else f"role {role}"


def _one_of(actor: Actor, needed: frozenset[Role], lacking: Phrase) -> Go | Refuse:
    fitting = actor.roles & needed
    return Go(_role(actor, fitting)) if fitting else Refuse("approver role", lacking)


def _listed(roles: frozenset[Role]) -> Listing | Phrase:
    return Listing(tuple(sorted(roles))) if roles else Phrase("none")


def _lacks_role(operation: type[Operation], needed: frozenset[Role], actor: Actor) -> Phrase:
    return Phrase(
        "{words} needs one of the roles {needed}, and you have {roles}; ask an administrator",
        words=" ".join(operation.words),
        needed=_listed(needed),
        roles=_listed(actor.roles),
    )


def _included(operation: type[Operation], part: type[Operation], refuse: Refuse) -> Refuse:
    told = Phrase(
        "{words} tells what {part} tells: {why}",
        words=" ".join(operation.words),
        part=" ".join(part.words),
        why=refuse.reason,
    )
    return Refuse(refuse.rule, told)


def _elsewhere(operation: type[Operation], grants: Sequence[Grant]) -> Phrase:
    return Phrase(
        "{words} may be asked only in {channels}; ask there", words=" ".join(operation.words), channels=places(grants)
    )


def _other_hosts(operation: type[Operation], hosts: Sequence[Host], grants: Sequence[Grant]) -> Phrase:
    return Phrase(
        "you may ask for {words} only on hosts with one of the labels {labels}, and not on {hosts}; ask an administrator",
        words=" ".join(operation.words),
        labels=Listing(tuple(sorted({label for grant in grants for label in grant.labels}))),
        hosts=Listing(tuple(host.name for host in hosts)),
    )


def _unmapped(name: str) -> Phrase:
    return Phrase(
        "no person in the configuration has the operating-system user {user}; "
        "an administrator adds it to a person's system names",
        user=name,
    )


_APART = Phrase("the rules of those hosts have no role in common that could approve; ask for them one by one")
_KEEPERS = frozenset({Role.ADMINISTRATOR, Role.SECURITY})
_OUTSIDE = {
    Standing.GUEST: Phrase("guests may not use this bot; ask a member of the workspace to ask for you"),
    Standing.STRANGER: Phrase("only members of the bot's own workspace may use it; ask somebody there to ask for you"),
    Standing.UNKNOWN: Phrase("Slack does not say at the moment whether you belong to this workspace; try again in a minute"),
}
