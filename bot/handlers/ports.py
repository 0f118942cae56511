"""Protocols of the services that handlers call."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from adapters.inventory import Inventory
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from bot.access.policy import Verdict
from bot.access.requester import Requester
from bot.alerts.ports import MuteFinder
from bot.audit.log import EventKind
from bot.audit.search import AuditFilters, FoundOperations
from bot.backups.verifier import VerificationRequest
from bot.incidents.channels import CreatedChannel, IncidentChannels, NewChannel
from bot.incidents.ports import IncidentReaderPort
from bot.incidents.privacy import IncidentReader
from bot.incidents.requests import ActRequest, IncidentRequest
from bot.model.alert import Alert, AlertChange, AlertEpisode, Mute, MuteKind
from bot.model.change import Change, ChangeState
from bot.model.incident import Incident
from bot.model.owed import AskStatus
from bot.model.rehearsal import Rehearsal
from bot.schedules.registry import ScheduleListing
from bot.store.chain import StoredEvent, Verification
from bot.store.head_file import Head
from bot.store.incidents import IncidentEntry
from bot.store.locks import Lock
from bot.store.observations import Observation
from bot.store.operations import EndedOperation
from bot.store.owed import OwedChange
from bot.store.schedules import RunTally, Schedule, ScheduleRun
from commands.alerts.traffic import TrafficCount
from commands.backups.verdict import JudgedBackup
from commands.model.backup import Backup, Drill, KeyBackup, KnownBackups
from commands.model.certificates import KnownIdentities
from commands.model.chart import HostHealth
from commands.model.check import Area, KnownChecks
from commands.model.operation import FleetChange, FleetRead, FleetView
from commands.model.proven_configuration import ProvenConfigurations
from commands.model.report import Report
from commands.model.rotation import Rotation
from commands.model.suspension import Suspension
from commands.values.arguments import Target


class UrgentChanges(Protocol):
    """Changes that a person should look at first."""

    async def list_waiting(self) -> tuple[Change, ...]: ...

    async def list_unknown(self) -> tuple[Change, ...]: ...


class ChangeLifecycle(Protocol):
    """Changes and the decisions on them (`bot.changes.lifecycle`)."""

    async def propose(self, operation_id: str, operation: FleetChange, by: Requester) -> Change: ...

    async def open_plan(self, operation_id: str, by: Requester) -> Change: ...

    async def list_recent(self, limit: int) -> tuple[Change, ...]: ...

    async def list_touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[Change, ...]: ...

    async def find_states(self, operations: Collection[str]) -> Mapping[str, ChangeState]: ...

    async def list_waiting(self) -> tuple[Change, ...]: ...

    async def list_running(self) -> tuple[Change, ...]: ...

    async def list_unknown(self) -> tuple[Change, ...]: ...

    async def list_left_over(self, since: datetime, limit: int) -> tuple[Change, ...]: ...

    async def find_versions(self, since: datetime) -> Mapping[str, int]: ...

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]: ...

    async def approve(self, operation_id: str, by: Requester, name: str = "") -> Change: ...

    async def deny(self, operation_id: str, by: Requester, reason: str) -> Change: ...

    async def cancel(self, operation_id: str, by: Requester) -> Change: ...

    async def resolve(self, operation_id: str, by: Requester, saw: str, outcome: ChangeState) -> Change: ...

    async def continue_change(self, new_id: str, operation_id: str, by: Requester) -> Change: ...

    async def review(self, operation_id: str, by: Requester, text: str) -> Change: ...


class LockRegistryPort(Protocol):
    """Locks, which forbid changes of hosts (`bot.changes.locks`)."""

    async def list_locks(self) -> tuple[Lock, ...]: ...

    async def add(self, operation: str, target: Target, lasts: timedelta, reason: str, owner: str) -> Lock: ...

    async def remove(self, operation: str, number: int, by: str, judge: Callable[[Lock], Verdict]) -> Lock: ...


class GoodConfigurationPort(Protocol):
    """Good configurations (`bot.store.good_configurations`)."""

    async def list_gateways(self) -> ProvenConfigurations: ...


class BackupReader(Protocol):
    """Backups (`bot.backups.registry`)."""

    async def read_known(self) -> KnownBackups: ...

    async def find(self, name: str) -> Backup | None: ...


class OwedRegistryPort(Protocol):
    """Owed changes (`bot.owed.registry`)."""

    async def list_open(self) -> tuple[OwedChange, ...]: ...

    async def list_recent(self) -> tuple[OwedChange, ...]: ...

    async def find_open(self, number: int) -> OwedChange: ...

    async def authorize(self, operation: str, owed: OwedChange, by: str, judge: Callable[[OwedChange], Verdict]) -> None: ...

    async def drop(self, operation: str, owed: OwedChange, by: str, reason: str) -> None: ...

    async def record_retry(self, owed: OwedChange, operation: str) -> None: ...


class OwedRequestPort(Protocol):
    """Requests for owed changes (`bot.changes.owed_requests`)."""

    async def load(self, owed: OwedChange) -> FleetChange: ...

    async def find_status(self, operation: str) -> AskStatus | None: ...


class BackupVerifierPort(Protocol):
    """Verification of backups (`bot.backups.verifier`)."""

    async def read_known(self) -> KnownBackups: ...

    async def verify(self, backups: Sequence[Backup], request: VerificationRequest) -> tuple[JudgedBackup, ...]: ...


class KeyVerifierPort(Protocol):
    """Copies of the CA key and their verification (`bot.backups.key_verifier`)."""

    async def read_known(self) -> KnownBackups: ...

    async def verify(self, key: KeyBackup, view: FleetView, actor: str, operation: str) -> KeyBackup: ...


class DrillPort(Protocol):
    """Drills of opening a copy of the CA key (`bot.backups.drills`)."""

    async def open(self, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]: ...

    async def check(self, text: str, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]: ...


class IdentityReader(Protocol):
    """Reads the ledger of identities (`bot.ledger.registry`)."""

    async def read_known(self) -> KnownIdentities:
        """Reads all that is known. It never raises: what could not be read is said in the value."""


class RotationReader(Protocol):
    """Reads the change of the CA that is under way (`bot.rotation.registry`)."""

    async def read_known(self) -> Rotation | None:
        """Reads it for an answer, which goes on without it. It never raises."""

    async def complete(self, view: FleetView) -> FleetView:
        """Completes a view. Raises a `DatabaseError` where the state is not known for sure."""


class SuspensionReader(Protocol):
    """Reads the suspended hosts (`bot.suspensions.registry`)."""

    async def read_known(self) -> Mapping[str, Suspension]:
        """Reads them by name for an answer, which goes on without them. It never raises."""


class MuteRegistryPort(MuteFinder, Protocol):
    """Silences and maintenance (`bot.alerts.mutes`)."""

    async def add(self, mute: Mute) -> Mute: ...

    async def find(self, kind: MuteKind, number: int) -> Mute: ...

    async def remove(self, operation: str, mute: Mute, by: str, judge: Callable[[Mute], Verdict]) -> None: ...

    async def list_active(self) -> tuple[Mute, ...]: ...

    async def list_recent(self) -> tuple[Mute, ...]: ...


class AlertRegistryPort(Protocol):
    """Alerts (`bot.alerts.registry`)."""

    async def list_open(self) -> tuple[Alert, ...]: ...

    async def list_recent(self, since: datetime) -> tuple[Alert, ...]: ...

    async def list_of_message(self, message: str) -> tuple[Alert, ...]: ...

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]: ...

    async def find(self, number: int) -> Alert: ...

    async def acknowledge(self, number: int, by: str, until: datetime | None, operation: str) -> Alert: ...

    async def list_durations(self, since: datetime, until: datetime) -> Mapping[str, tuple[AlertEpisode, ...]]: ...


class TrafficPort(Protocol):
    """Requests of gateways (`bot.store.traffic`)."""

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, TrafficCount]: ...


class FleetHistory(Protocol):
    """Observations of the fleet over time, and what digests found (`bot.reports.observations`)."""

    async def record(self, report: Report, at: datetime) -> None: ...

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, Observation]: ...

    async def read_days(
        self, hosts: Sequence[str], until: datetime, count: int
    ) -> tuple[tuple[date, ...], tuple[HostHealth, ...]]: ...

    async def store_digest(self, operation: str, at: datetime, document: str) -> None: ...

    async def find_previous_digest(self, operation: str, at: datetime) -> str | None: ...


class CheckRegistryPort(Protocol):
    """Newest checks of hosts (`bot.reports.checks`)."""

    async def record(self, operation: FleetRead, report: Report, began: datetime, inventory: Inventory) -> None: ...

    async def find_known(self, hosts: Collection[str], areas: Sequence[Area]) -> KnownChecks: ...


class RehearsalPort(Protocol):
    """Last rehearsals of hosts (`bot.store.rehearsals`)."""

    async def find_by_host(self, hosts: Collection[str]) -> Mapping[str, Rehearsal]: ...


class ScheduleRegistryPort(Protocol):
    """Schedules (`bot.schedules.registry`)."""

    async def list_all(self) -> tuple[ScheduleListing, ...]: ...

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]: ...

    async def find(self, name: str) -> Schedule: ...

    async def add(self, schedule: Schedule) -> Schedule: ...

    async def pause(self, name: str, by: str, operation: str, why: Phrase | None = None) -> Schedule: ...

    async def resume(self, name: str, by: str, operation: str) -> Schedule: ...

    async def remove(self, name: str, by: str, operation: str) -> None: ...

    async def run(self, name: str, by: str, operation: str) -> ScheduleRun: ...


class IncidentRegistryPort(IncidentReaderPort, Protocol):
    """Incidents (`bot.incidents.registry`)."""

    async def find_open_in(self, channel: str) -> Incident | None: ...

    async def find_for_request(self, operation: str, channel: str) -> Incident | None: ...

    async def find_acted(self, operation: str) -> Incident | None: ...

    async def list_incidents(self) -> tuple[Incident, ...]: ...

    async def list_of_alert(self, alert: int) -> tuple[Incident, ...]: ...

    async def find(self, number: int, channel: str) -> Incident: ...

    async def find_visible(self, number: int, reader: IncidentReader, channels: IncidentChannels) -> Incident: ...

    async def find_current(
        self, number: int, reader: IncidentReader, channels: IncidentChannels, operation: str = ""
    ) -> Incident: ...

    async def look_up_privacy(self, incidents: Sequence[Incident], channels: IncidentChannels) -> tuple[Incident, ...]: ...

    async def open(self, opening: IncidentRequest, channel: str) -> Incident: ...

    async def open_in_new_channel(
        self, opening: IncidentRequest, new: NewChannel, channels: IncidentChannels
    ) -> tuple[Incident, CreatedChannel]: ...

    async def act(self, number: int, request: ActRequest) -> Incident: ...

    async def count_timeline(self, number: int) -> int: ...

    async def add_entry(self, entry: IncidentEntry) -> None: ...

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]: ...


class ChannelNames(Protocol):
    """Names of Slack's channels (`bot.slack.directory.channels`)."""

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """Return the names of the channels that are known: `#ops`, or "" of a private one."""


class ChannelPort(IncidentChannels, ChannelNames, Protocol):
    """Channels of Slack, as handlers need them."""


class AuditLogPort(Protocol):
    """The audit log, for those who may read it (`bot.audit.log`). `trouble` describes damage, None if it is intact."""

    @property
    def trouble(self) -> Phrase | None: ...

    async def read_newest(self) -> Head | None: ...

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None: ...

    async def search(self, filters: AuditFilters) -> tuple[StoredEvent, ...]: ...

    async def search_operations(self, filters: AuditFilters) -> FoundOperations: ...

    async def export(self, filters: AuditFilters, form: Literal["csv", "jsonl"]) -> bytes: ...

    async def verify(self, actor: str, operation: str) -> Verification: ...

    async def accept(self, actor: str, name: str) -> None: ...
