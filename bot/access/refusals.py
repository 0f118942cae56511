"""Phrases that explain to requesters why a request was refused, and what to do next. Pure."""

from collections.abc import Sequence

from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from bot.access.rules import ApprovalRule, Grant, list_places
from bot.model.request import Membership
from commands.model.operation import Operation, Role

NO_SECOND_ROAD = Phrase(
    "a critical change needs one approval from a terminal, and no approver has an operating system account. Add system to a "
    "person in the configuration, or use --break-glass from a terminal"
)
NO_COMMON_ROLE = Phrase("the approval rules of these hosts share no role. Request them separately")
NON_MEMBER_REFUSALS = {
    Membership.GUEST: Phrase("guests cannot use this bot. Ask a workspace member to run the command for you"),
    Membership.STRANGER: Phrase(
        "only members of this bot's workspace can use it. Ask one of them to run the command for you"
    ),
    Membership.UNKNOWN: Phrase("could not verify your workspace membership with Slack. Try again in a minute"),
}

_AN_ADMINISTRATOR = Phrase("an administrator")


def list_roles(roles: frozenset[Role]) -> Listing | Phrase:
    """List roles by name; "none" where there are none."""
    return Listing(tuple(sorted(roles))) if roles else Phrase("none")


def explain_missing_role(
    operation: type[Operation], needed: frozenset[Role], roles: frozenset[Role], contacts: Phrase | None
) -> Phrase:
    """Explain that the actor has none of the roles that an operation needs, and whom to ask."""
    return Phrase(
        "{words} requires one of these roles: {needed} (yours: {roles}). Ask {people}",
        words=" ".join(operation.words),
        needed=list_roles(needed),
        roles=list_roles(roles),
        people=contacts or _AN_ADMINISTRATOR,
    )


def explain_included(operation: type[Operation], part: type[Operation], reason: Phrase) -> Phrase:
    """Explain that an operation includes another one, which is refused."""
    return Phrase(
        "{words} includes {part}: {why}",
        words=" ".join(operation.words),
        part=" ".join(part.words),
        why=reason,
    )


def explain_channels(operation: type[Operation], grants: Sequence[Grant]) -> Phrase:
    """Explain that an operation may be asked for only in some channels."""
    return Phrase(
        "{words} is only allowed in {channels}. Use it there", words=" ".join(operation.words), channels=list_places(grants)
    )


def explain_hosts(
    operation: type[Operation], hosts: Sequence[Host], grants: Sequence[Grant], contacts: Phrase | None
) -> Phrase:
    """Explain that an operation may be asked for only on hosts with some labels, and whom to ask."""
    return Phrase(
        "{words} is only allowed on hosts labeled {labels}, not on {hosts}. Ask {people}",
        words=" ".join(operation.words),
        labels=Listing(tuple(sorted({label for grant in grants for label in grant.labels}))),
        hosts=Listing(tuple(host.name for host in hosts)),
        people=contacts or _AN_ADMINISTRATOR,
    )


def explain_own_approval(contacts: Phrase | None) -> Phrase:
    """Explain that requesters cannot approve their own request, and whom to ask."""
    if contacts is None:
        return Phrase("you cannot approve your own request. Another person must approve it")
    return Phrase("you cannot approve your own request. Ask {people}", people=contacts)


def explain_missing_approver_role(needed: frozenset[Role], roles: frozenset[Role], contacts: Phrase | None) -> Phrase:
    """Explain that the actor has none of the roles of approvers, and whom to ask."""
    return Phrase(
        "approving this requires one of the roles {needed} (yours: {roles}). Ask {people}",
        needed=list_roles(needed),
        roles=list_roles(roles),
        people=contacts or _AN_ADMINISTRATOR,
    )


def explain_own_review(contacts: Phrase | None) -> Phrase:
    """Explain that requesters cannot review their own emergency change, and whom to ask."""
    if contacts is None:
        return Phrase("you cannot review your own emergency change. Ask someone else")
    return Phrase("you cannot review your own emergency change. Ask {people}", people=contacts)


def explain_missing_reviewer_role(needed: frozenset[Role], roles: frozenset[Role], contacts: Phrase | None) -> Phrase:
    """Explain that the actor has none of the roles of reviewers, and whom to ask."""
    return Phrase(
        "reviewing this requires one of the roles {needed} (yours: {roles}). Ask {people}",
        needed=list_roles(needed),
        roles=list_roles(roles),
        people=contacts or _AN_ADMINISTRATOR,
    )


def explain_withheld_command(label: Phrase, contacts: Phrase | None) -> Phrase:
    """Explain that the reader of an answer may not run a command that it suggests, and whom to ask."""
    return Phrase("{command}: ask {people}", command=label, people=contacts or _AN_ADMINISTRATOR)


def explain_unmapped_user(name: str) -> Phrase:
    """Explain that an operating-system user belongs to no configured person."""
    return Phrase(
        "no person in the configuration has the system user {user}. Ask an administrator to add it",
        user=name,
    )


def explain_too_few_approvers(rule: ApprovalRule, may: tuple[str, ...]) -> Phrase:
    """Explain that fewer people may approve than the rule demands, and how to fix that."""
    return Phrase(
        "approval needs {n} other person with one of the roles {roles} (available: {may}). An administrator can assign the "
        "role under [[people]], or lower the number under [[approvals.rules]]",
        plural=(
            "approval needs {n} other people with one of the roles {roles} (available: {may}). An administrator can "
            "assign the role under [[people]], or lower the number under [[approvals.rules]]"
        ),
        n=rule.approvers,
        roles=list_roles(rule.roles),
        may=Phrase("only {people}", people=Listing(may)) if may else Phrase("none"),
    )


def add_break_glass_hint(why: Phrase, option: str) -> Phrase:
    """Add a hint at break-glass, for an actor who may use it."""
    return Phrase(
        "{why}. In an emergency, {option} with a reason skips approval (everyone is notified)", why=why, option=option
    )
