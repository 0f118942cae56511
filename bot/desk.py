"""Where every request arrives, whatever the surface: understood, judged, recorded, then done.

    request ─ decide (pure) ─▶ Decision ─ one audit event ─▶ look at the fleet, or answer from what the bot knows
                                              └ not written ─▶ nothing is done, and the answer says so

Every foreseen error is a `Failure` in its own words; anything else is a bug, logged with a
reference that the person also sees.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from typing import Any, Protocol

import structlog

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.fleet import Fleet
from adapters.inventory import Inventory
from adapters.phrase import Listing, Phrase
from bot.audit import EventKind
from bot.policy import Actor, Policy, Refuse, label
from bot.request import Answer, Exit, Failure, FailureKind, Identity, Request
from commands.arguments import BadArgument
from commands.grammar import GrammarError, canonical, located, named
from commands.operation import FleetRead, Operation, Progress, Thresholds, View, untold
from commands.own import Doctor, Help, Version, WhoAmI
from commands.report import Cell, Column, Report, Row
from commands.suggestions import Suggester
from commands.typed import Typed, read
from commands.usage import explain

RECORDED = 500
"""Characters of a foreign text that an audit event keeps."""

REPEATED = 300
"""Characters of a request that a failure repeats: enough to know it again."""

Catalogue = tuple[type[Operation], ...]

Observe = Callable[[str, Exit, float], None]
"""Told of an answer: the operation's words ("" where none was understood), what it means, seconds that it took."""


class Recorder(Protocol):
    """The audit log, as the desk needs it."""

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        """Append one event; returns once it is safe, and raises where it is not."""


@dataclass(frozen=True)
class Basis:
    """What answers rest on. A reload replaces it whole; a request ends on the one that it began with.

    `examine` looks whether everything that the bot needs is in place (`bot.doctor`).
    """

    fleet: Fleet
    policy: Policy
    thresholds: Thresholds
    examine: Callable[[View], Awaitable[Report]]


@dataclass(frozen=True)
class Decision:
    """What is to become of a request: an operation to carry out, or why not. `rule` says what decided."""

    actor: Actor
    rule: str
    understood: str
    outcome: Operation | Failure

    @property
    def kind(self) -> EventKind:
        refused = isinstance(self.outcome, Failure) and self.outcome.kind is FailureKind.REFUSED
        return EventKind.REFUSAL if refused else EventKind.REQUEST


@dataclass(frozen=True)
class Rights:
    """Who somebody is, and what they may ask for."""

    actor: Actor
    permitted: Catalogue


@dataclass(frozen=True)
class Asked:
    """Who asks, what that person may ask for, and a look at the bot itself: what its own operations answer from."""

    actor: Actor
    permitted: Catalogue
    examine: Callable[[], Awaitable[Report]]


