"""Operation executor: carries out a request that was authorized and recorded.

operation ─┬─ FleetRead ────▶ reads hosts; what it checked is stored
           ├─ FleetChange ──▶ is prepared where it has stages, then proposed as a change (`bot.changes`)
           └─ OwnOperation ─▶ its handler (`bot.<noun>.handlers`)
"""

from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from adapters.errors import FlatnetError
from bot.access.requester import Requester
from bot.alerts.reports.mutes import build_maintenance_section
from bot.alerts.rules.mutes import find_maintenance
from bot.config.active_config import ActiveConfig
from bot.hosts.reports.stages import build_suspension_section, offer_resumes
from bot.model.request import Failure, Request
from bot.ports.context import Body, NoBotRunning, RequestContext
from bot.requests.authorization import Decision, RequestJudge, make_failure
from bot.requests.handler_registry import Handlers
from bot.requests.offers import ReaderOffers
from bot.requests.services import Services
from bot.requests.view_needs import supply_needs
from commands.model.operation import FleetChange, FleetRead, FleetView, Operation, Progress, Risk
from commands.model.owed import KnownOwed
from commands.model.report import Report


@dataclass(frozen=True)
class ExecutionContext:
    """A request under way: its operation's id, and the configuration that it began with."""

    operation: str
    request: Request
    config: ActiveConfig
    progress: Progress


class OperationExecutor:
    """Carries out operations with the services of the process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._handlers = Handlers.build(services)

    async def execute(self, decision: Decision, job: ExecutionContext) -> Body | Failure:
        """Carries out what was decided. Every foreseen error is a `Failure`."""
        outcome = decision.outcome
        if isinstance(outcome, Failure):
            return outcome
        asked = job.request
        requester = Requester(decision.actor, asked.identity, asked.surface, asked.channel, asked.answered_in_public)
        try:
            self._require_running(outcome)
            body = await self._run(outcome, job, requester)
        except FlatnetError as error:
            return make_failure(error, decision.asked)
        if not isinstance(body, Report):
            return body
        public = asked.answered_in_public or outcome.here
        return body.filter_commands(ReaderOffers(decision.actor, job.config, self._services.catalogue, public))

    async def _run(self, operation: Operation, job: ExecutionContext, requester: Requester) -> Body:
        match operation:
            case FleetRead():
                return await self._read(operation, job, requester)
            case FleetChange():
                build_context = partial(self._build_context, job, requester)
                prepared = await self._handlers.prepare(operation, build_context)
                return prepared or await self._services.changes.propose(job.operation, operation, requester)
            case _:
                context = await supply_needs(self._services, operation, await self._build_context(job, requester))
                return await self._handlers.handle(operation, context)

    async def _read(self, operation: FleetRead, job: ExecutionContext, requester: Requester) -> Report:
        """Reads hosts, and stores what was checked."""
        began = self._services.now()
        context = await supply_needs(self._services, operation, await self._build_context(job, requester))
        report = await operation.read(context.view)
        await self._services.checks.record(operation, report, began, job.config.inventory)
        return await self._add_maintenance(report, job) if operation.shows_maintenance else report

    async def _add_maintenance(self, report: Report, job: ExecutionContext) -> Report:
        """Adds which of the hosts are suspended or in maintenance. Their state is shown as it is: a person requested it."""
        at = self._services.now()
        maintenance = find_maintenance(await self._services.mutes.list_active(), job.config.inventory, at)
        found = await self._services.suspensions.read_known()
        suspended = [host for host in found if host in report.cells_by_host]
        sections = (
            build_suspension_section(found, suspended),
            build_maintenance_section(maintenance, report.cells_by_host, at),
        )
        shown = offer_resumes(report, suspended) if suspended else report
        return shown.model_copy(update={"sections": (*filter(None, sections), *shown.sections)})

    def _require_running(self, operation: Operation) -> None:
        """Raises `NoBotRunning` for decisions and changes if no bot runs. Reads are answered everywhere."""
        dry = isinstance(operation, FleetChange) and operation.dry_run
        if operation.assessed_risk is not Risk.READ and not dry and not self._services.running:
            raise NoBotRunning.for_this_process()

    async def _build_view(self, job: ExecutionContext) -> FleetView:
        config = job.config
        return FleetView(
            fleet=config.fleet,
            now=self._services.now,
            thresholds=config.thresholds,
            progress=job.progress,
            certificates=config.certificates,
            redact=self._services.redactor.redact_log,
            operation_id=job.operation,
            rotation=await self._services.rotations.read_known(),
            suspensions=await self._services.suspensions.read_known(),
            recipients=config.recipients,
            owed=KnownOwed(tuple(each.brief for each in await self._services.owed.list_open())),
        )

    async def _build_context(self, job: ExecutionContext, requester: Requester) -> RequestContext:
        config, catalogue = job.config, self._services.catalogue
        return RequestContext(
            operation=job.operation,
            requester=requester,
            at=job.request.at,
            zone=job.request.zone or ZoneInfo(config.schedule_config.zone),
            permitted=config.policy.list_permitted(requester.actor, catalogue),
            config=config,
            view=await self._build_view(job),
            authorizer=RequestJudge(job.request, self._services.build_basis(config), catalogue),
            quoted=job.request.quoted,
        )
