"""Builds the services for changes: operations, locks, repository, planner, coordinator, lifecycle.

They are built wherever the database is open. `bot.app.run_changes` runs them with the engine, while a bot runs.

Builds owed changes: their registry, the asker, and what performs the steps that give one up.

Performs the actions on changes as steps on the bot itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.local.changes import ChangeOutcomeState, ConfirmSuccess, ReadOutcome
from adapters.local.owed import GiveUpOwed, OwedState, ReadOwed
from bot.app.build_backups import build_backup_registry
from bot.app.build_hosts import build_joining
from bot.app.own_machine import add_machine_actions
from bot.app.surface_links import SurfaceLinks
from bot.audit_log.log import AuditLog
from bot.backups.services.registry import BackupRegistry, KeyCopyRegistry
from bot.backups.tables import KeyBackupTable
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.services.rotation import RotationRegistry
from bot.certificates.tables.ledger import LedgerTable
from bot.certificates.tables.rotations import RotationTable
from bot.changes.services.coordinator import Coordinator
from bot.changes.services.intent_log import IntentLog
from bot.changes.services.lifecycle import Lifecycle
from bot.changes.services.locks import LockService
from bot.changes.services.owed import OwedAsker, OwedRegistry, OwedRequests
from bot.changes.services.planner import Planner
from bot.changes.services.planning_memory import GoodConfigurationRegistry, PlanningMemory, RehearsalRegistry
from bot.changes.services.repository import ChangeRepository, ChangeSources
from bot.changes.services.step_binding import OwnActions
from bot.changes.tables.locks import LockTable
from bot.changes.tables.operations import OperationTable
from bot.changes.tables.owed import OwedTable
from bot.changes.tables.proven_configurations import GoodConfigurationTable
from bot.changes.tables.rehearsals import RehearsalTable
from bot.config.active_config import ActiveConfig
from bot.digests.services import CheckFollower
from bot.hosts.handlers.joining import JoiningServices
from bot.hosts.rules.suspension import make_mutes
from bot.hosts.services.suspensions import SuspensionRegistry
from bot.model.alert import Mute
from bot.schedules.services.registry import ScheduleRegistry
from bot.schedules.tables.schedules import ScheduleTable
from bot.security.redaction import Redactor
from bot.store.checks import CheckTable
from bot.store.database import Database
from commands.catalogue import CATALOGUE

OWED_INTERVAL = 60.0
"""Seconds between two looks for hosts that answer again. A whole check of a host comes every five minutes."""


@dataclass(frozen=True)
class OwedServices:
    """Services of owed changes that handlers, the watch and the clock use."""

    registry: OwedRegistry
    requests: OwedRequests
    asker: OwedAsker


def build_owed(table: OwedTable, requests: OwedRequests, audit: AuditLog, now: Callable[[], datetime]) -> OwedServices:
    """Builds the services over an open database."""
    return OwedServices(OwedRegistry(table, audit, now), requests, OwedAsker(table, requests, audit, now))


def add_owed_actions(own: OwnActions, registry: OwedRegistry, table: OwedTable, operations: OperationTable) -> None:
    """Adds the actions on owed changes to those that the bot can do on itself."""

    async def read(action: ReadOwed) -> OwedState:
        owed = await table.find(action.number)
        return OwedState(number=action.number, settled=owed is None or not owed.is_open)

    async def give_up(action: GiveUpOwed) -> OwedState:
        owed, approved = await table.find(action.number), await operations.get(action.operation)
        if owed is not None and owed.is_open and approved is not None:
            await registry.give_up(action.operation, owed, approved.reason)
        return await read(ReadOwed(number=action.number))

    own.add(ReadOwed, read)
    own.add(GiveUpOwed, give_up)


def add_change_actions(own: OwnActions, lifecycle: Lifecycle) -> None:
    """Adds the actions on changes to those that the bot can do on itself."""

    async def read(action: ReadOutcome) -> ChangeOutcomeState:
        states = await lifecycle.find_states([action.change])
        return ChangeOutcomeState(state=states[action.change].value if action.change in states else "")

    async def confirm(action: ConfirmSuccess) -> ChangeOutcomeState:
        await lifecycle.confirm_success(action.change, action.operation)
        return await read(ReadOutcome(change=action.change))

    own.add(ReadOutcome, read)
    own.add(ConfirmSuccess, confirm)


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
    journal = IntentLog(audit, redactor.holds_secret)
    rehearsals = RehearsalRegistry(RehearsalTable(database), audit, lambda: basis().fleet.inventory, now)
    good = GoodConfigurationRegistry(GoodConfigurationTable(database), audit)
    identities = IdentityLedger(LedgerTable(database), audit, now)
    policy, record_signed = lambda: basis().policy, identities.follow_end
    rotations = RotationRegistry(RotationTable(database), audit)
    backups = build_backup_registry(database, audit, basis)
    suspensions = SuspensionRegistry(audit, now)
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
