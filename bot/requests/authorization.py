"""Authorization: identifies the requester, parses the request and decides on it. Pure.

request ─ identify ─▶ actor ─ grammar ─▶ operation ─ judge (roles, hosts, place) ─▶ Decision
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.policy import Actor, Policy, Refusal, format_identity
from bot.access.rules import find_place
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind
from bot.changes.services.planner import NothingToDo
from bot.config.schedules import NeedsPerson, require_unattended
from bot.incidents.rules.transitions import NotNow
from bot.model.request import BotIdentity, Failure, FailureKind, Request, Surface
from bot.security.redaction import Redactor
from bot.security.secret_patterns import MARK
from bot.security.untrusted_text import redact_typed
from commands.language.grammar import identify_operation, locate_error, render_operation
from commands.model.operation import Catalogue, Operation
from commands.values.arguments import BadArgument
from commands.values.errors import GrammarError
from commands.values.normalize import TypedText, normalize_text


@dataclass(frozen=True)
class Decision:
    """Decision on a request: the operation to carry out, or the reason for refusing it. `rule` names what decided.

    `asked`: the words of the operation as `understood`, without what its channel added; "" without an operation.
    """

    actor: Actor
    rule: str
    understood: str
    outcome: Operation | Failure
    asked: str = ""

    @property
    def kind(self) -> EventKind:
        refused = isinstance(self.outcome, Failure) and self.outcome.kind is FailureKind.REFUSED
        return EventKind.REFUSAL if refused else EventKind.REQUEST


@dataclass(frozen=True)
class Rights:
    """An actor and the operations that they may request."""

    actor: Actor
    permitted: Catalogue


@dataclass(frozen=True)
class DecisionBasis:
    """Basis of a decision: policy, hosts, secrets."""

    policy: Policy
    inventory: Inventory
    redactor: Redactor
    apply_context: Callable[[Operation], Operation] = lambda operation: operation
    """Applies the context of the channel to an operation. Raises `BadArgument` where it is not valid there."""
    unknown_host_fallback: tuple[Host, ...] = ()
    """Hosts to judge by if a request names an unknown host. Empty: the answer reports the unknown host."""


def decide(request: Request, typed: TypedText, ground: DecisionBasis, catalogue: Catalogue) -> Decision:
    """As `_decide`. A schedule runs nothing that needs a person.

    That was judged when it was added, but its row in the database is not signed.
    """
    decision = _decide(request, typed, ground, catalogue)
    if request.surface is not Surface.SCHEDULE or not isinstance(decision.outcome, Operation):
        return decision
    try:
        require_unattended(decision.outcome)
    except NeedsPerson as error:
        return replace(decision, rule="needs a person", outcome=make_failure(error, decision.understood))
    return decision


def _decide(request: Request, typed: TypedText, ground: DecisionBasis, catalogue: Catalogue) -> Decision:
    """Identifies the requester, parses the request and judges it. A refusal reveals no command, no option and no host."""
    policy, shown = ground.policy, redact_typed(typed.text, ground.redactor.redact)
    actor = policy.identify(request.identity)
    if isinstance(actor, Refusal):
        unknown = Actor(format_identity(request.identity), frozenset(), actor.rule)
        return Decision(unknown, actor.rule, shown, _make_refusal(actor))
    if shown != typed.text or MARK in typed.text:
        return Decision(actor, "holds a secret", shown, _HELD_SECRET)
    try:
        asked = identify_operation(typed, catalogue, policy.list_permitted(actor, catalogue))
        verdict = policy.judge(actor, asked.operation)
        if isinstance(verdict, Refusal):
            return Decision(actor, verdict.rule, typed.text, _make_refusal(verdict))
        bound = asked.bind()
    except GrammarError as error:
        return Decision(actor, "not understood", typed.text, make_failure(error, typed.text))
    try:
        operation = ground.apply_context(bound)
    except BadArgument as error:
        said = render_operation(bound)
        return Decision(actor, "not understood", said, make_failure(error, said))
    place = _find_place(request)
    verdict = policy.judge_request(actor, operation, _find_hosts(operation, ground), place)
    outcome = _make_refusal(verdict) if isinstance(verdict, Refusal) else operation
    return Decision(actor, verdict.rule, render_operation(operation), outcome, render_operation(bound))


def decide_again(request: Request, typed: TypedText, ground: DecisionBasis, catalogue: Catalogue) -> Decision:
    """Decides now on a request that was answered earlier. The labels of a removed host are unknown: its answer may be seen
    by those who may read all hosts."""
    return decide(request, typed, replace(ground, unknown_host_fallback=ground.inventory.hosts), catalogue)


@dataclass(frozen=True)
class RequestJudge:
    """Decides on other commands of the same requester (`bot.ports.context.CommandAuthorizer`)."""

    request: Request
    basis: DecisionBasis
    catalogue: Catalogue

    def may_see(self, words: str) -> bool:
        """Returns whether the requester may see the answer to these words in the channel of the request."""
        request = replace(self.request, text=words)
        return isinstance(decide_again(request, normalize_text(words), self.basis, self.catalogue).outcome, Operation)

    def interpret_scheduled(self, words: str, channel: str) -> Operation | Failure:
        """Parses these words as a schedule of the requester would request them in a channel.

        Nothing is recorded, because nothing is done. The audit log has the requester with the schedule itself.
        """
        request = replace(self.request, text=words, surface=Surface.SCHEDULE, channel=channel)
        return _decide(request, normalize_text(words), self.basis, self.catalogue).outcome


def _find_place(request: Request) -> str | None:
    """Finds the place of a request. Requests of the bot itself have none: the configuration names their channel."""
    return None if isinstance(request.identity, BotIdentity) else find_place(request.surface, request.channel)


def _find_hosts(operation: Operation, ground: DecisionBasis) -> tuple[Host, ...]:
    """Finds the hosts of an operation, as far as they are known."""
    try:
        return operation.resolve_hosts(ground.inventory)
    except RequestError:
        return ground.unknown_host_fallback


def make_unexpected_failure(reference: str) -> Failure:
    """Makes the answer for an error that nobody foresaw. The log has its trace by this reference."""
    phrase = Phrase(
        "unexpected error (reference {reference}). Give this reference to your administrator", reference=reference
    )
    return Failure(kind=FailureKind.INTERNAL, phrase=phrase, reference=reference)


def make_failure(error: FlatnetError, understood: str) -> Failure:
    """Makes the answer for a foreseen error. Its span is in the text as it was understood."""
    match error:
        case BadArgument():
            return make_failure(locate_error(error, understood), understood)
        case GrammarError(span=span, suggestions=suggestions):
            return Failure(kind=FailureKind.USAGE, phrase=error.phrase, span=span, suggestions=suggestions)
        case RequestError():
            return Failure(kind=FailureKind.USAGE, phrase=error.phrase)
        case NothingToDo():
            return Failure(kind=FailureKind.NOTHING, phrase=error.phrase)
        case NotNow(suggestions=suggestions):
            return Failure(kind=FailureKind.REFUSED, phrase=error.phrase, suggestions=suggestions)
        case Refused():
            return Failure(kind=FailureKind.REFUSED, phrase=error.phrase)
        case _:
            return Failure(kind=FailureKind.INTERNAL, phrase=error.phrase)


_HELD_SECRET = Failure(
    kind=FailureKind.REFUSED,
    phrase=Phrase(
        "your input contains a password, token or key, or {mark} in place of one, so nothing was done. "
        "Others may have seen it: change the secret",
        mark=MARK,
    ),
)


def _make_refusal(refuse: Refusal) -> Failure:
    return Failure(kind=FailureKind.REFUSED, phrase=refuse.reason)


def make_event(decision: Decision, request: Request, text: str) -> dict[str, Any]:
    """Makes the audit event of a request. `text` is the typed text without secrets."""
    data = {
        "text": text[:MAX_RECORDED_LENGTH],
        "understood": decision.understood[:MAX_RECORDED_LENGTH],
        "rule": decision.rule,
        "identity": format_identity(request.identity),
        "surface": request.surface.value,
        "channel": request.channel[:MAX_RECORDED_LENGTH],
        "key": request.key[:MAX_RECORDED_LENGTH],
    }
    if isinstance(decision.outcome, Failure):
        return data | {"outcome": str(decision.outcome.phrase)[:MAX_RECORDED_LENGTH]}
    return data
