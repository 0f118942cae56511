"""Desk of a copy that stands by: it answers what each copy can answer, and names the leader for all else.

    help, whoami, version   from the configuration
    copies, doctor          from the database, this machine, and the hosts
    audit verify            this machine's head file against the table
    all else                refused: it is done where the leader is

Nothing is recorded here, because the audit log has one writer.

Builds what a copy that stands by answers with.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from adapters.fleet import Fleet
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.requester import Requester
from bot.app.application import FindDatabase, Observers, build_config, load_secrets, redact_answer
from bot.app.leading_rules import NotLeading
from bot.audit_log.files import verify_files
from bot.changes.reports.listing import report_verification
from bot.config.active_config import ActiveConfig
from bot.config.database import find_database
from bot.config.settings import Settings, load_audit_keys
from bot.model.change import Change
from bot.model.request import Answer, Failure, Request, derive_operation_id
from bot.ports.context import Body, RequestContext
from bot.requests.about import AboutHandlers
from bot.requests.authorization import DecisionBasis, RequestJudge, decide, make_failure, make_unexpected_failure
from bot.runtime.clock import Clock
from bot.runtime.connections import MAX_WINDOWS_THREADS, make_connector
from bot.runtime.logging import make_reference
from bot.security.redaction import Redactor
from bot.store.audit_chain import Verification
from commands.about import Doctor, Help, Version, WhoAmI
from commands.audit import AuditVerify
from commands.catalogue import CATALOGUE
from commands.model.operation import Catalogue, FleetView, Operation, Progress
from commands.replicas import CopyList
from commands.values.normalize import normalize_text

_log = structlog.get_logger("bot.app.standby_answers")


class _NoChanges:
    """Changes as far as a copy that stands by knows them: those that wait are the leader's to show."""

    async def list_waiting(self) -> tuple[Change, ...]:
        return ()

    async def list_unknown(self) -> tuple[Change, ...]:
        return ()


@dataclass
class StandbyDesk:
    """Desk with the present configuration, which a reload replaces. `verify` verifies the audit log on this machine.

    `describe_leader` says which copy does what this one cannot. `now` gives aware times.
    """

    config: ActiveConfig
    redactor: Redactor
    describe_leader: Callable[[], Phrase]
    verify: Callable[[], Awaitable[Verification]]
    now: Callable[[], datetime]
    _about: AboutHandlers = field(default_factory=lambda: AboutHandlers(CATALOGUE, _NoChanges()))

    @property
    def note_reaction(self) -> str:
        """Name of the emoji that makes a message a note; "" while reactions are switched off."""
        return self.config.incidents.reaction or ""

    @property
    def known_operations(self) -> Catalogue:
        """All operations."""
        return CATALOGUE

    @property
    def hosts(self) -> Inventory:
        """The hosts of the configuration."""
        return self.config.inventory

    async def answer(self, request: Request, progress: Progress) -> Answer:
        """Answers a request of the control socket, with secrets redacted. Raises nothing but cancellation."""
        operation, typed, config = derive_operation_id(request.key), normalize_text(request.text), self.config
        basis = DecisionBasis(config.policy, config.inventory, self.redactor)
        understood = ""
        try:
            decision = decide(request, typed, basis, CATALOGUE)
            understood, outcome = decision.understood, decision.outcome
            if isinstance(outcome, Operation):
                requester = Requester(decision.actor, request.identity, request.surface, request.channel)
                context = self._build_context(request, operation, requester, progress)
                body: Body | Failure = await self._perform(outcome, context)
            else:
                body = outcome
        except FlatnetError as error:
            body = make_failure(error, understood)
        except Exception as error:  # a bug: one request fails, with a trace, and the copy lives on
            body = _report_unexpected(error)
        answer = Answer(operation="", understood=understood, body=body)
        return await asyncio.to_thread(redact_answer, answer, self.redactor)

    async def _perform(self, operation: Operation, context: RequestContext) -> Body:
        match operation:
            case Help():
                return await self._about.show_help(operation, context)
            case WhoAmI():
                return await self._about.show_requester(operation, context)
            case Version():
                return await self._about.show_version(operation, context)
            case Doctor():
                return await self._about.examine(operation, context)
            case CopyList():
                return await self._about.list_copies(operation, context)
            case AuditVerify():
                return report_verification(await self.verify())
            case _:
                raise NotLeading(self.describe_leader())

    def _build_context(self, request: Request, operation: str, requester: Requester, progress: Progress) -> RequestContext:
        config = self.config
        return RequestContext(
            operation=operation,
            requester=requester,
            at=request.at,
            zone=request.zone or ZoneInfo(config.schedule_config.zone),
            permitted=config.policy.list_permitted(requester.actor, CATALOGUE),
            config=config,
            view=FleetView(config.fleet, self.now, config.thresholds, progress=progress, certificates=config.certificates),
            authorizer=RequestJudge(request, DecisionBasis(config.policy, config.inventory, self.redactor), CATALOGUE),
        )


def _report_unexpected(error: Exception) -> Failure:
    reference = make_reference()
    _log.error("unexpected error", reference=reference, exc_info=error)
    return make_unexpected_failure(reference)


def make_audit_verifier(find_settings: Callable[[], Settings]) -> Callable[[], Awaitable[Verification]]:
    """Makes the function that verifies the table of the audit log against this machine's head file."""

    async def verify() -> Verification:
        settings = find_settings()
        secrets = load_secrets(settings)
        address, keys = find_database(settings, secrets), load_audit_keys(settings, secrets)
        return await asyncio.to_thread(verify_files, address, settings.audit_head_file, keys.all)

    return verify


class StandbyConfigurations:
    """Configurations of a copy that stands by, as `doctor` uses them. `require_database` raises without a session."""

    def __init__(self, require_database: FindDatabase, clock: Clock) -> None:
        self._require_database = require_database
        self._clock = clock
        self._pool = ThreadPoolExecutor(MAX_WINDOWS_THREADS, thread_name_prefix="winrm")
        self._fleets: list[Fleet] = []

    def activate(self, settings: Settings) -> ActiveConfig:
        """Builds the active configuration of these settings."""
        connect = make_connector(load_secrets(settings), self._pool)
        config = build_config(settings, connect, self._require_database, Observers(), self._clock.now())
        self._fleets.append(config.fleet)
        return config

    async def aclose(self) -> None:
        """Closes the connections to hosts."""
        await asyncio.gather(*(fleet.aclose() for fleet in self._fleets))
        self._pool.shutdown(wait=False, cancel_futures=True)
