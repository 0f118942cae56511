"""Registry: maps each `OwnOperation` to its handler.

Handlers that only read run wherever the database is open. Those that change state need the running bot, which
`bot.requests.operation_executor` checks.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.alerts.handlers import AlertHandlers, MuteHandlers
from bot.audit.handlers import AuditHandlers
from bot.backups.handlers.backups import BackupHandlers
from bot.backups.handlers.ca_key import AuthorityHandlers
from bot.changes.handlers import ChangeHandlers, LockHandlers, OwedHandlers
from bot.digests.handlers import DigestHandlers, ReportHandlers
from bot.hosts.handlers.joining import JoiningHandlers, RemovalHandlers
from bot.hosts.handlers.show import HostHandlers
from bot.incidents.handlers.act import IncidentActHandlers
from bot.incidents.handlers.concerns import ConcernReader
from bot.incidents.handlers.observations import ObservationReader
from bot.incidents.handlers.open import IncidentOpeningHandlers
from bot.incidents.handlers.report import IncidentReportHandlers
from bot.incidents.handlers.resolve import IncidentEndHandlers, IncidentResolver
from bot.incidents.handlers.show import IncidentHandlers
from bot.logs.handlers import ArchiveQueue, LogHandlers
from bot.ports.context import Body, RequestContext
from bot.requests.about import AboutHandlers
from bot.requests.services import Services
from bot.schedules.handlers import ScheduleHandlers
from commands.about import Doctor, Help, PermissionCheck, Version, WhoAmI
from commands.alerts.mutes import MaintenanceAdd, MaintenanceList, MaintenanceRemove, SilenceAdd, SilenceList, SilenceRemove
from commands.alerts.operations import AlertAcknowledge, AlertList, AlertShow
from commands.audit import AuditAccept, AuditExport, AuditSearch, AuditShow, AuditVerify
from commands.backups.verify import BackupVerify
from commands.certificates.ca_key.operations import KeyBackupList, KeyBackupVerify, KeyDrill
from commands.changes.locks import LockAdd, LockList, LockRemove
from commands.changes.operations import (
    ApprovalList,
    ApprovalShow,
    Approve,
    Deny,
    OperationCancel,
    OperationContinue,
    OperationList,
    OperationResolve,
    OperationReview,
    OperationShow,
)
from commands.changes.owed import OwedDrop, OwedList, OwedRetry
from commands.digests import Digest, MonthlyReport, WeeklyReport
from commands.hosts.add.operation import HostAdd
from commands.hosts.operations import HostList, HostShow
from commands.hosts.remove.operation import HostRemove
from commands.incidents.acts import (
    IncidentAdd,
    IncidentCall,
    IncidentCorrect,
    IncidentFollowUp,
    IncidentFollowUpDone,
    IncidentInvite,
    IncidentLater,
    IncidentLead,
    IncidentMerge,
    IncidentMitigated,
    IncidentNote,
    IncidentReopen,
    IncidentSeverity,
    IncidentUpdate,
)
from commands.incidents.operations import IncidentList, IncidentOpen, IncidentReport, IncidentResolve, IncidentShow
from commands.logs.operations import LogCollect
from commands.model.operation import FleetChange, Operation
from commands.model.report import Report
from commands.replicas import CopyList
from commands.schedules import ScheduleAdd, ScheduleList, SchedulePause, ScheduleRemove, ScheduleResume, ScheduleRun

Handler = Callable[[Any, RequestContext], Awaitable[Body]]
"""Answers one kind of operation."""

Preparation = Callable[[Any, RequestContext], Awaitable[Report | None]]
"""Prepares one kind of change before it is planned. An answer ends the request; None goes on to the plan."""


@dataclass(frozen=True)
class Handlers:
    """Handlers by noun, each with the services that it needs. They live as long as the process."""

    about: AboutHandlers
    alerts: AlertHandlers
    audit: AuditHandlers
    backups: BackupHandlers
    authority: AuthorityHandlers
    changes: ChangeHandlers
    digest: DigestHandlers
    hosts: HostHandlers
    incidents: IncidentHandlers
    incident_acts: IncidentActHandlers
    incident_ends: IncidentEndHandlers
    incident_openings: IncidentOpeningHandlers
    incident_reports: IncidentReportHandlers
    joining: JoiningHandlers
    locks: LockHandlers
    logs: LogHandlers
    mutes: MuteHandlers
    owed: OwedHandlers
    removal: RemovalHandlers
    reports: ReportHandlers
    schedules: ScheduleHandlers

    @classmethod
    def build(cls, services: Services) -> "Handlers":
        """Builds them once."""
        catalogue, now = services.catalogue, services.now
        changes, locks, audit, history = services.changes, services.locks, services.audit, services.history
        schedules, incidents = services.schedules, services.incidents
        concerns = ConcernReader(services.alerts, services.checks, changes, services.owed)
        resolver = IncidentResolver(incidents, services.channels, concerns)
        observations = ObservationReader(services.alerts, services.checks, changes, history, now)
        incident_handlers = IncidentHandlers(incidents, services.channels, changes, resolver, now)
        return cls(
            about=AboutHandlers(catalogue, changes),
            alerts=AlertHandlers(
                services.alerts, services.mutes, audit, incident_handlers.list_of_alert, services.show_alerts, now
            ),
            audit=AuditHandlers(audit, now),
            backups=BackupHandlers(services.backup_verifier, now),
            authority=AuthorityHandlers(services.key_verifier, services.drills, now),
            changes=ChangeHandlers(changes, now),
            digest=DigestHandlers(
                changes, locks, audit, history, services.checks, services.mutes, services.owed, services.alerts, now
            ),
            hosts=HostHandlers(services.rehearsals, services.owed, changes, locks, services.joining, now),
            incidents=incident_handlers,
            incident_acts=IncidentActHandlers(incidents, services.channels, services.alerts, now),
            incident_ends=IncidentEndHandlers(incidents, services.channels, now),
            incident_openings=IncidentOpeningHandlers(incidents, services.channels, observations, now),
            incident_reports=IncidentReportHandlers(incidents, services.channels, services.report_sources, catalogue),
            joining=JoiningHandlers(services.joining, services.rehearsals, changes, now),
            locks=LockHandlers(locks, now),
            logs=LogHandlers(changes, incidents, ArchiveQueue(), now),
            mutes=MuteHandlers(services.mutes, services.alerts, now),
            owed=OwedHandlers(services.owed, services.owed_requests, changes, now),
            removal=RemovalHandlers(services.joining.registry),
            reports=ReportHandlers(
                changes, schedules, history, services.mutes, services.alerts, services.traffic, services.backup_verifier, now
            ),
            schedules=ScheduleHandlers(schedules, services.channels, now),
        )

    async def handle(self, operation: Operation, context: RequestContext) -> Body:
        """Answers an operation on the bot's own state."""
        return await HANDLERS[type(operation)](self)(operation, context)

    async def prepare(self, operation: FleetChange, build_context: Callable[[], Awaitable[RequestContext]]) -> Report | None:
        """Prepares a change before it is planned; most kinds need no preparation."""
        find = PREPARATIONS.get(type(operation))
        return None if find is None else await find(self)(operation, await build_context())


