"""Brings a waiting approval up to date with the configuration: who may give it now, and whether that is enough. Pure.

A person may leave or lose the role while a card waits. The stored approval stays as it was requested.
"""

from bot.access.policy import Policy
from bot.access.refusals import explain_too_few_approvers
from bot.access.rules import DEFAULT_RULES
from bot.model.change import Change

MAX_MENTIONS = 5
"""Maximum number of user groups and people that a card mentions. More people are named."""


def refresh_approvers(change: Change, requester: str, policy: Policy) -> Change:
    """Return a waiting change with the people and user groups that may approve it; `requester` is the current name."""
    approval = change.approval
    if approval is None or not approval.roles:
        return change
    roles = frozenset(approval.roles)
    people = [person for person in policy.people if person.reachable and person.name != requester and person.roles & roles]
    groups = tuple(group.slack for group in policy.groups if group.roles & roles)
    known = {user for person in policy.people for user in person.slack} | {group.slack for group in policy.groups}
    mentioned = [person for person in people if person.slack][: max(0, MAX_MENTIONS - len(groups))]
    may = tuple(person.name for person in people)
    rule = DEFAULT_RULES[change.risk].model_copy(update={"approvers": approval.needed, "roles": roles})
    current = {
        "may": may,
        "groups": groups,
        "ping": tuple(user for user in approval.ping if user in known),
        "mentions": {person.name: person.slack[0] for person in mentioned},
        "lacking": None if groups or len(may) >= approval.needed else explain_too_few_approvers(rule, may),
    }
    return change.model_copy(update={"approval": approval.model_copy(update=current)})
