"""Where every request arrives, whatever the surface: understood, judged, recorded, then done.

    request ─ decide (pure) ─▶ Decision ─ one audit event ─▶ look at the fleet, or answer from what the bot knows
                                              └ not written ─▶ nothing is done, and the answer says so

Every foreseen error is a `Failure` in its own words; anything else is a bug, logged with a
reference that the person also sees.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Actor, Go, Refuse, Verdict
from bot.access.requester import By
from bot.access.rules import NOWHERE
from bot.audit.log import Recorder
from bot.changes.planner import hosts_of
from bot.handlers.archive_queue import Archiving
from bot.handlers.context import Asked, NobodyRuns
from bot.handlers.registry import OWN
from bot.model.announcement import Fallback
from bot.model.change import Change
from bot.model.request import Answer, Exit, Failure, FailureKind, Identity, Request, operation_id
from bot.requests.active_config import Basis, Keeping, Rights
from bot.requests.authorization import Decision, Ground, decide, decide_again, event_of, failure, may_see, would
from bot.requests.incident_context import Scene
from commands.bot_state.changes import Approvals, Operations
from commands.language.grammar import find
from commands.language.suggestions import Suggester
from commands.model.operation import (
    Catalogue,
    FleetChange,
    FleetRead,
    Operation,
    Progress,
    Risk,
    Role,
    View,
    untold,
)
from commands.model.report import Report
from commands.values.normalize import read

REPEATED = 300
"""Characters of a request that a failure repeats: enough to know it again."""

Observe = Callable[[str, Exit, float], None]
"""Told of an answer: the operation's words ("" where none was understood), what it means, seconds that it took."""


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
        keeping: Keeping,
        now: Callable[[], datetime],
        reference: Callable[[], str],
        observe: Observe = lambda words, answer, seconds: None,
    ) -> None:
        self.basis = basis
        self._catalogue = catalogue
        self._audit = audit
        self._keeping = keeping
        self._now = now
        self._reference = reference
        self._observe = observe
        self._archiving = Archiving()
        self._log = structlog.get_logger("bot.requests.dispatcher")

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
            zone = request.zone or ZoneInfo(basis.clockwork.zone)
            scene = await Scene.of(request, self._keeping.incidents, self._now, zone)
            decision = decide(request, typed, replace(self._ground(basis), frame=scene.frame), self._catalogue)
            event = event_of(decision, request, self._clean(typed.text))
            failed = await self._record(decision, operation, event)
            body = failed or await self._carry_out(decision, _Work(operation, request, basis, progress))
            understood = decision.understood
            if isinstance(body, Failure):
                understood = decision.asked or understood  # nobody can mend what nobody typed
                body = self._with_suggestions(body, understood, decision.actor, basis)
        except Exception as error:  # a bug: one request fails, with a trace, and the bot lives on
            return _bounded(
                Answer(operation=operation, understood=self._clean(typed.text), body=self._unexpected(error, operation))
            ), ""
        asked = decision.outcome if isinstance(decision.outcome, Operation) else None
        here = asked is not None and asked.here
        answer = _bounded(Answer(operation=operation, understood=understood, body=body, here=here))
        await scene.note(decision, answer)
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
        decision = decide_again(request, typed, self._ground(self.basis), self._catalogue)
        if not isinstance(decision.outcome, Failure):
            return None
        return (
            await self._record(decision, operation, event_of(decision, request, self._clean(typed.text))) or decision.outcome
        )

    def at_home(self, identity: Identity, operation: Operation) -> Verdict:
        """Whether somebody may see in their home tab, which is none of the places that grants name, what this would tell."""
        policy = self.basis.policy
        actor = policy.identify(identity)
        if isinstance(actor, Refuse):
            return actor
        return policy.judge(actor, type(operation), operation.hosts(self.hosts), NOWHERE)

    async def waiting(self, identity: Identity) -> tuple[Change, ...]:
        """What this person may decide or review, then what runs, as far as they may see either in their home tab."""
        basis, changes = self.basis, self._keeping.changes
        actor = basis.policy.identify(identity)
        if isinstance(actor, Refuse):
            return ()
        may_decide, may_look = (isinstance(self.at_home(identity, each), Go) for each in (Approvals(), Operations()))
        waiting = await changes.waiting() if may_decide else ()
        asked = [change for change in waiting if isinstance(_may_settle(actor, change, basis), Go)]
        running = await changes.running() if may_look else ()
        known = {change.operation for change in asked}
        return (*asked, *(change for change in running if change.operation not in known))

    @property
    def known(self) -> Catalogue:
        """Everything that anybody can ask for."""
        return self._catalogue

    @property
    def hosts(self) -> Inventory:
        """The hosts that can be asked about now."""
        return self.basis.fleet.inventory

    @property
    def fallback(self) -> Fallback:
        """Who hears what a channel does not take: the second channel, then the administrators."""
        basis = self.basis
        keepers = (person for person in basis.policy.people if Role.ADMINISTRATOR in person.roles)
        return Fallback(basis.clockwork.second_channel, tuple(person.slack[0] for person in keepers if person.slack))

    def role_groups(self) -> tuple[str, ...]:
        """The Slack user groups that give roles at the moment."""
        return tuple(group.slack for group in self.basis.policy.groups)

    def _ground(self, basis: Basis) -> Ground:
        return Ground(basis.policy, basis.fleet.inventory, self._keeping.redactor)

    def _clean(self, text: str) -> str:
        return self._keeping.redactor.clean(text)

    async def _record(self, decision: Decision, operation: str, event: Mapping[str, Any]) -> Failure | None:
        """Write the one event of this request; a failure where that cannot be done."""
        try:
            await self._audit.record(decision.kind, decision.actor.name, operation, event)
        except Exception as error:  # whatever stopped it: what is not recorded is not done
            cause = failure(error, "") if isinstance(error, FlatnetError) else self._unexpected(error, operation)
            phrase = Phrase("nothing was done, because it could not be written to the audit log: {why}", why=cause.phrase)
            return Failure(kind=FailureKind.INTERNAL, phrase=phrase, reference=cause.reference)
        return None

    async def _carry_out(self, decision: Decision, work: "_Work") -> Report | Failure | Change:
        outcome = decision.outcome
        if isinstance(outcome, Failure):
            return outcome
        by = By(decision.actor, work.request.identity, work.request.surface, work.request.channel)
        try:
            self._possible(outcome)
            body = await self._done(outcome, work, by)
        except FlatnetError as error:
            return failure(error, decision.asked)
        return body.offering(self._may(decision.actor, work.basis)) if isinstance(body, Report) else body

    async def _done(self, operation: Operation, work: "_Work", by: By) -> Report | Change:
        match operation:
            case FleetRead():
                return await operation.read(self._view(work))
            case FleetChange():
                return await self._keeping.changes.propose(work.operation, operation, by)
            case _:
                return await OWN[type(operation)](operation, self._asked(work, by))

    def _may(self, actor: Actor, basis: Basis) -> Callable[[str], bool]:
        """Whether this actor may ask for some words."""
        permitted = basis.policy.permitted(actor, self._catalogue)

        def may(words: str) -> bool:
            found = find(words.split(), self._catalogue)
            return found is None or found[0] in permitted

        return may

    def _possible(self, operation: Operation) -> None:
        """Looks are answered everywhere; decisions and changes only where a bot runs."""
        dry = isinstance(operation, FleetChange) and operation.dry_run
        if operation.risk is not Risk.READ and not dry and not self._keeping.running:
            raise NobodyRuns.here()

    def _view(self, work: "_Work") -> View:
        basis = work.basis
        return View(
            fleet=basis.fleet,
            now=self._now,
            thresholds=basis.thresholds,
            progress=work.progress,
            certificates=basis.certificates,
            clean=self._keeping.redactor.clean_log,
            operation=work.operation,
        )

    def _asked(self, work: "_Work", by: By) -> Asked:
        basis, keeping = work.basis, self._keeping
        return Asked(
            operation=work.operation,
            by=by,
            at=work.request.at,
            permitted=basis.policy.permitted(by.actor, self._catalogue),
            known=self._catalogue,
            policy=basis.policy,
            inventory=basis.fleet.inventory,
            now=self._now,
            examine=lambda: basis.examine(self._view(work)),
            changes=keeping.changes,
            locks=keeping.locks,
            audit=keeping.audit,
            schedules=keeping.schedules,
            incidents=keeping.incidents,
            channels=keeping.channels,
            may_see=lambda words: may_see(words, work.request, self._ground(basis), self._catalogue),
            would=lambda words, channel: would(words, channel, work.request, self._ground(basis), self._catalogue),
            archiving=self._archiving,
            usual=(basis.clockwork.zone, basis.clockwork.channel),
            history=keeping.history,
            view=self._view(work),
        )

    def _with_suggestions(self, failed: Failure, understood: str, actor: Actor, basis: Basis) -> Failure:
        """With requests that would do, where somebody who may ask has mistyped."""
        if failed.kind is not FailureKind.USAGE:
            return failed
        suggester = Suggester(basis.policy.permitted(actor, self._catalogue), basis.fleet.inventory)
        suggestions = suggester.suggest(understood, failed.suggestions)
        return failed.model_copy(update={"suggestions": suggestions})

    def _unexpected(self, error: Exception, operation: str) -> Failure:
        reference = self._reference()
        self._log.error("unexpected error", reference=reference, operation=operation, exc_info=error)
        phrase = Phrase("unexpected error, reference {reference}; tell it to whoever runs the bot", reference=reference)
        return Failure(kind=FailureKind.INTERNAL, phrase=phrase, reference=reference)


@dataclass(frozen=True)
class _Work:
    """A request on its way: its operation's id, and what its answer rests on."""

    operation: str
    request: Request
    basis: Basis
    progress: Progress


def _bounded(answer: Answer) -> Answer:
    """A failure repeats no more of the request than somebody needs to know it again; reports stay as they are."""
    failed, understood = answer.body, answer.understood
    if not isinstance(failed, Failure) or len(understood) <= REPEATED:
        return answer
    if failed.span is not None and failed.span[1] >= REPEATED:
        failed = failed.model_copy(update={"span": None})  # its place is in what is cut off; the phrase names the word
    return answer.model_copy(update={"body": failed, "understood": understood[: REPEATED - 1] + "…"})


def _may_settle(actor: Actor, change: Change, basis: Basis) -> Go | Refuse:
    """Whether this actor may say the word that a change waits for: an approval, or without one a review."""
    if change.approval is not None:
        return basis.policy.may_approve(actor, change.approval, change.requester)
    hosts = hosts_of(change.plan, basis.fleet.inventory)
    return basis.policy.may_review(actor, change.risk, hosts, change.requester)
