"""Catalogue of all operations, the source of words, help, suggestions and permissions."""

from commands.about import Doctor, Help, PermissionCheck, Version, WhoAmI
from commands.alerts.mutes import MaintenanceAdd, MaintenanceList, MaintenanceRemove, SilenceAdd, SilenceList, SilenceRemove
from commands.alerts.operations import AlertAcknowledge, AlertList, AlertShow
from commands.audit import AuditAccept, AuditExport, AuditSearch, AuditShow, AuditVerify
from commands.backups.create import BackupCreate
from commands.backups.listing import BackupList, BackupShow
from commands.backups.prune import BackupPrune
from commands.backups.restore.operation import BackupRestore
from commands.backups.verify import BackupVerify
from commands.certificates.ca_key.create import KeyBackupCreate
from commands.certificates.ca_key.operations import KeyBackupList, KeyBackupVerify, KeyDrill
from commands.certificates.operations import CaShow, CertExport, CertList, CertShow
from commands.certificates.renewal import CertRenew
from commands.certificates.rotation.abort import RotationAbort
from commands.certificates.rotation.finish import RotationFinish
from commands.certificates.rotation.next import RotationNext
from commands.certificates.rotation.overview import CaRotation
from commands.certificates.rotation.start import RotationBegin
from commands.changes.confirm import OperationConfirm
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
from commands.changes.owed import OwedAbandon, OwedDrop, OwedList, OwedRetry
from commands.changes.rehearsal import HostRehearse
from commands.containers.addresses import AddressClean, AddressList
from commands.containers.listing import ContainerOverview
from commands.containers.migrate.operation import ContainerMigrate
from commands.containers.prune import ContainerPrune
from commands.containers.remove import ContainerRemove
from commands.containers.restart import ContainerRestart
from commands.containers.run import ContainerRun
from commands.containers.show import ContainerShow
from commands.containers.start_stop import ContainerStart, ContainerStop
from commands.digests import Digest, MonthlyReport, WeeklyReport
from commands.gateways.configuration_tests import GatewayTest
from commands.gateways.escalation import EscalationList, EscalationReset
from commands.gateways.forget import SyncForget
from commands.gateways.forwarding.operations import ForwardingApply, ForwardingList
from commands.gateways.overview import GatewayList
from commands.gateways.peer_report import PeerList
from commands.gateways.peers import PeerAdd, PeerRemove
from commands.gateways.reload import GatewayReload
from commands.gateways.routes import RouteList
from commands.gateways.synchronization import SyncList, SyncPull
from commands.health.disk_operation import DiskUsage
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.hosts.add.operation import HostAdd
from commands.hosts.discover.operation import HostDiscover
from commands.hosts.edit import HostEdit
from commands.hosts.operations import HostList, HostShow
from commands.hosts.remove.operation import HostRemove
from commands.hosts.suspend.resume import HostResume
from commands.hosts.suspend.suspend import HostSuspend
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
from commands.logs.operations import LogCollect, LogRead
from commands.model.operation import Operation
from commands.replicas import CopyList
from commands.schedules import ScheduleAdd, ScheduleList, SchedulePause, ScheduleRemove, ScheduleResume, ScheduleRun
from commands.services.operations import ServiceList, ServiceRestart, ServiceStart, ServiceStop

CATALOGUE: tuple[type[Operation], ...] = (
    Health,
    HostList,
    ServiceList,
    ServiceStart,
    ServiceStop,
    ServiceRestart,
    CertList,
    CertShow,
    CertExport,
    CertRenew,
    CaShow,
    CaRotation,
    RotationBegin,
    RotationNext,
    RotationFinish,
    RotationAbort,
    KeyBackupList,
    KeyBackupCreate,
    KeyBackupVerify,
    KeyDrill,
    ContainerOverview,
    ContainerShow,
    AddressList,
    AddressClean,
    DiskUsage,
    ForwardingList,
    ForwardingApply,
    UpdateList,
    GatewayList,
    GatewayTest,
    GatewayReload,
    PeerList,
    PeerAdd,
    PeerRemove,
    SyncList,
    SyncPull,
    SyncForget,
    EscalationList,
    EscalationReset,
    RouteList,
    ContainerRun,
    ContainerStart,
    ContainerStop,
    ContainerRestart,
    ContainerRemove,
    ContainerMigrate,
    ContainerPrune,
    BackupList,
    BackupShow,
    BackupVerify,
    BackupCreate,
    BackupPrune,
    BackupRestore,
    HostShow,
    HostAdd,
    HostDiscover,
    HostRehearse,
    HostEdit,
    HostSuspend,
    HostResume,
    HostRemove,
    Digest,
    WeeklyReport,
    MonthlyReport,
    ApprovalList,
    ApprovalShow,
    Approve,
    Deny,
    OperationList,
    OperationShow,
    OperationCancel,
    OperationContinue,
    OperationResolve,
    OperationReview,
    OwedList,
    OwedDrop,
    OwedRetry,
    OwedAbandon,
    OperationConfirm,
    AlertList,
    AlertShow,
    AlertAcknowledge,
    LockList,
    LockAdd,
    LockRemove,
    SilenceList,
    SilenceAdd,
    SilenceRemove,
    MaintenanceList,
    MaintenanceAdd,
    MaintenanceRemove,
    LogRead,
    LogCollect,
    IncidentList,
    IncidentOpen,
    IncidentShow,
    IncidentNote,
    IncidentUpdate,
    IncidentSeverity,
    IncidentLead,
    IncidentInvite,
    IncidentAdd,
    IncidentCorrect,
    IncidentMitigated,
    IncidentResolve,
    IncidentReopen,
    IncidentMerge,
    IncidentFollowUp,
    IncidentFollowUpDone,
    IncidentLater,
    IncidentCall,
    IncidentReport,
    ScheduleList,
    ScheduleAdd,
    SchedulePause,
    ScheduleResume,
    ScheduleRemove,
    ScheduleRun,
    AuditSearch,
    AuditShow,
    AuditVerify,
    AuditExport,
    AuditAccept,
    PermissionCheck,
    Help,
    WhoAmI,
    Version,
    Doctor,
    CopyList,
)