class Desk:
    """Answers requests. There is no other way to an operation.

    `now` gives aware times; `reference` a short random text that names an unexpected error;
    `observe` is told of every request when it is answered.
    """

    def __init__(
        self,
        basis: Basis,
        catalogue: Catalogue,
        audit: Recorder,
        now: Callable[[], datetime],
        reference: Callable[[], str],
        observe: Observe = lambda words, answer, seconds: None,
    ) -> None:
        self.basis = basis
        self._catalogue = catalogue
        self._audit = audit
        self._now = now
        self._reference = reference
        self._observe = observe
        self._log = structlog.get_logger("bot.desk")

    async def handle(self, request: Request, progress: Progress = untold) -> Answer:
        """The answer to a request; `progress` is told which hosts are still awaited. Raises nothing but cancellation."""
        began = time.perf_counter()
        answer, words = await self._answer(request, progress)
        self._observe(words, answer.exit, time.perf_counter() - began)
        return answer

    async def _answer(self, request: Request, progress: Progress) -> tuple[Answer, str]:
        """The answer, and the words of the operation that it is about."""
        operation, basis, typed = operation_id(request.key), self.basis, read(request.text)
        try:
            decision = decide(request, typed, basis.policy, self._catalogue)
            event = _event(decision, request, typed)
            body = await self._record(decision, operation, event) or await self._carry_out(decision, basis, progress)
            if isinstance(body, Failure):
                body = self._with_suggestions(body, decision, basis)
        except Exception as error:  # a bug: one request fails, with a trace, and the bot lives on
            return _bounded(Answer(operation=operation, understood=typed.text, body=self._unexpected(error, operation))), ""
        asked = decision.outcome if isinstance(decision.outcome, Operation) else None
        here = asked is not None and asked.here
        answer = _bounded(Answer(operation=operation, understood=decision.understood, body=body, here=here))
        return answer, "" if asked is None else " ".join(asked.words)

    def rights(self, identity: Identity) -> Rights | Refuse:
        """Who that is to us and what they may ask for, or why they may ask for nothing."""
        policy = self.basis.policy
        actor = policy.identify(identity)
        return actor if isinstance(actor, Refuse) else Rights(actor, policy.permitted(actor, self._catalogue))

    async def refusal(self, request: Request) -> Failure | None:
        """Why somebody may not see what was answered to words that were understood before; None where they may.

        Seeing it again leaves no event: whoever saw it first did. Being refused does.
        """
        operation, typed = operation_id(request.key), read(request.text)
        decision = decide(request, typed, self.basis.policy, self._catalogue)
        if not isinstance(decision.outcome, Failure):
            return None
        return await self._record(decision, operation, _event(decision, request, typed)) or decision.outcome

    @property
    def known(self) -> Catalogue:
        """Everything that anybody can ask for."""
        return self._catalogue

    @property
    def hosts(self) -> Inventory:
        """The hosts that can be asked about now."""
        return self.basis.fleet.inventory

    def role_groups(self) -> tuple[str, ...]:
        """The Slack user groups that give roles at the moment."""
        return tuple(group.slack for group in self.basis.policy.groups)

    async def _record(self, decision: Decision, operation: str, event: Mapping[str, Any]) -> Failure | None:
        """Write the one event of this request; a failure where that cannot be done."""
        try:
            await self._audit.record(decision.kind, decision.actor.name, operation, event)
        except Exception as error:  # whatever stopped it: what is not recorded is not done
            cause = failure(error, "") if isinstance(error, FlatnetError) else self._unexpected(error, operation)
            phrase = Phrase("nothing was done, because it could not be written to the audit log: {why}", why=cause.phrase)
            return Failure(kind=FailureKind.INTERNAL, phrase=phrase, reference=cause.reference)
        return None

    async def _carry_out(self, decision: Decision, basis: Basis, progress: Progress) -> Report | Failure:
        outcome = decision.outcome
        if isinstance(outcome, Failure):
            return outcome
        try:
            view = View(basis.fleet, self._now, basis.thresholds, progress)
            if isinstance(outcome, FleetRead):
                return await outcome.read(view)
            permitted = basis.policy.permitted(decision.actor, self._catalogue)
            said = OWN[type(outcome)](outcome, Asked(decision.actor, permitted, lambda: basis.examine(view)))
            return said if isinstance(said, Report) else await said
        except FlatnetError as error:
            return failure(error, decision.understood)

    def _with_suggestions(self, failed: Failure, decision: Decision, basis: Basis) -> Failure:
        """With requests that would do, where somebody who may ask has mistyped."""
        if failed.kind is not FailureKind.USAGE:
            return failed
        suggester = Suggester(basis.policy.permitted(decision.actor, self._catalogue), basis.fleet.inventory)
        suggestions = suggester.suggest(decision.understood, failed.suggestions)
        return failed.model_copy(update={"suggestions": suggestions})

    def _unexpected(self, error: Exception, operation: str) -> Failure:
        reference = self._reference()
        self._log.error("unexpected error", reference=reference, operation=operation, exc_info=error)
        phrase = Phrase("unexpected error, reference {reference}; tell it to whoever runs the bot", reference=reference)
        return Failure(kind=FailureKind.INTERNAL, phrase=phrase, reference=reference)


