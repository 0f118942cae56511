"""Catalogue of all operations, the source of words, help, suggestions and permissions."""

from commands.bot_state.about import Can, Doctor, Help, Version, WhoAmI
from commands.bot_state.audit import AuditAccept, AuditExport, AuditSearch, AuditVerify
from commands.bot_state.changes import (
    Approvals,
    ApprovalShow,
    Approve,
    Deny,
    OperationCancel,
    OperationContinue,
    OperationResolve,
    OperationReview,
    Operations,
    OperationShow,
)
from commands.bot_state.incidents import IncidentList, IncidentOpen, IncidentResolve, IncidentShow
from commands.bot_state.locks import LockAdd, LockRemove, Locks
from commands.bot_state.reports import Digest, MonthlyReport, WeeklyReport
from commands.bot_state.schedules import ScheduleAdd, SchedulePause, ScheduleRemove, ScheduleResume, ScheduleRun, Schedules
from commands.certs.operations import CaShow, Cert, CertExport, CertShow
from commands.certs.renewal import CertRenew
from commands.disks.operations import Disk
from commands.health import Health
from commands.hosts import HostList
from commands.logs.operations import LogCollect, LogRead
from commands.model.operation import Operation
from commands.services.operations import ServiceList, ServiceRestart, ServiceStart, ServiceStop
from commands.updates.operations import Updates

CATALOGUE: tuple[type[Operation], ...] = (
    Health,
    HostList,
    ServiceList,
    ServiceStart,
    ServiceStop,
    ServiceRestart,
    Cert,
    CertShow,
    CertExport,
    CertRenew,
    CaShow,
    Disk,
    Updates,
    Digest,
    WeeklyReport,
    MonthlyReport,
    Approvals,
    ApprovalShow,
    Approve,
    Deny,
    Operations,
    OperationShow,
    OperationCancel,
    OperationContinue,
    OperationResolve,
    OperationReview,
    Locks,
    LockAdd,
    LockRemove,
    LogRead,
    LogCollect,
    IncidentList,
    IncidentOpen,
    IncidentShow,
    IncidentResolve,
    Schedules,
    ScheduleAdd,
    SchedulePause,
    ScheduleResume,
    ScheduleRemove,
    ScheduleRun,
    AuditSearch,
    AuditVerify,
    AuditExport,
    AuditAccept,
    Can,
    Help,
    WhoAmI,
    Version,
    Doctor,
)
