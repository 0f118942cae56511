"""The active configuration, which all requests use until the next reload."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import SecretStr

from adapters.errors import NotAsked
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.key_backup import Recipient
from adapters.phrase import Phrase
from bot.access.policy import Policy
from bot.config.alerts import NO_ALERT_SETTINGS, AlertSettings
from bot.config.backups import NO_BACKUP_FOLDER, BackupFolder
from bot.config.incidents import NO_INCIDENT_SETTINGS, IncidentSettings
from bot.config.schedules import ScheduleConfig
from bot.store.known_replicas import KnownCopies
from commands.about import Doctor
from commands.model.containers import DEFAULT_CONTAINER_RULES, ContainerRules, ContainerSpec
from commands.model.operation import CertificateRules, FleetView, HashSecret, refuse_secrets
from commands.model.report import Report
from commands.model.thresholds import Thresholds


async def refuse_to_examine(host: Host, view: FleetView) -> Report:
    """Refuses to check a host, where nothing can."""
    raise NotAsked(Phrase("only a running bot can do this. Start flatnet-bot, then try again"))


async def know_no_copies() -> KnownCopies:
    """Refuses to list the copies of the bot, where there is no database."""
    raise NotAsked(Phrase("only a running bot can do this. Start flatnet-bot, then try again"))


@dataclass(frozen=True)
class ActiveConfig:
    """Configuration in use. A reload replaces it whole; a request ends on the one that it began with.

    `examine` runs `doctor`: checks that everything that the bot needs is in place (`bot.doctor.examination`).
    `heartbeat_url` is None where none is configured, or its secret is missing.
    """

    fleet: Fleet
    policy: Policy
    thresholds: Thresholds
    certificates: CertificateRules
    examine: Callable[[Doctor, FleetView], Awaitable[Report]]
    schedule_config: ScheduleConfig
    alerts: AlertSettings = NO_ALERT_SETTINGS
    incidents: IncidentSettings = NO_INCIDENT_SETTINGS
    heartbeat_url: SecretStr | None = None
    recipients: tuple[Recipient, ...] = ()
    """Recipients of encrypted copies of the CA key."""
    backup_folder: BackupFolder = NO_BACKUP_FOLDER
    container_rules: ContainerRules = DEFAULT_CONTAINER_RULES
    container_specs: tuple[ContainerSpec, ...] = ()
    """Containers that `container run` knows by name."""
    hash_secret: HashSecret = refuse_secrets
    """Hashes a secret by its name, under a key of this bot."""
    examine_host: Callable[[Host, FleetView], Awaitable[Report]] = refuse_to_examine
    """Runs the checks of `doctor` on the sides of one host."""

    read_copies: Callable[[], Awaitable[KnownCopies]] = know_no_copies
    """Reads which copies of the bot there are over its database."""

    @property
    def inventory(self) -> Inventory:
        """The hosts that can be asked about."""
        return self.fleet.inventory
