"""The one table of all operations: words, help, suggestions and permissions come from it."""

from commands.auditing import AuditAccept, AuditExport, AuditSearch, AuditVerify
from commands.certs import CaShow, Cert, CertExport, CertShow
from commands.certs_renewal import CertRenew
from commands.decisions import (
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
from commands.digests import Digest
from commands.disks import Disk
from commands.health import Health
from commands.hosts import HostList
from commands.incidents import IncidentList, IncidentOpen, IncidentResolve, IncidentShow
from commands.locks import LockAdd, LockRemove, Locks
from commands.logs import LogCollect, LogRead
from commands.operation import Operation
from commands.own import Can, Doctor, Help, Version, WhoAmI
from commands.reports import MonthlyReport, WeeklyReport
from commands.schedules import (
    ScheduleAdd,
    SchedulePause,
    ScheduleRemove,
    ScheduleResume,
    ScheduleRun,
    Schedules,
)
from commands.services import ServiceList, ServiceRestart, ServiceStart, ServiceStop
from commands.updates import Updates

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
