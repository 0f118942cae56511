"""Explains a person's rights to another person: `can ana service restart nebula host-a`. Pure.

The person is judged as configured: membership in a Slack user group is known only when that person asks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase, Span
from bot.access.policy import BREAK_GLASS, Actor, Go, Person, Policy, Refuse, acting
from bot.access.rules import USUAL_NAME, places
from commands.bot_state.about import Can
from commands.language.grammar import canonical, understand
from commands.model.operation import FleetChange, Operation, Risk
from commands.model.report import Report
from commands.values.arguments import BadArgument, nearest, shown
from commands.values.errors import GrammarError
from commands.values.normalize import quote, read

Fact = tuple[Phrase, Phrase | str]


@dataclass(frozen=True)
class Question:
    """One question about rights: may this actor ask for this operation on these hosts?"""

    policy: Policy
    actor: Actor
    operation: Operation
    hosts: tuple[Host, ...]

    @property
    def words(self) -> str:
        return canonical(self.operation)


def explain(
    policy: Policy, catalogue: Sequence[type[Operation]], inventory: Inventory, person_name: str, words: tuple[str, ...]
) -> Report:
    """Explain whether that person may ask for it, by which rule, and who would have to approve.

    Raises `BadArgument` where there is no such person or host, a `GrammarError` where the words are no request.
    """
    person = _person(policy, person_name)
    operation = _understood(catalogue, person, words)
    question = Question(policy, acting(person), operation, operation.hosts(inventory))
    verdict = policy.judge(question.actor, type(operation), question.hosts, None)
    if isinstance(verdict, Refuse):
        return _report(question, _refused(question, verdict), _lent(question))
    facts = ((Phrase("Rule"), _by(question)), *_where(question))
    if not isinstance(operation, FleetChange) or operation.dry_run:
        return _report(question, Phrase("yes: {person} may {words}", person=person.name, words=question.words), facts)
    return _change(question, operation.risk, facts)


def _person(policy: Policy, said: str) -> Person:
    """Find a person by name or by Slack id, in any form in which Slack writes that."""
    plain = said.removeprefix("@")
    for person in policy.people:
        if plain.lower() == person.name or plain.upper() in person.slack:
            return person
    near = nearest(plain, (person.name for person in policy.people))
    if near:
        phrase = Phrase("nobody is called {name}; the nearest is {nearest}", name=shown(said), nearest=near[0])
    else:
        phrase = Phrase("nobody in the configuration is called {name}; give a name from [[people]]", name=shown(said))
    raise BadArgument(phrase, part=said, nearest=near)


def _understood(catalogue: Sequence[type[Operation]], person: Person, words: tuple[str, ...]) -> Operation:
    typed = read(words[0] if len(words) == 1 else " ".join(map(quote, words)))  # one word is a whole request in quotes
    try:
        return understand(typed, catalogue, catalogue)
    except GrammarError as error:  # its span refers to other words than the typed ones
        asked = " ".join((*Can.words, person.name))
        raise GrammarError(error.phrase, suggestions=[f"{asked} {better}" for better in error.suggestions]) from error


def _refused(question: Question, refuse: Refuse) -> Phrase:
    return Phrase("no: {person} would be told: {reason}", person=question.actor.name, reason=refuse.reason)


def _lent(question: Question) -> Iterator[Fact]:
    """List the user groups whose members would be allowed."""
    actor = question.actor
    for group in question.policy.groups:
        member = Actor(actor.name, actor.roles | group.roles, actor.rule)
        if isinstance(question.policy.judge(member, type(question.operation), question.hosts, None), Go):
            yield Phrase("Unless"), Phrase("{person} is in the user group {group}", person=actor.name, group=group.slack)


def _by(question: Question) -> Phrase:
    """Describe by which role it is allowed, and by which grants where any are configured."""
    granted = question.policy.granted(type(question.operation))
    reached = [(name, grant) for name, grant in granted if not question.hosts or any(map(grant.covers, question.hosts))]
    fitting = [(name, grant) for name, grant in reached if question.actor.roles & grant.roles]
    roles = Listing(tuple(sorted({role for _, grant in fitting for role in question.actor.roles & grant.roles})))
    names = tuple(name for name, _ in fitting if name)
    if names:
        return Phrase("{roles}, by {grants} of the configuration", roles=roles, grants=Listing(names))
    return Phrase("{roles}, by default", roles=roles)


def _approvals(question: Question, risk: Risk) -> Phrase:
    """Describe how many must approve, and where that is configured."""
    name, rule = question.policy.approvals.rule(risk, question.hosts)
    kind = risk.name.lower()
    if name == USUAL_NAME:
        return Phrase(
            "{risk}: {n} other person approves, by default",
            plural="{risk}: {n} other people approve, by default",
            risk=kind,
            n=rule.approvers,
        )
    return Phrase(
        "{risk}: {n} other person approves, by {rule} of the configuration",
        plural="{risk}: {n} other people approve, by {rule} of the configuration",
        risk=kind,
        n=rule.approvers,
        rule=name,
    )


def _where(question: Question) -> Iterator[Fact]:
    """List the places to which it is restricted. Restrictions of included operations count, too."""
    kind = type(question.operation)
    for each in (kind, *kind.includes):
        granted = (grant for _, grant in question.policy.granted(each))
        fitting = [each for each in granted if question.actor.roles & each.roles and all(map(each.covers, question.hosts))]
        if fitting and all(grant.channels for grant in fitting):
            yield Phrase("Only in"), Phrase("{items}", items=places(fitting))


def _change(question: Question, risk: Risk, facts: Sequence[Fact]) -> Report:
    """Report on an operation that needs approval."""
    asked = question.policy.approval(question.actor, risk, question.hosts)
    facts = (*facts, (Phrase("Approval rule"), _approvals(question, risk)), *_without(question))
    if isinstance(asked, Refuse):
        return _report(question, _refused(question, asked), facts)
    may = (*asked.may, *(Phrase("members of {group}", group=group) for group in asked.groups))
    summary = Phrase(
        "yes: {person} may {words}, once {n} other person has approved",
        plural="yes: {person} may {words}, once {n} other people have approved",
        person=question.actor.name,
        words=question.words,
        n=asked.needed,
    )
    facts += (
        (Phrase("May approve"), Phrase("{items}", items=Listing(may))),
        (Phrase("Waits at most"), Phrase("{time}", time=Span(asked.lifetime.total_seconds()))),
    )
    return _report(question, summary, facts)


def _without(question: Question) -> Iterator[Fact]:
    """List the way without approval, if the actor may take it."""
    if isinstance(question.policy.may_break_glass(question.actor), Go):
        way = Phrase("in an emergency, with {option} and a reason; everybody is told", option=BREAK_GLASS)
        yield Phrase("Without approval"), way


def _report(question: Question, summary: Phrase, facts: Iterable[Fact]) -> Report:
    roles = question.actor.roles
    about: tuple[Fact, ...] = (
        (Phrase("Name"), question.actor.name),
        (Phrase("Request"), question.words),
        (Phrase("Roles"), Phrase("{items}", items=Listing(tuple(sorted(roles)))) if roles else Phrase("none")),
        *facts,
    )
    return Report.of_facts(Phrase("Rights of {person}", person=question.actor.name), summary, about)
