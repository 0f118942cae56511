"""What the bot keeps, in memory: it answers from what it is given and remembers what it was asked."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from adapters.errors import FlatnetError, Refused, Unreachable
from adapters.inventory import Inventory
from adapters.local.identities import ShownIdentity
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from bot.access.policy import Refusal, Verdict
from bot.access.requester import Requester
from bot.alerts.services.mutes import MuteForbidden, NoSuchMute
from bot.audit_log.log import EventKind, Recorder
from bot.audit_log.search import AuditedOperation, FoundOperations
from bot.backups.model import VerificationRequest
from bot.changes.rules.approval import NotAllowed
from bot.changes.services.owed import NoSuchOwed, OwedForbidden
from bot.changes.services.planner import NothingToDo
from bot.digests.ports import FleetHistory
from bot.digests.services import READS
from bot.hosts.handlers.joining import JoiningServices
from bot.hosts.rules.joining import Wish
from bot.hosts.services.joining import HostRegistry
from bot.incidents.handlers.report_sources import SourceReader
from bot.incidents.model import IncidentEntry
from bot.incidents.ports import IncidentRegistryPort
from bot.incidents.rules.channels import CreatedChannel, IncidentChannels, NewChannel
from bot.incidents.rules.requests import ActRequest, IncidentRequest, NoSuchIncident
from bot.incidents.rules.visibility import IncidentReader
from bot.incidents.services.proof import EntryFlaw
from bot.incidents.tables.timeline import ALL_ENTRIES
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.announcement import Announcement
from bot.model.change import Change, ChangeState, EndedOperation
from bot.model.incident import Incident, TimelineEntry
from bot.model.lock import Lock
from bot.model.owed import AskStatus, OwedChange
from bot.model.rehearsal import Rehearsal
from bot.model.schedule import RunTally, Schedule, ScheduleRun
from bot.requests.services import Services
from bot.schedules.model import ScheduleListing
from bot.schedules.ports import ScheduleRegistryPort
from bot.schedules.services.registry import NoSuchSchedule
from bot.security.redaction import Redactor
from bot.store.audit_chain import StoredEvent, Verification
from bot.store.audit_head_file import Head
from bot.store.observations import Observation
from commands.backups.verdict import JudgedBackup
from commands.catalogue import CATALOGUE
from commands.health.verdict import collect_checks
from commands.model.backup import NO_BACKUPS, Backup, Drill, KeyBackup, KnownBackups
from commands.model.certificates import KnownIdentities
from commands.model.chart import HostHealth
from commands.model.check import Area, CheckKey, KnownChecks, StoredCheck
from commands.model.operation import Catalogue, FleetChange, FleetRead, FleetView, refuse_own_read
from commands.model.proven_configuration import ProvenConfigurations
from commands.model.report import Report
from commands.model.rotation import Rotation
from commands.model.suspension import Suspension
from commands.values.arguments import Target
from tests.bot.alert_registry import Alerts
from tests.commands.canned import NOW

CANARY = "correct-horse-battery"
"""A secret of the bot's."""


class NoSchedules:
    """A book without schedules."""

    async def list_all(self) -> tuple[ScheduleListing, ...]:
        return ()

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]:
        return ()

    async def find(self, name: str) -> Schedule:
        raise NoSuchSchedule(Phrase("there is no schedule {name}", name=name))

    async def add(self, schedule: Schedule) -> Schedule:
        return schedule

    async def pause(self, name: str, by: str, operation: str, why: Phrase | None = None) -> Schedule:
        return await self.find(name)

    async def resume(self, name: str, by: str, operation: str) -> Schedule:
        return await self.find(name)

    async def remove(self, name: str, by: str, operation: str) -> None:
        await self.find(name)

    async def run(self, name: str, by: str, operation: str) -> ScheduleRun:
        await self.find(name)
        raise AssertionError("nothing is found")


