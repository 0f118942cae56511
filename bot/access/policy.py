"""Access policy: identities become actors, actors and operations become verdicts.

identity ─ configured person ──────────────▶ actor with that person's roles, and those of their user groups
         ├ another member of our workspace ─▶ actor, a viewer, with the roles of their user groups
         ├ the bot itself ──────────────────▶ actor with every role; it runs built-in schedules, which only read
         └ guest, stranger, unknown ────────▶ Refusal
actor + operation, hosts, place ─ grants, else the operation's own roles ─▶ Permit | Refusal
actor + operation, hosts ─ a waiver, and no approval rule that applies ─▶ WaivedApproval
actor + risk, hosts ─ all approval rules that apply ─▶ ApprovalRequirement | Refusal, where there are not enough approvers
actor + approval, or break-glass ─▶ Permit | Refusal: never the requester, under any name

Default deny. The phrases of refusals are in `bot.access.refusals`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.people import Person, RolesJudge, UserGroup, describe_contacts
from bot.access.refusals import (
    NO_COMMON_ROLE,
    NO_SECOND_ROAD,
    NON_MEMBER_REFUSALS,
    add_break_glass_hint,
    explain_channels,
    explain_hosts,
    explain_included,
    explain_missing_approver_role,
    explain_missing_reviewer_role,
    explain_missing_role,
    explain_own_approval,
    explain_own_review,
    explain_too_few_approvers,
    explain_unmapped_user,
)
from bot.access.rules import ApprovalRequirement, ApprovalRule, ApprovalSettings, Grant, WaivedApproval
from bot.model.change import Approval
from bot.model.request import BotIdentity, Identity, Membership, SlackIdentity, SystemIdentity
from commands.model.operation import FleetChange, Operation, Risk, Role

BREAK_GLASS_OPTION = "--break-glass"

BOT_ACTOR_NAME = "flatnet-bot"
"""The bot as an actor: it runs built-in schedules, which only read."""


@dataclass(frozen=True)
class Actor:
    """The person on whose behalf an operation runs.

    `rule` names the source of the roles. `group_roles` maps each role that only a user group gives to that group.
    `built_in`: the bot itself asks, on behalf of no person.
    """

    name: str
    roles: frozenset[Role]
    rule: str
    group_roles: Mapping[Role, str] = field(default_factory=dict)
    built_in: bool = False


@dataclass(frozen=True)
class Permit:
    """Permission; `rule` names its grant or role for the audit."""

    rule: str


@dataclass(frozen=True)
class Refusal:
    """Denied permission: `rule` for the audit, `reason` for the requester, with the next step."""

    rule: str
    reason: Phrase


Verdict = Permit | Refusal


@dataclass(frozen=True)
class Policy:
    """Configured people and user groups, grants, and approval rules.

    No two people share a Slack id or an operating-system user, and no two groups an id (`bot.config.settings` checks it).
    """

    people: tuple[Person, ...] = ()
    groups: tuple[UserGroup, ...] = ()
    grants: tuple[Grant, ...] = ()
    approvals: ApprovalSettings = field(default_factory=ApprovalSettings)

    def identify(self, identity: Identity) -> Actor | Refusal:
        """Find the actor behind an identity."""
        match identity:
            case SlackIdentity(standing=Membership.MEMBER, user=user, groups=groups):
                member = Actor(format_identity(identity), frozenset({Role.VIEWER}), f"member {user}")
                return self._add_group_roles(self._find_actor(identity) or member, groups)
            case SlackIdentity(standing=standing):
                return Refusal(standing.value, NON_MEMBER_REFUSALS[standing])
            case SystemIdentity(name=name):
                return self._find_actor(identity) or Refusal("system user without a person", explain_unmapped_user(name))
            case BotIdentity(name=name):
                return Actor(BOT_ACTOR_NAME, frozenset(Role), f"built-in schedule {name}", built_in=True)

    def judge(
        self, actor: Actor, operation: type[Operation], hosts: Sequence[Host] = (), place: str | None = None
    ) -> Verdict:
        """Decide whether an actor may ask for an operation, on every one of the hosts, in that place
        (`bot.access.rules.find_place`).

        The same must hold for every operation that its answer includes: a grant that narrows one cannot be bypassed through
        another. `place` is None where it is not known yet. Without hosts, labels narrow nothing. Answers to the bot's own
        requests are for the readers of its channel, so grants do not narrow what those include.
        """
        verdict = self._judge_operation(actor, operation, hosts, place)
        if isinstance(verdict, Refusal) or actor.built_in:
            return verdict
        parts = ((part, self._judge_operation(actor, part, hosts, place)) for part in operation.includes)
        refused = (_refuse_included(operation, part, refuse) for part, refuse in parts if isinstance(refuse, Refusal))
        return next(refused, verdict)

    def judge_request(
        self, actor: Actor, operation: Operation, hosts: Sequence[Host] = (), place: str | None = None
    ) -> Verdict:
        """Decide as `judge` about one request, whose arguments may need a role that no grant replaces."""
        verdict, needed = self.judge(actor, type(operation), hosts, place), operation.needed_roles
        if isinstance(verdict, Refusal) or not needed or actor.roles & needed:
            return verdict
        contacts = self._describe_others((actor.name,), lambda roles: bool(roles & needed))
        return Refusal("role", explain_missing_role(type(operation), needed, actor.roles, contacts))

    def _judge_operation(
        self, actor: Actor, operation: type[Operation], hosts: Sequence[Host], place: str | None
    ) -> Verdict:
        """Decide about the operation alone, without those that it includes."""
        granted = self.find_grants(operation)
        fitting = [(name, grant) for name, grant in granted if actor.roles & grant.roles]
        if not fitting:
            needed = frozenset(role for _, grant in granted for role in grant.roles)
            contacts = self.describe_holders(actor, operation, hosts)
            return Refusal("role", explain_missing_role(operation, needed, actor.roles, contacts))
        heard = [(name, grant) for name, grant in fitting if grant.covers_place(place)]
        if not heard:
            return Refusal("channel", explain_channels(operation, [grant for _, grant in fitting]))
        strange = tuple(host for host in hosts if not any(grant.covers_host(host) for _, grant in heard))
        if strange:
            contacts = self.describe_holders(actor, operation, hosts)
            return Refusal("label", explain_hosts(operation, strange, [grant for _, grant in heard], contacts))
        used = heard[:1] if not hosts else [next(each for each in heard if each[1].covers_host(host)) for host in hosts]
        return Permit("; ".join(dict.fromkeys(_describe_grant(actor, name, grant) for name, grant in used)))

    def find_grants(self, operation: type[Operation]) -> tuple[tuple[str, Grant], ...]:
        """Find the grants of an operation, by their names in the configuration; else its own roles, with the name ""."""
        listed = tuple((f"grants[{place}]", grant) for place, grant in enumerate(self.grants, start=1))
        usual = Grant(operations=(" ".join(operation.words),), roles=operation.roles)
        return tuple((name, grant) for name, grant in listed if grant.covers_operation(operation)) or (("", usual),)

    def describe_holders(self, actor: Actor, operation: type[Operation], hosts: Sequence[Host]) -> Phrase | None:
        """Describe the other people who may ask for an operation on all of these hosts, in some place; None if there are
        none.
        """
        parts = [[grant for _, grant in self.find_grants(each)] for each in (operation, *operation.includes)]
        return self._describe_others((actor.name,), lambda roles: all(_allow(grants, roles, hosts) for grants in parts))

    def _describe_others(self, names: Collection[str], may: RolesJudge) -> Phrase | None:
        """Describe the people who may do something, except those with these names."""
        others = (person for person in self.people if not any(self.is_requester(make_actor(person), name) for name in names))
        return describe_contacts(others, self.groups, may)

    def list_permitted(self, actor: Actor, catalogue: Sequence[type[Operation]]) -> tuple[type[Operation], ...]:
        """List what this actor may ask for, in some place and of some host: help and suggestions show nothing else."""
        return tuple(operation for operation in catalogue if isinstance(self.judge(actor, operation), Permit))

    def assess_approval(self, actor: Actor, risk: Risk, hosts: Sequence[Host]) -> ApprovalRequirement | Refusal:
        """Find who must approve a change by this actor on those hosts; a refusal where there can never be enough of them."""
        name, rule = self.approvals.combine_rules(risk, hosts)
        if not rule.roles:
            return Refusal(f"{name}: no common role", NO_COMMON_ROLE)
        may, groups = self.find_approvers(actor, rule)
        if len(may) < rule.approvers and not groups:
            return Refusal(f"{name}: {len(may)} of {rule.approvers}", self._explain_too_few_approvers(actor, rule, may))
        second_road = self.approvals.second_road and risk is Risk.CRITICAL
        if second_road and not groups and not {*may} & {*self.list_terminal_approvers()}:
            return Refusal(f"{name}: no terminal", NO_SECOND_ROAD)
        return ApprovalRequirement(
            rule=f"{name}: {risk.name.lower()} needs {rule.approvers}",
            needed=rule.approvers,
            may=may,
            groups=groups,
            ping=self.find_slack_ids(frozenset(rule.ping) - {actor.name}),
            lifetime=self.approvals.expire,
            roles=tuple(sorted(rule.roles)),
            second_road=second_road,
        )

    def find_waiver(self, actor: Actor, operation: type[Operation], hosts: Sequence[Host]) -> WaivedApproval | None:
        """Find the waiver by which this actor may run a change on those hosts without approval; None if it needs one."""
        found, channel = self.approvals.find_waiver(operation, hosts), self.approvals.channel
        alone = issubclass(operation, FleetChange) and operation.unattended
        if found is None or channel is None or (actor.built_in and not alone):
            return None
        name, waiver = found
        pinged = self.find_slack_ids(frozenset(waiver.ping) - {actor.name})
        return WaivedApproval(name, pinged, self.approvals.expire, channel)

    def find_alert_recipients(self, actor: Actor, risk: Risk, hosts: Sequence[Host]) -> tuple[str, ...]:
        """Find the Slack ids of all who could have approved: they are notified at once when the actor breaks the glass."""
        people, groups = self.find_approvers(actor, self._find_review_rule(risk, hosts))
        return (*self.find_slack_ids(people), *groups)

    def find_slack_ids(self, names: Collection[str]) -> tuple[str, ...]:
        """Find the Slack ids of people by their names, one for each who has any."""
        return tuple(person.slack[0] for person in self.people if person.name in names and person.slack)

    def find_approvers(self, actor: Actor, rule: ApprovalRule) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Find the possible approvers except the actor: people by name, and user groups (members are unknown here)."""
        others = (person for person in self.people if person.reachable and person.name != actor.name)
        people = tuple(person.name for person in others if person.roles & rule.roles)
        return people, tuple(group.slack for group in self.groups if group.roles & rule.roles)

    def list_terminal_approvers(self) -> tuple[str, ...]:
        """List the people who can approve critical changes on all hosts from a terminal, by name."""
        roles = self._find_review_rule(Risk.CRITICAL, ()).roles
        return tuple(person.name for person in self.people if person.system and person.reachable and person.roles & roles)

    def may_approve(self, actor: Actor, approval: Approval, requester: str) -> Permit | Refusal:
        """Decide whether this actor may approve a request of `requester`: by today's roles, and never their own request.

        The place is not judged: the card may be in another channel than the request, or in a direct message.
        """
        needed = frozenset(approval.roles)
        contacts = self._describe_others((actor.name, requester), lambda roles: bool(roles & needed))
        if self.is_requester(actor, requester):
            return Refusal("own request", explain_own_approval(contacts))
        return _require_role(actor, needed, explain_missing_approver_role(needed, actor.roles, contacts))

    def may_review(self, actor: Actor, risk: Risk, hosts: Sequence[Host], requester: str) -> Permit | Refusal:
        """Decide whether this actor may review the break-glass change of `requester`: if they could approve it by today's
        rules.
        """
        needed = self._find_review_rule(risk, hosts).roles
        contacts = self._describe_others((actor.name, requester), lambda roles: bool(roles & needed))
        if self.is_requester(actor, requester):
            return Refusal("own request", explain_own_review(contacts))
        return _require_role(actor, needed, explain_missing_reviewer_role(needed, actor.roles, contacts))

    def may_break_glass(self, actor: Actor) -> Permit | Refusal:
        """Decide whether this actor may skip approvals (break-glass)."""
        if Role.ADMINISTRATOR in actor.roles:
            return Permit(_describe_role(actor, frozenset({Role.ADMINISTRATOR})))
        phrase = Phrase(
            "only administrators can skip approval. Without {option} it waits for approval",
            option=BREAK_GLASS_OPTION,
        )
        return Refusal("break-glass", phrase)

    def _explain_too_few_approvers(self, actor: Actor, rule: ApprovalRule, may: tuple[str, ...]) -> Phrase:
        """Explain why there can never be enough approvers, and how to fix that."""
        why = explain_too_few_approvers(rule, may)
        return why if isinstance(self.may_break_glass(actor), Refusal) else add_break_glass_hint(why, BREAK_GLASS_OPTION)

    def is_requester(self, actor: Actor, name: str) -> bool:
        """Return whether a requester is this actor, also by the Slack id that they used before they were configured."""
        ids = [user for person in self.people if person.name == actor.name for user in person.slack]
        return name == actor.name or (name.startswith("slack:") and name.partition("/")[2] in ids)

    def find_current_name(self, identity: Identity, name: str) -> str:
        """Find the current name of the requester recorded as `name`; the same name where no configured person has that
        identity.
        """
        person = self._find_actor(identity)
        return name if person is None else person.name

    def _find_review_rule(self, risk: Risk, hosts: Sequence[Host]) -> ApprovalRule:
        """Find the approval rule whose roles may review. Where the hosts' rules share no role, administrators and security
        review.
        """
        rule = self.approvals.combine_rules(risk, hosts)[1]
        return rule if rule.roles else rule.model_copy(update={"roles": _DEFAULT_REVIEW_ROLES})

    def _find_actor(self, identity: Identity) -> Actor | None:
        return next((make_actor(person) for person in self.people if _identifies(identity, person)), None)

    def _add_group_roles(self, actor: Actor, member_of: frozenset[str]) -> Actor:
        """Add to the actor the roles of their user groups."""
        groups = [group for group in self.groups if group.slack in member_of]
        lent = {role: group.slack for group in groups for role in sorted(group.roles - actor.roles)}
        rule = ", ".join([actor.rule, *(f"group {group.slack}" for group in groups)])
        return Actor(actor.name, actor.roles | lent.keys(), rule, lent)