def operation_id(key: str) -> str:
    """The id of the operation that a delivery asks for: the same delivery, the same operation.

    48 bits: a hundred thousand operations meet by chance once in fifty thousand such histories.
    """
    return "op-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def decide(request: Request, typed: Typed, policy: Policy, catalogue: Catalogue) -> Decision:
    """Who asks, for what, and whether that is allowed. Whoever is refused learns of no command, no option and no host."""
    actor = policy.identify(request.identity)
    if isinstance(actor, Refuse):
        nobody = Actor(label(request.identity), frozenset(), actor.rule)
        return Decision(nobody, actor.rule, typed.text, _refusal(actor))
    try:
        asked = named(typed, catalogue, policy.permitted(actor, catalogue))
        verdict = policy.judge(actor, asked.operation)
        if isinstance(verdict, Refuse):
            return Decision(actor, verdict.rule, typed.text, _refusal(verdict))
        operation = asked.bound()
    except GrammarError as error:
        return Decision(actor, "not understood", typed.text, failure(error, typed.text))
    return Decision(actor, verdict.rule, canonical(operation), operation)


def failure(error: FlatnetError, understood: str) -> Failure:
    """A foreseen error as an answer; its place is in the text as it was understood."""
    match error:
        case BadArgument():
            return failure(located(error, understood), understood)
        case GrammarError(span=span, suggestions=suggestions):
            return Failure(kind=FailureKind.USAGE, phrase=error.phrase, span=span, suggestions=suggestions)
        case RequestError():
            return Failure(kind=FailureKind.USAGE, phrase=error.phrase)
        case Refused():
            return Failure(kind=FailureKind.REFUSED, phrase=error.phrase)
        case _:
            return Failure(kind=FailureKind.INTERNAL, phrase=error.phrase)


def _bounded(answer: Answer) -> Answer:
    """A failure repeats no more of the request than somebody needs to know it again; reports stay as they are."""
    failed, understood = answer.body, answer.understood
    if not isinstance(failed, Failure) or len(understood) <= REPEATED:
        return answer
    if failed.span is not None and failed.span[1] >= REPEATED:
        failed = failed.model_copy(update={"span": None})  # its place is in what is cut off; the phrase names the word
    return answer.model_copy(update={"body": failed, "understood": understood[: REPEATED - 1] + "…"})


def _refusal(refuse: Refuse) -> Failure:
    return Failure(kind=FailureKind.REFUSED, phrase=refuse.reason)


def _event(decision: Decision, request: Request, typed: Typed) -> dict[str, Any]:
    data = {
        "text": typed.text[:RECORDED],
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


def _help(operation: Help, asked: Asked) -> Report:
    return explain(operation.about, asked.permitted)


def _whoami(operation: WhoAmI, asked: Asked) -> Report:
    actor = asked.actor
    roles = Listing(tuple(sorted(actor.roles)))
    words = Listing(tuple(" ".join(permitted.words) for permitted in asked.permitted))
    facts = (
        (Phrase("Name"), actor.name),
        (Phrase("Roles"), Phrase("{items}", items=roles)),
        (Phrase("Rule"), actor.rule),
        (Phrase("May ask for"), Phrase("{items}", items=words)),
    )
    return Report(
        title=Phrase("Who you are"),
        summary=Phrase("you are {name}, with the roles {roles}", name=actor.name, roles=roles),
        columns=(Column(key="fact", heading=Phrase("What")), Column(key="value", heading=Phrase("Value"))),
        rows=tuple(Row(cells=(_cell(fact), _cell(value))) for fact, value in facts),
        next=("help",),
    )


def _version(operation: Version, asked: Asked) -> Report:
    version = metadata.version("flatnet-bot")
    return Report(
        title=Phrase("Version"),
        summary=Phrase("flatnet-bot {version}", version=version),
        columns=(Column(key="version", heading=Phrase("Version")),),
        rows=(Row(cells=(_cell(version),)),),
        brief=True,
    )


def _doctor(operation: Doctor, asked: Asked) -> Awaitable[Report]:
    return asked.examine()


def _cell(text: Phrase | str) -> Cell:
    return Cell(text=text, value=str(text))


OWN: Mapping[type[Operation], Callable[[Any, Asked], Report | Awaitable[Report]]] = {
    Help: _help,
    WhoAmI: _whoami,
    Version: _version,
    Doctor: _doctor,
}
"""Who answers the bot's own operations."""