class NoIncidents:
    """A book without incidents."""

    async def find_open_in(self, channel: str) -> Incident | None:
        return None

    async def find_for_request(self, operation: str, channel: str) -> Incident | None:
        return None

    async def find_acted(self, operation: str) -> Incident | None:
        return None

    async def list_incidents(self) -> tuple[Incident, ...]:
        return ()

    async def list_of_alert(self, alert: int) -> tuple[Incident, ...]:
        return ()

    async def find(self, number: int, channel: str) -> Incident:
        raise NoSuchIncident(Phrase("there is no incident"))

    async def find_visible(self, number: int, reader: IncidentReader, channels: IncidentChannels) -> Incident:
        return await self.find(number, reader.channel)

    async def find_current(
        self, number: int, reader: IncidentReader, channels: IncidentChannels, operation: str = ""
    ) -> Incident:
        return await self.find(number, reader.channel)

    async def look_up_privacy(self, incidents: Sequence[Incident], channels: IncidentChannels) -> tuple[Incident, ...]:
        return tuple(incidents)

    async def open(self, opening: IncidentRequest, channel: str) -> Incident:
        return await self.find(0, channel)

    async def open_in_new_channel(
        self, opening: IncidentRequest, new: NewChannel, channels: IncidentChannels
    ) -> tuple[Incident, CreatedChannel]:
        return await self.find(0, ""), await channels.make_channel(new)

    async def act(self, number: int, request: ActRequest) -> Incident:
        return await self.find(number, "")

    async def list_working(self) -> tuple[Incident, ...]:
        return ()

    async def read_timeline(self, number: int, most: int = ALL_ENTRIES) -> tuple[TimelineEntry, ...]:
        return ()

    async def count_timeline(self, number: int) -> int:
        return 0

    async def add_entry(self, entry: IncidentEntry) -> None:
        raise AssertionError("there is no incident")

    async def read_entries(self, number: int) -> tuple[tuple[IncidentEntry, ...], int]:
        return (), 0


class RememberedKeys:
    """Copies of CA keys in memory; nothing is verified, and no drill is held."""

    def __init__(self, known: KnownBackups = NO_BACKUPS) -> None:
        self.known = known

    async def read_known(self) -> KnownBackups:
        return self.known

    async def verify(self, key: KeyBackup, view: FleetView, actor: str, operation: str) -> KeyBackup:
        return key

    async def open(self, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]:
        raise Refused(Phrase("no drill is held here"))

    async def check(self, text: str, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]:
        return await self.open(key, actor, operation)


class Made:
    """Channels as Slack would make them: the same name again is the same channel. `refusing`: none is made.

    `asked`, `told` and `invited` are the calls. `private` are the channels that are, `unknown` those that Slack does not
    describe.
    """

    def __init__(self) -> None:
        self.asked: list[NewChannel] = []
        self.told: list[Announcement] = []
        self.invited: list[tuple[str, str]] = []
        self.there: dict[str, str] = {}
        self.refusing: FlatnetError | None = None
        self.private: set[str] = set()
        self.unknown: set[str] = set()

    async def is_private(self, channel: str) -> bool | None:
        return None if channel in self.unknown else channel in self.private

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        return {
            channel: "" if channel in self.private else f"#{channel[2:].lower()}"
            for channel in channels
            if channel not in self.unknown
        }

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        self.asked.append(new)
        await asyncio.sleep(0)
        if self.refusing is not None:
            raise self.refusing
        return CreatedChannel(self.there.setdefault(new.name, f"C0NEW{len(self.there) + 1}"), new.name)

    async def invite(self, channel: str, person: str) -> Phrase | None:
        if self.refusing is not None:
            raise self.refusing
        self.invited.append((channel, person))
        return None

    async def announce(self, bulletin: Announcement) -> None:
        if self.refusing is not None:
            raise self.refusing
        self.told.append(bulletin)