def make_actor(person: Person) -> Actor:
    """Make the actor for a configured person, without user groups."""
    return Actor(person.name, person.roles, f"person {person.name}")


def format_identity(identity: Identity) -> str:
    """Format an identity for the audit while no configured person has it."""
    match identity:
        case SlackIdentity(team=team, user=user):
            return f"slack:{team}/{user}"
        case SystemIdentity(name=name):
            return f"system:{name}"
        case BotIdentity(name=name):
            return f"schedule:{name}"


def _identifies(identity: Identity, person: Person) -> bool:
    match identity:
        case SlackIdentity(user=user):
            return user in person.slack
        case SystemIdentity(name=name):
            return name in person.system
        case BotIdentity():
            return False


def _allow(grants: Sequence[Grant], roles: frozenset[Role], hosts: Sequence[Host]) -> bool:
    """Return whether grants allow something to these roles on every one of the hosts, in some place."""
    fitting = [grant for grant in grants if roles & grant.roles]
    return bool(fitting) and all(any(grant.covers_host(host) for grant in fitting) for host in hosts)


def _describe_grant(actor: Actor, name: str, grant: Grant) -> str:
    """Describe the permission: the actor's role, and the grant where one is configured."""
    role = _describe_role(actor, actor.roles & grant.roles)
    return f"{role} by {name}" if name else role


def _describe_role(actor: Actor, fitting: frozenset[Role]) -> str:
    """Describe the role that counts: one of the actor's own before one from a user group."""
    role = min(fitting - actor.group_roles.keys() or fitting)
    return f"role {role} of group {actor.group_roles[role]}" if role in actor.group_roles else f"role {role}"


def _require_role(actor: Actor, needed: frozenset[Role], lacking: Phrase) -> Permit | Refusal:
    fitting = actor.roles & needed
    return Permit(_describe_role(actor, fitting)) if fitting else Refusal("approver role", lacking)


def _refuse_included(operation: type[Operation], part: type[Operation], refuse: Refusal) -> Refusal:
    return Refusal(refuse.rule, explain_included(operation, part, refuse.reason))


_DEFAULT_REVIEW_ROLES = frozenset({Role.ADMINISTRATOR, Role.SECURITY})
