"""Phrases that tell a person why a request was refused, and what to do next. Pure."""

from collections.abc import Sequence

from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from bot.access.rules import ApprovalRule, Grant, list_places
from bot.model.request import Membership
from commands.model.operation import Operation, Role

NO_COMMON_ROLE = Phrase("the rules of those hosts have no role in common that could approve; ask for them one by one")
NON_MEMBER_REFUSALS = {
    Membership.GUEST: Phrase("guests may not use this bot; ask a member of the workspace to ask for you"),
    Membership.STRANGER: Phrase("only members of the bot's own workspace may use it; ask somebody there to ask for you"),
    Membership.UNKNOWN: Phrase(
        "Slack does not say at the moment whether you belong to this workspace; try again in a minute"
    ),
}


def list_roles(roles: frozenset[Role]) -> Listing | Phrase:
    """List roles by name; "none" where there are none."""
    return Listing(tuple(sorted(roles))) if roles else Phrase("none")


def explain_missing_role(operation: type[Operation], needed: frozenset[Role], roles: frozenset[Role]) -> Phrase:
    """Explain that the actor has none of the roles that an operation needs."""
    return Phrase(
        "{words} needs one of the roles {needed}, and you have {roles}; ask an administrator",
        words=" ".join(operation.words),
        needed=list_roles(needed),
        roles=list_roles(roles),
    )


def explain_included(operation: type[Operation], part: type[Operation], reason: Phrase) -> Phrase:
    """Explain that an operation includes another one, which is refused."""
    return Phrase(
        "{words} tells what {part} tells: {why}",
        words=" ".join(operation.words),
        part=" ".join(part.words),
        why=reason,
    )


def explain_channels(operation: type[Operation], grants: Sequence[Grant]) -> Phrase:
    """Explain that an operation may be asked for only in some channels."""
    return Phrase(
        "{words} may be asked only in {channels}; ask there", words=" ".join(operation.words), channels=list_places(grants)
    )


def explain_hosts(operation: type[Operation], hosts: Sequence[Host], grants: Sequence[Grant]) -> Phrase:
    """Explain that an operation may be asked for only on hosts with some labels."""
    return Phrase(
        "you may ask for {words} only on hosts with one of the labels {labels}, and not on {hosts}; ask an administrator",
        words=" ".join(operation.words),
        labels=Listing(tuple(sorted({label for grant in grants for label in grant.labels}))),
        hosts=Listing(tuple(host.name for host in hosts)),
    )


def explain_unmapped_user(name: str) -> Phrase:
    """Explain that an operating-system user belongs to no configured person."""
    return Phrase(
        "no person in the configuration has the operating-system user {user}; "
        "an administrator adds it to a person's system names",
        user=name,
    )


def explain_too_few_approvers(rule: ApprovalRule, may: tuple[str, ...]) -> Phrase:
    """Explain that fewer people may approve than the rule demands, and how to fix that."""
    return Phrase(
        "this needs approval by {n} other person with one of the roles {roles}, and there is {may}; "
        "an administrator gives somebody the role under [[people]], or asks for fewer under [[approvals.rules]]",
        plural="this needs approval by {n} other people with one of the roles {roles}, and there is {may}; "
        "an administrator gives somebody the role under [[people]], or asks for fewer under [[approvals.rules]]",
        n=rule.approvers,
        roles=list_roles(rule.roles),
        may=Phrase("only {people}", people=Listing(may)) if may else Phrase("nobody"),
    )


def add_break_glass_hint(why: Phrase, option: str) -> Phrase:
    """Add the way without approval, for an actor who may break the glass."""
    return Phrase(
        "{why}; in an emergency {option} with a reason goes without, and everybody is told", why=why, option=option
    )