class Remembered:
    """A memory that holds what it is given; `seen` is what was seen of hosts whenever it is asked for."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Report, datetime]] = []
        self.kept: dict[str, tuple[datetime, str]] = {}
        self.seen: Mapping[str, Observation] = {}

    async def record(self, report: Report, at: datetime) -> None:
        self.recorded.append((report, at))

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, Observation]:
        return self.seen

    async def read_days(
        self, hosts: Sequence[str], until: datetime, count: int
    ) -> tuple[tuple[date, ...], tuple[HostHealth, ...]]:
        days = tuple(until.date() - timedelta(days=ago) for ago in reversed(range(count)))
        return days, tuple(HostHealth(host=host, days=(None,) * count) for host in hosts)

    async def store_digest(self, operation: str, at: datetime, document: str) -> None:
        self.kept[operation] = at, document

    async def find_previous_digest(self, operation: str, at: datetime) -> str | None:
        others = [kept for name, kept in self.kept.items() if name != operation and kept[0] < at]
        return max(others)[1] if others else None


class RememberedChecks:
    """The newest checks, without a database. Without `areas` nothing is folded into an answer."""

    def __init__(self, *areas: Area) -> None:
        self.areas = areas
        self.newest: dict[CheckKey, StoredCheck] = {}

    async def record(self, operation: FleetRead, report: Report, began: datetime, inventory: Inventory) -> None:
        area = next((area for area, read in READS.items() if type(operation) is read), None)
        if area is not None:
            self.newest |= {(check.host, check.area): check for check in collect_checks(area, report, began)}

    async def find_known(self, hosts: Collection[str], areas: Sequence[Area]) -> KnownChecks:
        return KnownChecks(self.newest, tuple(area for area in areas if area in self.areas))


class RememberedMutes:
    """Silences and maintenance, without a database."""

    def __init__(self, *mutes: Mute) -> None:
        self.mutes = list(mutes)

    async def add(self, mute: Mute) -> Mute:
        self.mutes.append(mute.model_copy(update={"number": len(self.mutes) + 1}))
        return self.mutes[-1]

    async def find(self, kind: MuteKind, number: int) -> Mute:
        for mute in self.mutes:
            if (mute.kind, mute.number) == (kind, number):
                return mute
        raise NoSuchMute.of(kind, number)

    async def remove(self, operation: str, mute: Mute, by: str, judge: Callable[[Mute], Verdict]) -> None:
        if isinstance(verdict := judge(mute), Refusal):
            raise MuteForbidden(verdict.reason)
        self.mutes.remove(mute)

    async def find_mutes(self, alerts: tuple[Alert, ...], now: datetime) -> dict[int, Mute]:
        return {alert.number: mute for alert in alerts for mute in self.mutes if mute.what in (alert.host, alert.key)}

    async def list_active(self) -> tuple[Mute, ...]:
        return tuple(self.mutes)

    async def list_recent(self) -> tuple[Mute, ...]:
        return tuple(self.mutes)


class RememberedOwed:
    """Owed changes, without a database. `loaded` is the operation of each, `statuses` are those of requests by id."""

    def __init__(self, *owed: OwedChange, loaded: FleetChange | None = None) -> None:
        self.owed = {each.number: each for each in owed}
        self.loaded = loaded
        self.statuses: dict[str, AskStatus] = {}

    async def list_open(self) -> tuple[OwedChange, ...]:
        return tuple(each for each in self.owed.values() if each.is_open)

    async def list_recent(self) -> tuple[OwedChange, ...]:
        return tuple(self.owed.values())

    async def find_open(self, number: int) -> OwedChange:
        if number not in self.owed:
            raise NoSuchOwed(Phrase("no owed change {number}", number=number))
        return self.owed[number]

    async def authorize(self, operation: str, owed: OwedChange, by: str, judge: Callable[[OwedChange], Verdict]) -> None:
        if isinstance(verdict := judge(owed), Refusal):
            raise OwedForbidden(verdict.reason)

    async def drop(self, operation: str, owed: OwedChange, by: str, reason: str) -> None:
        self.owed[owed.number] = replace(owed, settled_at=NOW, settled_by=by, reason=reason)

    async def record_retry(self, owed: OwedChange, operation: str) -> None:
        self.owed[owed.number] = replace(owed, asked=operation, asked_at=NOW)

    async def load(self, owed: OwedChange) -> FleetChange:
        assert self.loaded is not None
        return self.loaded

    async def find_status(self, operation: str) -> AskStatus | None:
        return self.statuses.get(operation)


class RememberedIdentities:
    """A ledger of a test."""

    def __init__(self) -> None:
        self.known = KnownIdentities()

    async def read_known(self) -> KnownIdentities:
        return self.known


class RememberedSuspensions:
    """The suspended hosts of a test."""

    def __init__(self) -> None:
        self.suspensions: dict[str, Suspension] = {}

    async def read_known(self) -> dict[str, Suspension]:
        return self.suspensions


class RememberedRotation:
    """The change of the CA of a test."""

    def __init__(self) -> None:
        self.rotation: Rotation | None = None

    async def read_known(self) -> Rotation | None:
        return self.rotation

    async def complete(self, view: FleetView) -> FleetView:
        return replace(view, rotation=self.rotation)


class RememberedBackups:
    """Backups that are known, and the verdicts of their verification by ID; `verified` are the IDs that were asked for."""

    def __init__(self) -> None:
        self.known = NO_BACKUPS
        self.verdicts: dict[str, JudgedBackup] = {}
        self.verified: list[str] = []

    async def read_known(self) -> KnownBackups:
        return self.known

    async def find(self, name: str) -> Backup | None:
        return self.known.find(name)

    async def verify(self, backups: Sequence[Backup], request: VerificationRequest) -> tuple[JudgedBackup, ...]:
        self.verified += [backup.id for backup in backups]
        return tuple(self.verdicts[backup.id] for backup in backups)


def refuse_joining(recorder: Recorder) -> JoiningServices:
    """Services of hosts that are being added, where none is."""

    async def scan(address: str) -> tuple[ShownIdentity, ...]:
        raise Unreachable(Phrase("no response from {where}", where=address))

    async def make_view(operation: str) -> FleetView:
        raise AssertionError(operation)

    async def choose_id(wish: Wish, view: FleetView) -> int:
        raise AssertionError(wish)

    async def find_key(inventory: Inventory, labels: Collection[str]) -> str:
        return ""

    registry = HostRegistry(refuse_own_read, recorder, Inventory)
    return JoiningServices(registry, scan, scan, make_view, choose_id, lambda address: "", find_key)


class NoFlaws:
    """A verifier of timelines that proves everything."""

    async def verify(self, entries: Sequence[TimelineEntry], incident: Incident | None = None) -> tuple[EntryFlaw, ...]:
        return ()


class Kept:
    """Changes, locks and audit events of a test; `asked` are the calls, by name, with their arguments."""

    def __init__(self, *changes: Change, events: tuple[StoredEvent, ...] = ()) -> None:
        self.changes = {change.operation: change for change in changes}
        self.events = events
        self.asked: list[tuple[Any, ...]] = []
        self.rehearsed: dict[str, Rehearsal] = {}
        self.schedules: ScheduleRegistryPort = NoSchedules()
        self.incidents: IncidentRegistryPort = NoIncidents()
        self.channels = Made()
        self.memory = Remembered()
        self.history: FleetHistory = self.memory
        self.checks = RememberedChecks()
        self.alerts, self.mutes = Alerts(), RememberedMutes()
        self.owed = RememberedOwed()
        self.keys = RememberedKeys()
        self.identities = RememberedIdentities()
        self.rotations = RememberedRotation()
        self.suspensions = RememberedSuspensions()
        self.backups = RememberedBackups()
        self.joining: JoiningServices | None = None
        self.head: Head | None = Head(1234, "ab12cd34ef56" + "0" * 52, NOW.isoformat())

    def services(
        self,
        recorder: Recorder,
        now: Callable[[], datetime] = lambda: NOW,
        *,
        running: bool = True,
        catalogue: Catalogue = CATALOGUE,
    ) -> Services:
        """What a dispatcher works with when this is all that the bot keeps; `recorder` gets the events of requests."""
        return Services(
            catalogue=catalogue,
            changes=self,
            locks=self,
            audit=self,
            recorder=recorder,
            schedules=self.schedules,
            incidents=self.incidents,
            channels=self.channels,
            history=self.history,
            rehearsals=self,
            checks=self.checks,
            alerts=self.alerts,
            traffic=self.alerts,
            mutes=self.mutes,
            owed=self.owed,
            owed_requests=self.owed,
            identities=self.identities,
            rotations=self.rotations,
            suspensions=self.suspensions,
            good_configurations=self,
            backups=self,
            backup_verifier=self.backups,
            key_verifier=self.keys,
            drills=self.keys,
            joining=self.joining or refuse_joining(recorder),
            show_alerts=self.alerts.notify,
            report_sources=SourceReader(self.incidents, self.alerts, self, NoFlaws(), now),
            redactor=Redactor([CANARY]),
            now=now,
            running=running,
        )

    @property
    def trouble(self) -> Phrase | None:
        return None

    async def list_gateways(self) -> ProvenConfigurations:
        return {}

    async def read_known(self) -> KnownBackups:
        return NO_BACKUPS

    async def find(self, name: str) -> Backup | None:
        return None

    async def find_by_host(self, hosts: Collection[str]) -> Mapping[str, Rehearsal]:
        return {host: self.rehearsed[host] for host in hosts if host in self.rehearsed}

    async def read_newest(self) -> Head | None:
        return self.head

    async def find_last_before(self, at: datetime) -> int:
        return 0

    async def list_after(self, sequence: int, most: int) -> tuple[StoredEvent, ...]:
        return tuple(event for event in self.events if event.sequence > sequence)[:most]

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]:
        return tuple(event for event in self.events if after < event.sequence <= until and event.kind in kinds)

    async def propose(self, operation_id: str, operation: FleetChange, by: Requester) -> Change:
        return self._told("propose", operation_id, operation, by.actor.name)

    async def open_plan(self, operation_id: str, by: Requester) -> Change:
        return self._told("show", operation_id, by.actor.name)

    async def list_recent(self, limit: int) -> tuple[Change, ...]:
        return tuple(self.changes.values())[:limit]

    async def list_touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[Change, ...]:
        return tuple(each for each in self.changes.values() if set(hosts) & set(each.plan.hosts))[:limit]

    async def find_states(self, operations: Collection[str]) -> Mapping[str, ChangeState]:
        return {name: change.state for name, change in self.changes.items() if name in operations}

    async def list_waiting(self) -> tuple[Change, ...]:
        return tuple(
            change for change in self.changes.values() if change.state is ChangeState.WAITING or _unreviewed(change)
        )

    async def list_running(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes.values() if change.state is ChangeState.RUNNING)

    async def list_unknown(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes.values() if change.state is ChangeState.UNKNOWN)

    async def list_left_over(self, since: datetime, limit: int) -> tuple[Change, ...]:
        ended = (change for change in self.changes.values() if change.state in (ChangeState.FAILED, ChangeState.UNDONE))
        return tuple(change for change in ended if change.ended_at is not None and change.ended_at >= since)[:limit]

    async def find_versions(self, since: datetime) -> Mapping[str, int]:
        return {name: change.version for name, change in self.changes.items()}

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]:
        self.asked.append(("ended", since, until))
        return ()

    async def approve(self, operation_id: str, by: Requester, name: str = "") -> Change:
        return self._told("approve", operation_id, by.actor.name)

    async def deny(self, operation_id: str, by: Requester, reason: str) -> Change:
        return self._told("deny", operation_id, by.actor.name, reason)

    async def cancel(self, operation_id: str, by: Requester) -> Change:
        return self._told("cancel", operation_id, by.actor.name)

    async def resolve(self, operation_id: str, by: Requester, saw: str, outcome: ChangeState) -> Change:
        return self._told("resolve", operation_id, by.actor.name, saw, outcome)

    async def continue_change(self, new_id: str, operation_id: str, by: Requester) -> Change:
        return self._told("carry_on", operation_id, new_id, by.actor.name)

    async def review(self, operation_id: str, by: Requester, text: str) -> Change:
        return self._told("review", operation_id, by.actor.name, text)

    async def list_locks(self) -> tuple[Lock, ...]:
        return (lock("host-a"),)

    async def add(self, operation: str, target: Target, lasts: timedelta, reason: str, owner: str) -> Lock:
        self.asked.append(("lock", str(target), lasts, reason, owner))
        return lock(str(target), NOW + lasts)

    async def remove(self, operation: str, number: int, by: str, judge: Callable[[Lock], Verdict]) -> Lock:
        if isinstance(verdict := judge(lock("host-a")), Refusal):
            raise NotAllowed(verdict.reason)
        self.asked.append(("unlock", number, by))
        return lock("host-a", NOW, removed_by=by)

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        self.asked.append((str(kind), actor))

    async def search(self, filters: Any) -> tuple[StoredEvent, ...]:
        self.asked.append(("search", filters))
        return self.events

    async def search_operations(self, filters: Any) -> FoundOperations:
        self.asked.append(("search", filters))
        return FoundOperations(tuple(AuditedOperation(event.operation, (event,), 0, 1) for event in self.events))

    async def export(self, filters: Any, form: str) -> bytes:
        self.asked.append(("export", filters, form))
        return b"sequence,at\r\n1,2026\r\n"

    async def verify(self, actor: str, operation: str) -> Verification:
        return Verification(count=3, mac="0" * 64)

    async def accept(self, actor: str, name: str) -> None:
        self.asked.append(("accept", actor, name))

    def _told(self, name: str, operation: str, *more: Any) -> Change:
        self.asked.append((name, operation, *more))
        if not self.changes:
            raise NothingToDo(Phrase("nothing to do"))
        return next(iter(self.changes.values())) if operation not in self.changes else self.changes[operation]


def _unreviewed(change: Change) -> bool:
    return change.break_glass is not None and change.break_glass.reviewed_at is None


def lock(target: str, ends_at: datetime = NOW + timedelta(hours=2), removed_by: str = "") -> Lock:
    """A lock by ana."""
    return Lock("op-0123456789ab", target, "disk swap", "ana", NOW, ends_at, removed_by, number=3)
