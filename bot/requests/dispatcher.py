"""Dispatcher: entry point for requests of every surface. A request is parsed, authorized, audited, then executed.

    request ─ decide (pure) ─▶ Decision ─ one audit event ─▶ OperationExecutor ─▶ Answer
                                              └ not written ─▶ nothing is done, and the answer says so

Every foreseen error is a `Failure` with its own message. Anything else is a bug, logged with a reference that the person
also sees.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME, Permit, Refusal, Verdict
from bot.access.rules import NO_PLACE
from bot.audit_log.log import EventKind
from bot.config.active_config import ActiveConfig
from bot.model.announcement import Fallback
from bot.model.change import Change
from bot.model.home import NOTHING_AT_HOME, HomeFacts
from bot.model.incident import Incident, UpdatePreview
from bot.model.output import DeliveredFile
from bot.model.request import (
    Answer,
    ExitCode,
    Failure,
    FailureKind,
    Identity,
    Request,
    SlackIdentity,
    derive_operation_id,
)
from bot.requests.authorization import (
    Decision,
    Rights,
    decide,
    decide_again,
    make_event,
    make_failure,
    make_unexpected_failure,
)
from bot.requests.home import HomeReader, judge_settling
from bot.requests.incident_context import IncidentContext, NotePlaces, preview_update
from bot.requests.operation_executor import ExecutionContext, OperationExecutor
from bot.requests.services import Services
from bot.security.secret_patterns import MARK
from bot.security.untrusted_text import redact_typed
from commands.incidents.acts import IncidentUpdate
from commands.language.grammar import parse_operation
from commands.language.suggestions import Suggester
from commands.model.operation import Catalogue, Operation, Progress, Role, ignore_progress
from commands.values.errors import GrammarError
from commands.values.normalize import TypedText, normalize_text

REPEATED_REQUEST = 300
"""Maximum characters of the request that a failure repeats, so that the requester recognizes it."""

Observe = Callable[[str, ExitCode, float], None]
"""Observer of answers: the operation's words ("" if not understood), the answer, the seconds it took."""


