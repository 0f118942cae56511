"""Services of the process that requests are answered with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.alerts.ports import AlertRegistryPort, MuteRegistryPort, TrafficPort
from bot.audit.ports import AuditLogPort
from bot.audit_log.log import Recorder
from bot.backups.ports import BackupReader, BackupVerifierPort, DrillPort, KeyVerifierPort
from bot.certificates.ports import IdentityReader, RotationReader
from bot.changes.ports import (
    ChangeLifecycle,
    GoodConfigurationPort,
    LockRegistryPort,
    OwedRegistryPort,
    OwedRequestPort,
    RehearsalPort,
)
from bot.config.active_config import ActiveConfig
from bot.digests.ports import CheckRegistryPort, FleetHistory
from bot.hosts.handlers.joining import JoiningServices
from bot.hosts.ports import SuspensionReader
from bot.incidents.handlers.report_sources import SourceReader
from bot.incidents.ports import ChannelPort, IncidentRegistryPort
from bot.requests.authorization import DecisionBasis
from bot.schedules.ports import ScheduleRegistryPort
from bot.security.redaction import Redactor
from commands.model.operation import Catalogue


@dataclass(frozen=True)
class Services:
    """Services of the process. A reload of the configuration changes none of them.

    `show_alerts` shows people at once what moved. `redactor` knows the secrets that must not be typed. `now` gives aware
    times. `running`: a bot runs here that carries changes out; a process without one only answers reads.
    """

    catalogue: Catalogue
    changes: ChangeLifecycle
    locks: LockRegistryPort
    audit: AuditLogPort
    recorder: Recorder
    schedules: ScheduleRegistryPort
    incidents: IncidentRegistryPort
    channels: ChannelPort
    history: FleetHistory
    rehearsals: RehearsalPort
    checks: CheckRegistryPort
    alerts: AlertRegistryPort
    traffic: TrafficPort
    mutes: MuteRegistryPort
    owed: OwedRegistryPort
    owed_requests: OwedRequestPort
    identities: IdentityReader
    rotations: RotationReader
    suspensions: SuspensionReader
    good_configurations: GoodConfigurationPort
    backups: BackupReader
    backup_verifier: BackupVerifierPort
    key_verifier: KeyVerifierPort
    drills: DrillPort
    joining: JoiningServices
    show_alerts: Callable[[], Awaitable[None]]
    report_sources: SourceReader
    redactor: Redactor
    now: Callable[[], datetime]
    running: bool

    def build_basis(self, config: ActiveConfig) -> DecisionBasis:
        """Builds the basis of decisions under a configuration."""
        return DecisionBasis(config.policy, config.inventory, self.redactor)
