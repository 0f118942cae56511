"""Builds the services for changes: operations, locks, repository, planner, coordinator, lifecycle.

They are built wherever the database is open. `bot.app.run_changes` runs them with the engine, while a bot runs.
`SurfaceLinks` holds what only a running bot has: Slack, to show changes and to look up identities, and the engine.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from adapters.phrase import Phrase
from bot.app.build_backups import build_backup_registry
from bot.app.build_joining import build_joining
from bot.app.build_owed import OwedServices, add_owed_actions, build_owed
from bot.app.own_changes import add_change_actions
from bot.app.own_machine import add_machine_actions
from bot.audit.log import AuditLog
from bot.backups.key_copies import KeyCopyRegistry
from bot.backups.registry import BackupRegistry
from bot.changes.coordinator import Coordinator, RunEngine
from bot.changes.good_configurations import GoodConfigurationRegistry
from bot.changes.intent_log import IntentLog
from bot.changes.lifecycle import Lifecycle
from bot.changes.locks import LockService
from bot.changes.owed_requests import OwedRequests
from bot.changes.planner import Planner
from bot.changes.planning_memory import PlanningMemory
from bot.changes.rehearsals import RehearsalRegistry
from bot.changes.repository import ChangeRepository, ChangeSources
from bot.changes.step_binding import OwnActions
from bot.config.active_config import ActiveConfig
from bot.handlers.context import NoBotRunning
from bot.handlers.joining import JoiningServices
from bot.incidents.channels import CreatedChannel, NewChannel
from bot.ledger.registry import IdentityLedger
from bot.model.alert import Mute
from bot.model.announcement import Announcement, DeliveryStage
from bot.model.change import Change
from bot.model.request import Identity, Membership, SlackIdentity
from bot.reports.checks import CheckFollower
from bot.rotation.registry import RotationRegistry
from bot.schedules.registry import ScheduleRegistry
from bot.security.redaction import Redactor
from bot.store.checks import CheckTable
from bot.store.database import Database
from bot.store.good_configurations import GoodConfigurationTable
from bot.store.key_backups import KeyBackupTable
from bot.store.ledger import LedgerTable
from bot.store.locks import LockTable
from bot.store.operations import OperationTable
from bot.store.owed import OwedTable
from bot.store.rehearsals import RehearsalTable
from bot.store.rotations import RotationTable
from bot.store.schedules import ScheduleTable
from bot.store.suspensions import SuspensionTable
from bot.suspensions.mutes import make_mutes
from bot.suspensions.registry import SuspensionRegistry
from commands.catalogue import CATALOGUE


class ChangeSurface(Protocol):
    """Slack, as changes need it. `reached`: it has answered since the start."""

    @property
    def reached(self) -> bool: ...

    def show_change(self, change: Change) -> None: ...

    async def refresh_identity(self, who: SlackIdentity) -> SlackIdentity: ...

    async def announce(self, announcement: Announcement) -> None: ...

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None: ...

    async def find_delivery(self, name: str) -> DeliveryStage: ...

    async def withdraw(self, prefix: str) -> int: ...

    async def make_channel(self, new: NewChannel) -> CreatedChannel: ...

    async def invite(self, channel: str, person: str) -> Phrase | None: ...

    async def is_private(self, channel: str) -> bool | None: ...

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]: ...


class SurfaceLinks:
    """Links to what only a running bot has: `surface` and `engine`, None in other processes."""

    def __init__(self) -> None:
        self.surface: ChangeSurface | None = None
        self.engine: RunEngine | None = None

    @property
    def slack_reached(self) -> bool:
        """As `bot.changes.coordinator.IdentityCheck`."""
        return self.surface is not None and self.surface.reached

    def show(self, change: Change) -> None:
        """Shows a change. Without a surface, it is shown after the next start."""
        if self.surface is not None:
            self.surface.show_change(change)

    def require_engine(self) -> RunEngine:
        """Returns the engine. Raises `NoBotRunning` without one."""
        if self.engine is None:
            raise NoBotRunning.for_this_process()
        return self.engine

    async def announce(self, announcement: Announcement) -> None:
        """As `bot.model.announcement.Announcer`. Raises `NoBotRunning` without a surface."""
        await self._require_surface().announce(announcement)

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Raises `NoBotRunning` without a surface."""
        await self._require_surface().revise(announcement, word)

    async def find_delivery(self, name: str) -> DeliveryStage:
        """As `bot.model.announcement.AlertAnnouncer`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().find_delivery(name)

    async def withdraw(self, prefix: str) -> int:
        """As `bot.model.announcement.AlertAnnouncer`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().withdraw(prefix)

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        """As `bot.incidents.channels.IncidentChannels`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().make_channel(new)

    async def invite(self, channel: str, person: str) -> Phrase | None:
        """As `bot.incidents.channels.IncidentChannels`. Raises `NoBotRunning` without a surface."""
        return await self._require_surface().invite(channel, person)

    async def is_private(self, channel: str) -> bool | None:
        """As `bot.incidents.channels.IncidentChannels`. Unknown without a surface."""
        return None if self.surface is None else await self.surface.is_private(channel)

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """As `bot.handlers.ports.ChannelNames`. None is known without a surface."""
        return {} if self.surface is None else await self.surface.find_names(channels)

    def _require_surface(self) -> ChangeSurface:
        if self.surface is None:
            raise NoBotRunning.for_this_process()
        return self.surface

    async def refresh_identity(self, who: Identity) -> Identity:
        """Looks an identity up again. Membership is unknown without Slack."""
        if not isinstance(who, SlackIdentity):
            return who
        if self.surface is None:
            return replace(who, standing=Membership.UNKNOWN, groups=frozenset())
        return await self.surface.refresh_identity(who)


@dataclass(frozen=True)
class ChangeServices:
    """Services behind changes and schedules, the ledger of what changes signed, and the change of the CA."""

    lifecycle: Lifecycle
    locks: LockService
    coordinator: Coordinator
    operations: OperationTable
    intent_log: IntentLog
    links: SurfaceLinks
    schedules: ScheduleRegistry
    schedule_table: ScheduleTable
    rehearsals: RehearsalRegistry
    good_configurations: GoodConfigurationRegistry
    owed: OwedServices
    own_actions: OwnActions
    ledger: IdentityLedger
    rotations: RotationRegistry
    suspensions: SuspensionRegistry
    backups: BackupRegistry
    joining: JoiningServices

    async def list_suspension_mutes(self) -> tuple[Mute, ...]:
        """Lists the mutes of suspended hosts, and of those that were just resumed."""
        return make_mutes(await self.suspensions.read_muting())

    @property
    def followers(self) -> tuple[CheckFollower, ...]:
        """Followers of the reports on hosts."""
        return self.owed.asker, self.rotations


def build_changes(
    database: Database, audit: AuditLog, basis: Callable[[], ActiveConfig], redactor: Redactor, now: Callable[[], datetime]
) -> ChangeServices:
    """Builds the services over an open database. `basis` returns the active configuration."""
    links = SurfaceLinks()
    operations, owed = OperationTable(database), OwedTable(database)
    journal = IntentLog(audit, database, redactor.holds_secret)
    rehearsals = RehearsalRegistry(RehearsalTable(database), audit, lambda: basis().fleet.inventory, now)
    good = GoodConfigurationRegistry(GoodConfigurationTable(database), audit)
    identities = IdentityLedger(LedgerTable(database), audit, now)
    policy, record_signed = lambda: basis().policy, identities.follow_end
    rotations = RotationRegistry(RotationTable(database), audit)
    backups = build_backup_registry(database, audit, basis)
    suspensions = SuspensionRegistry(SuspensionTable(database), audit, now)
    followers = (rotations, KeyCopyRegistry(KeyBackupTable(database)), backups, suspensions)
    sources = ChangeSources(operations, owed, rehearsals, CheckTable(database), policy, good, record_signed, followers)
    repository = ChangeRepository(sources, audit, journal.read_trail, links.show, now)
    own_actions = OwnActions()
    memory = PlanningMemory(
        owed,
        good.table,
        operations,
        backups.table,
        redactor.redact_log,
        identities.read_known,
        rotations.complete,
        own_actions.perform,
        backups.attest,
        suspensions.find_open,
    )
    planner = Planner(basis, CATALOGUE, now, redactor.holds_secret, memory.complete)
    dispatch = Coordinator(repository, planner, links.require_engine, links)
    lifecycle = Lifecycle(repository, planner, dispatch)
    schedule_table = ScheduleTable(database)
    schedules = ScheduleRegistry(schedule_table, audit, now)
    owed_services = build_owed(owed, OwedRequests(lifecycle, repository, planner, links.refresh_identity), audit, now)
    owed_services.asker.spare(suspensions.find_open)
    add_change_actions(own_actions, lifecycle)
    add_machine_actions(own_actions)
    add_owed_actions(own_actions, owed_services.registry, owed, operations)
    return ChangeServices(
        lifecycle,
        LockService(LockTable(database), audit, now, dispatch.start_ready),
        dispatch,
        operations,
        journal,
        links,
        schedules,
        schedule_table,
        rehearsals,
        good,
        owed_services,
        own_actions,
        identities,
        rotations,
        suspensions,
        backups,
        build_joining(own_actions, audit, lambda: basis().fleet.inventory, planner.make_view),
    )
