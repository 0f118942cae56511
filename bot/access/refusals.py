"""Phrases that explain to requesters why a request was refused, and what to do next. Pure."""

from collections.abc import Sequence

from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from bot.access.rules import ApprovalRule, Grant, list_places
from bot.model.request import Membership
from commands.model.operation import Operation, Role

NO_COMMON_ROLE = Phrase("the approval rules of these hosts share no role. Request them separately")
NON_MEMBER_REFUSALS = {
    Membership.GUEST: Phrase("guests cannot use this bot. Ask a workspace member to run the command for you"),
    Membership.STRANGER: Phrase(
        "only members of this bot's workspace can use it. Ask one of them to run the command for you"
    ),
    Membership.UNKNOWN: Phrase("could not verify your workspace membership with Slack. Try again in a minute"),
}


def list_roles(roles: frozenset[Role]) -> Listing | Phrase:
    """List roles by name; "none" where there are none."""
    return Listing(tuple(sorted(roles))) if roles else Phrase("none")


def explain_missing_role(operation: type[Operation], needed: frozenset[Role], roles: frozenset[Role]) -> Phrase:
    """Explain that the actor has none of the roles that an operation needs."""
    return Phrase(
        "{words} requires one of these roles: {needed} (yours: {roles}). Contact an administrator",
        words=" ".join(operation.words),
        needed=list_roles(needed),
        roles=list_roles(roles),
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


def explain_hosts(operation: type[Operation], hosts: Sequence[Host], grants: Sequence[Grant]) -> Phrase:
    """Explain that an operation may be asked for only on hosts with some labels."""
    return Phrase(
        "{words} is only allowed on hosts labeled {labels}, not on {hosts}. Contact an administrator",
        words=" ".join(operation.words),
        labels=Listing(tuple(sorted({label for grant in grants for label in grant.labels}))),
        hosts=Listing(tuple(host.name for host in hosts)),
    )


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