class Dispatcher:
    """Answers requests. Every operation goes through it.

    `config` is replaced on reload. `reference` returns a short random text that names an unexpected error.
    `observe` is called with every answered request.
    """

    def __init__(
        self,
        config: ActiveConfig,
        services: Services,
        reference: Callable[[], str],
        observe: Observe = lambda words, answer, seconds: None,
    ) -> None:
        self.config = config
        self._services = services
        self._executor = OperationExecutor(services)
        self._homes = HomeReader(services)
        self._reference = reference
        self._observe = observe
        self._log = structlog.get_logger("bot.requests.dispatcher")

    async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer:
        """Answers a request; `progress` gets the hosts that are still awaited. Raises nothing but cancellation."""
        began = time.perf_counter()
        answer, words = await self._answer(request, progress)
        self._observe(words, answer.exit_code, time.perf_counter() - began)
        return answer

    async def _answer(self, request: Request, progress: Progress) -> tuple[Answer, str]:
        """Returns the answer, and the words of the operation that it is about."""
        operation, config, typed = derive_operation_id(request.key), self.config, normalize_text(request.text)
        try:
            zone = request.zone or ZoneInfo(config.schedule_config.zone)
            place = await IncidentContext.find(request, self._services.incidents, self._services.now, zone)
            decision = decide(
                request,
                typed,
                replace(
                    self._services.build_basis(config), apply_context=lambda asked: place.apply(asked, config.inventory)
                ),
                self.known_operations,
            )
            event = make_event(decision, request, self._redact(typed.text))
            failed = await self._record(decision, operation, event, request.attempt)
            body = failed or await self._executor.execute(decision, ExecutionContext(operation, request, config, progress))
            understood = decision.understood
            if isinstance(body, Failure):
                understood = decision.asked or understood  # a person can correct only what they typed
                suggester = Suggester(config.policy.list_permitted(decision.actor, self.known_operations), config.inventory)
                body = _add_suggestions(body, understood, typed, suggester)
        except Exception as error:  # a bug: one request fails, with a trace, and the bot lives on
            return _shorten(
                Answer(operation=operation, understood=self._redact(typed.text), body=self._log_unexpected(error, operation))
            ), ""
        asked = decision.outcome if isinstance(decision.outcome, Operation) else None
        here = asked is not None and asked.here
        answer = _shorten(Answer(operation=operation, understood=understood, body=body, here=here))
        await place.record(decision, answer)
        return answer, "" if asked is None else " ".join(asked.words)

    async def record_delivery(self, operation: str, file: DeliveredFile) -> None:
        """Records that a file of an answer was delivered. A failure is only logged, because people have the file already."""
        event = {"file": file.name, "bytes": file.size, "sha256": file.sha256}
        try:
            await self._services.recorder.record(EventKind.EXPORT, BOT_ACTOR_NAME, operation, event)
        except FlatnetError as error:
            self._log.error("the delivery of a file was not recorded", operation=operation, why=str(error))

    def find_rights(self, identity: Identity) -> Rights | Refusal:
        """Finds the actor of an identity and their permitted operations; a refusal if nothing is permitted."""
        policy = self.config.policy
        actor = policy.identify(identity)
        return actor if isinstance(actor, Refusal) else Rights(actor, policy.list_permitted(actor, self.known_operations))

    async def check_refusal(self, request: Request) -> Failure | None:
        """Checks again if a person may see the stored answer to a request. Returns the failure, or None if they may.

        A permitted view is not audited, because the original request was. A refusal is audited.
        """
        operation, typed = derive_operation_id(request.key), normalize_text(request.text)
        decision = decide_again(request, typed, self._services.build_basis(self.config), self.known_operations)
        if not isinstance(decision.outcome, Failure):
            return None
        return (
            await self._record(decision, operation, make_event(decision, request, self._redact(typed.text)), request.attempt)
            or decision.outcome
        )

    def judge_home_view(self, identity: Identity, operation: Operation) -> Verdict:
        """Judges an operation in a person's home tab. Grants name no such place."""
        policy = self.config.policy
        actor = policy.identify(identity)
        if isinstance(actor, Refusal):
            return actor
        return policy.judge_request(actor, operation, operation.resolve_hosts(self.hosts), NO_PLACE)

    async def read_home(self, identity: Identity) -> HomeFacts:
        """Reads what a person sees in their home tab; nothing for one without standing. May raise a `DatabaseError`."""
        actor = self.config.policy.identify(identity)
        return NOTHING_AT_HOME if isinstance(actor, Refusal) else await self._homes.read(actor, self.config)

    async def read_home_version(self) -> str:
        """Reads a text that differs whenever some home tab may. May raise a `DatabaseError`."""
        return await self._homes.read_version()

    async def find_note_places(self, identity: SlackIdentity, channel: str, key: str) -> tuple[Incident, ...]:
        """Finds the incidents to which a person may add a message as a note. May raise a `DatabaseError`."""
        return await self._note_places.find(identity, channel, derive_operation_id(key))

    async def preview_update(self, identity: SlackIdentity, channel: str, text: str) -> UpdatePreview | None:
        """Previews a request as an update on an incident; None if it is none, or will be refused."""
        typed, actor = normalize_text(text), self.config.policy.identify(identity)
        try:
            operation = parse_operation(typed, self.known_operations, ())
        except GrammarError:
            return None
        if not isinstance(operation, IncidentUpdate) or isinstance(actor, Refusal) or MARK in typed.text:
            return None
        places = self._services.incidents, self._services.channels
        return await preview_update(operation, actor, channel, self.config, places)

    def name_author(self, user: str) -> str:
        """Returns the configured name of a person by their Slack id; "" without one."""
        return self._note_places.name_author(user)

    @property
    def _note_places(self) -> NotePlaces:
        return NotePlaces(self._services.incidents, self._services.channels, self.config)

    @property
    def note_reaction(self) -> str:
        """Name of the emoji that makes a message a note; "" while reactions are switched off."""
        return self.config.incidents.reaction or ""

    async def list_urgent(self, identity: Identity) -> tuple[str, ...]:
        """Lists what a person should look at first, as commands. May raise a `DatabaseError`."""
        actor = self.config.policy.identify(identity)
        return () if isinstance(actor, Refusal) else await self._homes.list_urgent(actor, self.config)

    @property
    def known_operations(self) -> Catalogue:
        """All operations."""
        return self._services.catalogue

    @property
    def hosts(self) -> Inventory:
        """The hosts of the active configuration."""
        return self.config.inventory

    @property
    def fallback(self) -> Fallback:
        """Recipients of what a channel does not take: the second channel, then the administrators."""
        config = self.config
        keepers = (person for person in config.policy.people if Role.ADMINISTRATOR in person.roles)
        return Fallback(config.schedule_config.second_channel, tuple(person.slack[0] for person in keepers if person.slack))

    def list_deciders(self, change: Change) -> tuple[str, ...]:
        """Slack ids of people who may approve or review a change, and of user groups whose members may."""
        policy = self.config.policy
        if change.approval is not None:
            return (*policy.find_slack_ids(change.approval.may), *change.approval.groups)
        return change.break_glass.ping if change.break_glass is not None else ()

    def may_decide(self, identity: Identity, change: Change) -> bool:
        """Decide whether a person may approve or review a change, by today's roles."""
        config = self.config
        actor = config.policy.identify(identity)
        return not isinstance(actor, Refusal) and isinstance(judge_settling(actor, change, config), Permit)

    def list_role_groups(self) -> tuple[str, ...]:
        """The Slack user groups that give roles at the moment."""
        return tuple(group.slack for group in self.config.policy.groups)

    def _redact(self, text: str) -> str:
        return redact_typed(text, self._services.redactor.redact)

    async def _record(self, decision: Decision, operation: str, event: Mapping[str, Any], attempt: int) -> Failure | None:
        """Writes the one event of this request. Returns a failure if it cannot be written."""
        try:
            await self._services.recorder.record(decision.kind, decision.actor.name, operation, event)
        except Exception as error:  # any error: a request that is not recorded is not carried out
            cause = make_failure(error, "") if isinstance(error, FlatnetError) else self._log_unexpected(error, operation)
            return Failure(
                kind=FailureKind.INTERNAL, phrase=_explain_unrecorded(cause.phrase, attempt), reference=cause.reference
            )
        return None

    def _log_unexpected(self, error: Exception, operation: str) -> Failure:
        reference = self._reference()
        self._log.error("unexpected error", reference=reference, operation=operation, exc_info=error)
        return make_unexpected_failure(reference)