HANDLERS: Mapping[type[Operation], Callable[[Handlers], Handler]] = {
    Help: lambda nouns: nouns.about.show_help,
    WhoAmI: lambda nouns: nouns.about.show_requester,
    Version: lambda nouns: nouns.about.show_version,
    Doctor: lambda nouns: nouns.about.examine,
    CopyList: lambda nouns: nouns.about.list_copies,
    PermissionCheck: lambda nouns: nouns.about.explain_permission,
    HostList: lambda nouns: nouns.hosts.list_hosts,
    HostShow: lambda nouns: nouns.hosts.show,
    Digest: lambda nouns: nouns.digest.make_digest,
    WeeklyReport: lambda nouns: nouns.reports.make_weekly,
    MonthlyReport: lambda nouns: nouns.reports.make_monthly,
    ApprovalList: lambda nouns: nouns.changes.list_approvals,
    ApprovalShow: lambda nouns: nouns.changes.show,
    Approve: lambda nouns: nouns.changes.approve,
    Deny: lambda nouns: nouns.changes.deny,
    OperationList: lambda nouns: nouns.changes.list_operations,
    OperationShow: lambda nouns: nouns.changes.show,
    OperationCancel: lambda nouns: nouns.changes.cancel,
    OperationContinue: lambda nouns: nouns.changes.resume,
    OperationResolve: lambda nouns: nouns.changes.resolve,
    OperationReview: lambda nouns: nouns.changes.review,
    OwedList: lambda nouns: nouns.owed.list_owed,
    OwedDrop: lambda nouns: nouns.owed.drop,
    OwedRetry: lambda nouns: nouns.owed.retry,
    AlertList: lambda nouns: nouns.alerts.list_alerts,
    AlertShow: lambda nouns: nouns.alerts.show,
    AlertAcknowledge: lambda nouns: nouns.alerts.acknowledge,
    LockList: lambda nouns: nouns.locks.list_locks,
    LockAdd: lambda nouns: nouns.locks.add,
    LockRemove: lambda nouns: nouns.locks.remove,
    SilenceList: lambda nouns: nouns.mutes.list_silences,
    SilenceAdd: lambda nouns: nouns.mutes.add_silence,
    SilenceRemove: lambda nouns: nouns.mutes.remove_silence,
    MaintenanceList: lambda nouns: nouns.mutes.list_maintenance,
    MaintenanceAdd: lambda nouns: nouns.mutes.add_maintenance,
    MaintenanceRemove: lambda nouns: nouns.mutes.remove_maintenance,
    BackupVerify: lambda nouns: nouns.backups.verify,
    KeyBackupList: lambda nouns: nouns.authority.list_copies,
    KeyBackupVerify: lambda nouns: nouns.authority.verify,
    KeyDrill: lambda nouns: nouns.authority.drill,
    AuditSearch: lambda nouns: nouns.audit.search,
    AuditShow: lambda nouns: nouns.audit.show,
    AuditExport: lambda nouns: nouns.audit.export,
    AuditVerify: lambda nouns: nouns.audit.verify,
    AuditAccept: lambda nouns: nouns.audit.accept,
    ScheduleList: lambda nouns: nouns.schedules.list_schedules,
    ScheduleAdd: lambda nouns: nouns.schedules.add,
    SchedulePause: lambda nouns: nouns.schedules.pause,
    ScheduleResume: lambda nouns: nouns.schedules.resume,
    ScheduleRemove: lambda nouns: nouns.schedules.remove,
    ScheduleRun: lambda nouns: nouns.schedules.run,
    LogCollect: lambda nouns: nouns.logs.collect,
    IncidentList: lambda nouns: nouns.incidents.list_incidents,
    IncidentOpen: lambda nouns: nouns.incident_openings.open,
    IncidentShow: lambda nouns: nouns.incidents.show,
    IncidentResolve: lambda nouns: nouns.incidents.resolve,
    IncidentNote: lambda nouns: nouns.incident_acts.note,
    IncidentUpdate: lambda nouns: nouns.incident_acts.update,
    IncidentLater: lambda nouns: nouns.incident_acts.postpone,
    IncidentSeverity: lambda nouns: nouns.incident_acts.set_severity,
    IncidentLead: lambda nouns: nouns.incident_acts.set_lead,
    IncidentInvite: lambda nouns: nouns.incident_acts.invite,
    IncidentAdd: lambda nouns: nouns.incident_acts.add,
    IncidentCorrect: lambda nouns: nouns.incident_acts.correct,
    IncidentMitigated: lambda nouns: nouns.incident_acts.mitigate,
    IncidentFollowUp: lambda nouns: nouns.incident_acts.add_followup,
    IncidentFollowUpDone: lambda nouns: nouns.incident_acts.complete_followup,
    IncidentCall: lambda nouns: nouns.incident_acts.call,
    IncidentReopen: lambda nouns: nouns.incident_ends.reopen,
    IncidentMerge: lambda nouns: nouns.incident_ends.merge,
    IncidentReport: lambda nouns: nouns.incident_reports.make,
}
"""Handler of each operation on the bot's own state: one line an operation."""

PREPARATIONS: Mapping[type[FleetChange], Callable[[Handlers], Preparation]] = {
    HostAdd: lambda nouns: nouns.joining.prepare,
    HostRemove: lambda nouns: nouns.removal.prepare,
}
"""Preparation of each change that has stages in which people work: one line an operation."""
