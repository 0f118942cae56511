"""Authorization: decides who asks, for what, and whether that is allowed. Pure.

request ─ identify ─▶ actor ─ grammar ─▶ operation ─ judge (roles, hosts, place) ─▶ Decision
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.access.policy import Actor, Policy, Refuse, label
from bot.access.rules import place_of
from bot.audit.log import RECORDED, EventKind
from bot.changes.planner import NothingToDo
from bot.incidents.service import AlreadyOpen
from bot.model.request import BotIdentity, Failure, FailureKind, Request, Surface
from bot.security.redaction import Redactor
from commands.language.grammar import canonical, located, named
from commands.model.operation import Catalogue, Operation
from commands.values.arguments import BadArgument
from commands.values.errors import GrammarError
from commands.values.normalize import Typed, read


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
class Ground:
    """Basis of a decision: policy, hosts, secrets."""

    policy: Policy
    inventory: Inventory
    redactor: Redactor
    frame: Callable[[Operation], Operation] = lambda operation: operation
    """Applies the context of the channel to an operation. Raises `BadArgument` where it is not valid there."""
    of_unknown: tuple[Host, ...] = ()
    """Hosts by which a request is judged that names an unknown host. Empty: the answer reports the unknown host."""


def decide(request: Request, typed: Typed, ground: Ground, catalogue: Catalogue) -> Decision:
    """Identifies the requester, parses the request and judges it. A refusal reveals no command, no option and no host."""
    policy, redactor = ground.policy, ground.redactor
    actor = policy.identify(request.identity)
    if isinstance(actor, Refuse):
        unknown = Actor(label(request.identity), frozenset(), actor.rule)
        return Decision(unknown, actor.rule, redactor.clean(typed.text), _refusal(actor))
    if redactor.holds_secret(typed.text):
        return Decision(actor, "holds a secret", redactor.clean(typed.text), _SECRET)
    try:
        asked = named(typed, catalogue, policy.permitted(actor, catalogue))
        verdict = policy.judge(actor, asked.operation)
        if isinstance(verdict, Refuse):
            return Decision(actor, verdict.rule, typed.text, _refusal(verdict))
        bound = asked.bound()
    except GrammarError as error:
        return Decision(actor, "not understood", typed.text, failure(error, typed.text))
    try:
        operation = ground.frame(bound)
    except BadArgument as error:
        said = canonical(bound)
        return Decision(actor, "not understood", said, failure(error, said))
    place = _place(request)
    verdict = policy.judge(actor, asked.operation, _about(operation, ground), place)
    outcome = _refusal(verdict) if isinstance(verdict, Refuse) else operation
    return Decision(actor, verdict.rule, canonical(operation), outcome, canonical(bound))


def decide_again(request: Request, typed: Typed, ground: Ground, catalogue: Catalogue) -> Decision:
    """Decides now on a request that was answered earlier. The labels of a removed host are unknown: its answer may be seen
    by those who may read all hosts."""
    return decide(request, typed, replace(ground, of_unknown=ground.inventory.hosts), catalogue)


@dataclass(frozen=True)
class OtherWords:
    """Decides on other words of the same requester (`bot.handlers.context.WordsJudge`)."""

    request: Request
    ground: Ground
    catalogue: Catalogue

    def may_see(self, words: str) -> bool:
        """Returns whether the requester may see the answer to these words in the channel of the request."""
        request = replace(self.request, text=words)
        return isinstance(decide_again(request, read(words), self.ground, self.catalogue).outcome, Operation)

    def interpret_scheduled(self, words: str, channel: str) -> Operation | Failure:
        """Parses these words as a schedule of the requester would request them in a channel.

        Nothing is recorded, because nothing is done. The audit log has the requester with the schedule itself.
        """
        request = replace(self.request, text=words, surface=Surface.SCHEDULE, channel=channel)
        return decide(request, read(words), self.ground, self.catalogue).outcome


def _place(request: Request) -> str | None:
    """Finds the place of a request. Requests of the bot itself have none: the configuration names their channel."""
    return None if isinstance(request.identity, BotIdentity) else place_of(request.surface, request.channel)


def _about(operation: Operation, ground: Ground) -> tuple[Host, ...]:
    """Finds the hosts of an operation, as far as they are known."""
    try:
        return operation.hosts(ground.inventory)
    except RequestError:
        return ground.of_unknown


def failure(error: FlatnetError, understood: str) -> Failure:
    """Makes the answer for a foreseen error. Its span is in the text as it was understood."""
    match error:
        case BadArgument():
            return failure(located(error, understood), understood)
        case GrammarError(span=span, suggestions=suggestions):
            return Failure(kind=FailureKind.USAGE, phrase=error.phrase, span=span, suggestions=suggestions)
        case RequestError():
            return Failure(kind=FailureKind.USAGE, phrase=error.phrase)
        case NothingToDo():
            return Failure(kind=FailureKind.NOTHING, phrase=error.phrase)
        case AlreadyOpen(next=words):
            return Failure(kind=FailureKind.REFUSED, phrase=error.phrase, suggestions=(words,))
        case Refused():
            return Failure(kind=FailureKind.REFUSED, phrase=error.phrase)
        case _:
            return Failure(kind=FailureKind.INTERNAL, phrase=error.phrase)


_SECRET = Failure(
    kind=FailureKind.REFUSED,
    phrase=Phrase(
        "what you typed holds a password, a token or a key, so nothing was done; others may have read it: change it"
    ),
)


def _refusal(refuse: Refuse) -> Failure:
    return Failure(kind=FailureKind.REFUSED, phrase=refuse.reason)


def event_of(decision: Decision, request: Request, text: str) -> dict[str, Any]:
    """Makes the audit event of a request. `text` is the typed text without secrets."""
    data = {
        "text": text[:RECORDED],
        "understood": decision.understood[:RECORDED],
        "rule": decision.rule,
        "identity": label(request.identity),
        "surface": request.surface.value,
        "channel": request.channel[:RECORDED],
        "key": request.key[:RECORDED],
    }
    if isinstance(decision.outcome, Failure):
        return data | {"outcome": str(decision.outcome.phrase)[:RECORDED]}
    return data
