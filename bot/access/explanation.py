"""Explains a person's rights to another person: `can ana service restart nebula host-a`. Pure.

The person is judged as configured: membership in a Slack user group is known only when that person asks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase, Span
from bot.access.people import Person
from bot.access.policy import BREAK_GLASS_OPTION, Actor, Permit, Policy, Refusal, make_actor
from bot.access.rules import DEFAULT_RULE_NAME, list_places
from commands.about import PermissionCheck
from commands.language.grammar import parse_operation, render_operation
from commands.model.operation import FleetChange, Operation, Risk
from commands.model.report import Report
from commands.values.arguments import BadArgument, find_nearest, shorten_argument
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text, quote

Fact = tuple[Phrase, Phrase | str]


@dataclass(frozen=True)
class RightsQuestion:
    """One question about rights: may this actor ask for this operation on these hosts?"""

    policy: Policy
    actor: Actor
    operation: Operation
    hosts: tuple[Host, ...]

    @property
    def words(self) -> str:
        return render_operation(self.operation)


def explain_rights(
    policy: Policy, catalogue: Sequence[type[Operation]], inventory: Inventory, person_name: str, words: tuple[str, ...]
) -> Report:
    """Explain whether a person may ask for an operation, by which rule, and who would have to approve it.

    Raises `BadArgument` for an unknown person or host, `GrammarError` if the words cannot be parsed.
    """
    person = _find_person(policy, person_name)
    operation = _parse_request(catalogue, person, words)
    question = RightsQuestion(policy, make_actor(person), operation, operation.resolve_hosts(inventory))
    verdict = policy.judge_request(question.actor, operation, question.hosts, None)
    if isinstance(verdict, Refusal):
        return _make_report(question, _explain_refusal(question, verdict), _list_group_facts(question))
    facts = ((Phrase("Matched rule"), _describe_permission(question)), *_list_place_facts(question))
    if not isinstance(operation, FleetChange) or operation.dry_run:
        return _make_report(
            question, Phrase("yes: {person} can run {words}", person=person.name, words=question.words), facts
        )
    return _report_change(question, operation.assessed_risk, facts)


def _find_person(policy: Policy, said: str) -> Person:
    """Find a person by name or by Slack id, in any form in which Slack writes that."""
    plain = said.removeprefix("@")
    for person in policy.people:
        if plain.lower() == person.name or plain.upper() in person.slack:
            return person
    near = find_nearest(plain, (person.name for person in policy.people))
    if near:
        phrase = Phrase("no person named {name}. Did you mean {nearest}?", name=shorten_argument(said), nearest=near[0])
    else:
        phrase = Phrase(
            "no person named {name} in the configuration. Use a name from [[people]]", name=shorten_argument(said)
        )
    raise BadArgument(phrase, part=said, nearest=near)


def _parse_request(catalogue: Sequence[type[Operation]], person: Person, words: tuple[str, ...]) -> Operation:
    typed = normalize_text(
        words[0] if len(words) == 1 else " ".join(map(quote, words))
    )  # one word is a whole request in quotes
    try:
        return parse_operation(typed, catalogue, catalogue)
    except GrammarError as error:  # its span refers to other words than the typed ones
        asked = " ".join((*PermissionCheck.words, person.name))
        raise GrammarError(error.phrase, suggestions=[f"{asked} {better}" for better in error.suggestions]) from error


def _explain_refusal(question: RightsQuestion, refuse: Refusal) -> Phrase:
    return Phrase("no: {person} would get: {reason}", person=question.actor.name, reason=refuse.reason)


def _list_group_facts(question: RightsQuestion) -> Iterator[Fact]:
    """List the user groups whose members would be allowed."""
    actor = question.actor
    for group in question.policy.groups:
        member = Actor(actor.name, actor.roles | group.roles, actor.rule)
        if isinstance(question.policy.judge_request(member, question.operation, question.hosts, None), Permit):
            yield (
                Phrase("Exception"),
                Phrase("allowed if {person} is in the user group {group}", person=actor.name, group=group.slack),
            )


def _describe_permission(question: RightsQuestion) -> Phrase:
    """Describe by which role it is allowed, and by which grants where any are configured."""
    granted = question.policy.find_grants(type(question.operation))
    reached = [(name, grant) for name, grant in granted if not question.hosts or any(map(grant.covers_host, question.hosts))]
    fitting = [(name, grant) for name, grant in reached if question.actor.roles & grant.roles]
    roles = Listing(tuple(sorted({role for _, grant in fitting for role in question.actor.roles & grant.roles})))
    names = tuple(name for name, _ in fitting if name)
    if names:
        return Phrase("{roles} ({grants} in the configuration)", roles=roles, grants=Listing(names))
    return Phrase("{roles} (default)", roles=roles)


def _describe_approvals(question: RightsQuestion, risk: Risk) -> Phrase:
    """Describe how many must approve, and where that is configured."""
    name, rule = question.policy.approvals.combine_rules(risk, question.hosts)
    kind = risk.name.lower()
    if name == DEFAULT_RULE_NAME:
        return Phrase(
            "{risk}: approval by {n} other person (default)",
            plural="{risk}: approval by {n} other people (default)",
            risk=kind,
            n=rule.approvers,
        )
    return Phrase(
        "{risk}: approval by {n} other person ({rule} in the configuration)",
        plural="{risk}: approval by {n} other people ({rule} in the configuration)",
        risk=kind,
        n=rule.approvers,
        rule=name,
    )


def describe_waiver(rule: str) -> Phrase:
    """Describe that a rule waives the approval."""
    return Phrase("not needed ({rule} in the configuration)", rule=rule)


def _list_place_facts(question: RightsQuestion) -> Iterator[Fact]:
    """List the places to which it is restricted. Restrictions of included operations count, too."""
    kind = type(question.operation)
    for each in (kind, *kind.includes):
        granted = (grant for _, grant in question.policy.find_grants(each))
        fitting = [
            each for each in granted if question.actor.roles & each.roles and all(map(each.covers_host, question.hosts))
        ]
        if fitting and all(grant.channels for grant in fitting):
            yield Phrase("Only allowed in"), Phrase("{items}", items=list_places(fitting))


def _report_change(question: RightsQuestion, risk: Risk, facts: Sequence[Fact]) -> Report:
    """Report on an operation that changes hosts, and on the approval that it needs."""
    waiver = question.policy.find_waiver(question.actor, type(question.operation), question.hosts)
    if waiver is not None:
        summary = Phrase("yes: {person} can run {words} without approval", person=question.actor.name, words=question.words)
        return _make_report(question, summary, (*facts, (Phrase("Approval rule"), describe_waiver(waiver.rule))))
    asked = question.policy.assess_approval(question.actor, risk, question.hosts)
    facts = (
        *facts,
        (Phrase("Approval rule"), _describe_approvals(question, risk)),
        *_list_break_glass_facts(question, risk),
    )
    if isinstance(asked, Refusal):
        return _make_report(question, _explain_refusal(question, asked), facts)
    may = (*asked.may, *(Phrase("members of {group}", group=group) for group in asked.groups))
    summary = Phrase(
        "yes: {person} can run {words} after {n} approval by another person",
        plural="yes: {person} can run {words} after {n} approvals by other people",
        person=question.actor.name,
        words=question.words,
        n=asked.needed,
    )
    if asked.second_road:
        facts = (*facts, (Phrase("Second road"), Phrase("one approval must come from a terminal")))
    facts += (
        (Phrase("Approvers"), Phrase("{items}", items=Listing(may))),
        (Phrase("Expires after"), Phrase("{time}", time=Span(asked.lifetime.total_seconds()))),
    )
    return _make_report(question, summary, facts)


def _list_break_glass_facts(question: RightsQuestion, risk: Risk) -> Iterator[Fact]:
    """List break-glass, if the actor may use it."""
    if isinstance(question.policy.may_break_glass(question.actor), Refusal):
        return
    if risk is Risk.CRITICAL and question.policy.approvals.second_road:
        option = BREAK_GLASS_OPTION
        way = Phrase("in an emergency, from a terminal, with {option} and a reason (everyone is notified)", option=option)
    else:
        way = Phrase("in an emergency, with {option} and a reason (everyone is notified)", option=BREAK_GLASS_OPTION)
    yield Phrase("Without approval"), way


def _make_report(question: RightsQuestion, summary: Phrase, facts: Iterable[Fact]) -> Report:
    roles = question.actor.roles
    about: tuple[Fact, ...] = (
        (Phrase("Name"), question.actor.name),
        (Phrase("Command"), question.words),
        (Phrase("Roles"), Phrase("{items}", items=Listing(tuple(sorted(roles)))) if roles else Phrase("none")),
        *facts,
    )
    return Report.of_facts(Phrase("Permissions of {person}", person=question.actor.name), summary, about)
