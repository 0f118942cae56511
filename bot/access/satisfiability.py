"""Finds approval rules that some requester can never satisfy, for `doctor`. Pure.

Every combination of requester, risk and host is tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase
from bot.access.policy import BREAK_GLASS_OPTION, Actor, Permit, Policy, Refusal, make_actor
from bot.access.refusals import NO_SECOND_ROAD
from bot.access.rules import DEFAULT_RULE_NAME, ApprovalRequirement, ApprovalRule
from commands.model.operation import FleetChange, Operation, Risk


@dataclass(frozen=True)
class RuleTrial:
    """Result for one rule: `requesters` may request such a change, and those of them in `stuck` can never get it approved.

    `available` is the lowest number of approvers among the stuck ones.
    """

    risk: Risk
    name: str
    rule: ApprovalRule
    requesters: tuple[str, ...]
    stuck: tuple[str, ...]
    available: int


def find_unsatisfiable_rules(
    policy: Policy, inventory: Inventory, catalogue: Sequence[type[Operation]]
) -> tuple[Phrase, ...]:
    """Find the rules that a requester can never satisfy, each with its fix; one sentence if there is only one requester."""
    tried = tuple(_try_rules(policy, inventory, catalogue))
    found = [each for each in tried if each.stuck]
    askers = {asker for each in tried for asker in each.requesters}
    if len(askers) == 1 and len(found) == len(tried) and not any(each.available for each in found):
        return (_explain_single_person(askers.pop(), [each.rule for each in found]),)
    return tuple(_explain_unsatisfiable(each) for each in found)


def _try_rules(policy: Policy, inventory: Inventory, catalogue: Sequence[type[Operation]]) -> Iterator[RuleTrial]:
    people = [make_actor(person) for person in policy.people if person.reachable]
    for risk, operations in _group_changes_by_risk(catalogue).items():
        for (name, rule), hosts in _group_hosts_by_rule(policy, inventory, risk).items():
            askers = [person for person in people if _may_ask(policy, person, operations, hosts)]
            stuck = [asker for asker in askers if _lacks_approvers(policy.assess_approval(asker, risk, hosts))]
            if askers:
                available = min((len(policy.find_approvers(asker, rule)[0]) for asker in stuck), default=0)
                yield RuleTrial(risk, name, rule, _list_names(askers), _list_names(stuck), available)


def _lacks_approvers(verdict: ApprovalRequirement | Refusal) -> bool:
    """Return whether there can never be enough approvers. A missing account of the operating system is another finding."""
    return isinstance(verdict, Refusal) and verdict.reason is not NO_SECOND_ROAD


def _group_changes_by_risk(catalogue: Sequence[type[Operation]]) -> dict[Risk, list[type[Operation]]]:
    """Group the operations that need approval by risk."""
    changes = [operation for operation in catalogue if issubclass(operation, FleetChange)]
    return {risk: [each for each in changes if each.risk is risk] for risk in sorted({each.risk for each in changes})}


def _group_hosts_by_rule(policy: Policy, inventory: Inventory, risk: Risk) -> dict[tuple[str, ApprovalRule], list[Host]]:
    """Group the hosts by the combined rule that applies to them."""
    alike = {frozenset(host.labels): host for host in inventory.hosts}  # rules depend on a host's labels only
    rules: dict[tuple[str, ApprovalRule], list[Host]] = {}
    for host in alike.values():
        rules.setdefault(policy.approvals.combine_rules(risk, (host,)), []).append(host)
    return rules


def _may_ask(policy: Policy, actor: Actor, operations: Sequence[type[Operation]], hosts: Sequence[Host]) -> bool:
    """Return whether this actor may ask for any of these operations on any of the hosts, in any place."""
    return any(
        isinstance(policy.judge(actor, operation, (host,), None), Permit) for operation in operations for host in hosts
    )


def _list_names(actors: Sequence[Actor]) -> tuple[str, ...]:
    return tuple(actor.name for actor in actors)


def _explain_single_person(person: str, rules: Sequence[ApprovalRule]) -> Phrase:
    return Phrase(
        "{person} is the only approver, so every change needs {option} and a reason. Add another person with one of the "
        "roles {roles} under [[people]]",
        person=person,
        option=BREAK_GLASS_OPTION,
        roles=Listing(tuple(sorted({role for rule in rules for role in rule.roles}))),
    )


def _explain_unsatisfiable(tried: RuleTrial) -> Phrase:
    risk, people, roles = tried.risk.name.lower(), Listing(tried.stuck), Listing(tuple(sorted(tried.rule.roles)))
    rule = Phrase("the default rule") if tried.name == DEFAULT_RULE_NAME else tried.name
    if not tried.available:
        return Phrase(
            "{people} cannot get approval for {risk} changes ({rule}): no other person has one of the roles {roles}. "
            "Assign one under [[people]]",
            people=people,
            risk=risk,
            rule=rule,
            roles=roles,
        )
    return Phrase(
        "{people} cannot get the {n} approvals that {rule} requires for {risk} changes. Assign one of the roles {roles} to "
        "more people under [[people]], or set approvers = {fewer} for {risk} under [[approvals.rules]]",
        people=people,
        n=tried.rule.approvers,
        rule=rule,
        risk=risk,
        roles=roles,
        fewer=tried.available,
    )
