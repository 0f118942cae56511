"""Catalogue of all operations, the source of words, help, suggestions and permissions."""

from commands.authority.create import KeyBackupCreate
from commands.authority.operations import KeyBackupList, KeyBackupVerify, KeyDrill
from commands.backups.create import BackupCreate
from commands.backups.listing import BackupList, BackupShow
from commands.backups.prune import BackupPrune
from commands.backups.restore import BackupRestore
from commands.backups.verify import BackupVerify
from commands.bot_state.about import Doctor, Help, PermissionCheck, Version, WhoAmI
from commands.bot_state.alerts import AlertAcknowledge, AlertList, AlertShow
from commands.bot_state.audit import AuditAccept, AuditExport, AuditSearch, AuditShow, AuditVerify
from commands.bot_state.changes import (
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
from commands.bot_state.copies import CopyList
from commands.bot_state.hosts import HostList, HostShow
from commands.bot_state.incident_acts import (
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
from commands.bot_state.incident_report import IncidentReport
from commands.bot_state.incidents import IncidentList, IncidentOpen, IncidentResolve, IncidentShow
from commands.bot_state.locks import LockAdd, LockList, LockRemove
from commands.bot_state.mutes import (
    MaintenanceAdd,
    MaintenanceList,
    MaintenanceRemove,
    SilenceAdd,
    SilenceList,
    SilenceRemove,
)
from commands.bot_state.owed import OwedDrop, OwedList, OwedRetry
from commands.bot_state.reports import Digest, MonthlyReport, WeeklyReport
from commands.bot_state.schedules import (
    ScheduleAdd,
    ScheduleList,
    SchedulePause,
    ScheduleRemove,
    ScheduleResume,
    ScheduleRun,
)
from commands.certs.operations import CaShow, CertExport, CertList, CertShow
from commands.certs.renewal import CertRenew
from commands.confirmation import OperationConfirm
from commands.containers.listing import ContainerOverview
from commands.containers.moves import ContainerStart, ContainerStop
from commands.containers.prune import ContainerPrune
from commands.containers.removal import ContainerRemove
from commands.containers.restart import ContainerRestart
from commands.containers.run import ContainerRun
from commands.containers.show import ContainerShow
from commands.discovery.discover import HostDiscover
from commands.disks.operations import DiskUsage
from commands.forwarding.operations import ForwardingApply, ForwardingList
from commands.gateways.configuration_tests import GatewayTest
from commands.gateways.escalation import EscalationList, EscalationReset
from commands.gateways.forget import SyncForget
from commands.gateways.overview import GatewayList
from commands.gateways.peer_report import PeerList
from commands.gateways.peers import PeerAdd, PeerRemove
from commands.gateways.reload import GatewayReload
from commands.gateways.routes import RouteList
from commands.gateways.synchronization import SyncList, SyncPull
from commands.health import Health
from commands.hosts.edit import HostEdit
from commands.hosts.rehearse import HostRehearse
from commands.ipam.addresses import AddressList
from commands.ipam.clean import AddressClean
from commands.joining.add import HostAdd
from commands.logs.operations import LogCollect, LogRead
from commands.migration.migrate import ContainerMigrate
from commands.model.operation import Operation
from commands.owed import OwedAbandon
from commands.removal.remove import HostRemove
from commands.rotation.abort import RotationAbort
from commands.rotation.finish import RotationFinish
from commands.rotation.next import RotationNext
from commands.rotation.overview import CaRotation
from commands.rotation.start import RotationBegin
from commands.services.operations import ServiceList, ServiceRestart, ServiceStart, ServiceStop
from commands.suspension.resume import HostResume
from commands.suspension.suspend import HostSuspend
from commands.updates.operations import UpdateList

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
