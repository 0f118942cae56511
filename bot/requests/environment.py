"""Environment of the dispatcher: the services that stay the same while the process lives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.alerts.ports import AlertRegistryPort, MuteRegistryPort
from bot.audit_log.log import Recorder
from bot.backups.ports import BackupReader
from bot.certificates.ports import IdentityReader, RotationReader
from bot.changes.ports import ChangeLifecycle, GoodConfigurationPort, LockRegistryPort, OwedRegistryPort
from bot.config.active_config import ActiveConfig
from bot.digests.ports import CheckRegistryPort
from bot.hosts.ports import SuspensionReader
from bot.incidents.ports import IncidentRegistryPort
from bot.incidents.rules.channels import IncidentChannels
from bot.requests.authorization import DecisionBasis
from bot.requests.handler_registry import Handlers
from bot.security.redaction import Redactor
from commands.model.operation import Catalogue


@dataclass(frozen=True)
class Environment:
    """Services of the process that requests are answered with. A reload changes none of them.

    `running`: a bot runs here that carries changes out; a process without one only answers reads.
    `redactor` knows the secrets that must not be typed. `now` gives aware times.
    """

    catalogue: Catalogue
    handlers: Handlers
    changes: ChangeLifecycle
    locks: LockRegistryPort
    incidents: IncidentRegistryPort
    channels: IncidentChannels
    checks: CheckRegistryPort
    alerts: AlertRegistryPort
    mutes: MuteRegistryPort
    owed: OwedRegistryPort
    identities: IdentityReader
    rotations: RotationReader
    suspensions: SuspensionReader
    good_configurations: GoodConfigurationPort
    backups: BackupReader
    recorder: Recorder
    redactor: Redactor
    now: Callable[[], datetime]
    running: bool

    def build_basis(self, config: ActiveConfig) -> DecisionBasis:
        """Builds the basis of decisions under a configuration."""
        return DecisionBasis(config.policy, config.inventory, self.redactor)