def _add_suggestions(failed: Failure, understood: str, typed: TypedText, suggester: Suggester) -> Failure:
    """Adds working requests to the failure of a mistyped one."""
    if failed.kind is not FailureKind.USAGE:
        return failed
    offered = suggester.correct_verb(typed) or failed.suggestions
    return failed.model_copy(update={"suggestions": suggester.suggest(understood, offered)})


def _explain_unrecorded(why: Phrase, attempt: int) -> Phrase:
    """Explains that a request is not carried out because it could not be recorded. An earlier attempt may have been."""
    if attempt == 1:
        return Phrase("could not write to the audit log, so nothing was done: {why}", why=why)
    return Phrase(
        "could not write to the audit log, so the command was not run again: {why}. It may have been run before. Check with "
        "op before you repeat it",
        why=why,
    )


def _shorten(answer: Answer) -> Answer:
    """Shortens the request that a failure repeats. Reports stay as they are."""
    failed, understood = answer.body, answer.understood
    if not isinstance(failed, Failure) or len(understood) <= REPEATED_REQUEST:
        return answer
    if failed.span is not None and failed.span[1] >= REPEATED_REQUEST:
        failed = failed.model_copy(update={"span": None})  # the span is in the part that is cut off; the phrase names it
    return answer.model_copy(update={"body": failed, "understood": understood[: REPEATED_REQUEST - 1] + "…"})
