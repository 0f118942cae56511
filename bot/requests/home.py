"""Home tabs: the state of everything that they show, and what of it one person may see there.

rows ─ read ────────▶ HomeState ─ select (pure, by rights) ─▶ HomeFacts of one person
     └ read_version ─▶ a text that differs whenever some tab may; no plan is read for it, because it is read often
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.inventory import Host
from bot.access.policy import Actor, Permit, Refusal
from bot.access.rules import NO_PLACE
from bot.alerts.handlers import find_alert_hosts
from bot.alerts.reports.listing import AlertOverview, summarize_alerts
from bot.changes.services.planner import find_plan_hosts
from bot.config.active_config import ActiveConfig
from bot.home import reports as lists
from bot.incidents.rules.visibility import IncidentReader
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.change import Change
from bot.model.home import MAX_ALERTS, HomeAlert, HomeFacts, HomeList
from bot.model.incident import Incident
from bot.model.lock import Lock
from bot.model.owed import OwedChange
from bot.requests.services import Services
from commands.alerts.mutes import MaintenanceList, SilenceList
from commands.alerts.operations import AlertAcknowledge, AlertList
from commands.certificates.operations import CertList
from commands.certificates.rotation.overview import CaRotation
from commands.changes.locks import LockList
from commands.changes.operations import ApprovalList, OperationContinue, OperationList, OperationResolve
from commands.changes.owed import OwedList
from commands.hosts.operations import HostList
from commands.incidents.operations import IncidentList
from commands.language.help import find_operation
from commands.model.check import Area
from commands.model.operation import Catalogue, Operation
from commands.model.rotation import Rotation
from commands.model.suspension import Suspension

MAX_LEFT_OVER = 10
"""Maximum number of changes that hosts are left of."""

RECENT_PERIOD = timedelta(days=7)
"""Period in which a change that hosts are left of is shown."""

LOOKUP_INTERVAL = timedelta(minutes=1)
"""Interval at which Slack is asked whether the channels of incidents are private, and checks of certificates are read.

Many tabs may be published at once. Both change seldom.
"""


@dataclass(frozen=True)
class HomeState:
    """State of everything that home tabs show, before it is narrowed to a person."""

    waiting: tuple[Change, ...]
    unknown: tuple[Change, ...]
    running: tuple[Change, ...]
    left_over: tuple[Change, ...]
    owed: tuple[OwedChange, ...]
    rotation: Rotation | None
    suspensions: Mapping[str, Suspension]
    alerts: tuple[Alert, ...]
    muted: Mapping[int, Mute]
    mutes: tuple[Mute, ...]
    locks: tuple[Lock, ...]
    incidents: tuple[Incident, ...]


class HomeReader:
    """Reads what home tabs show."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._incidents: tuple[datetime, tuple[tuple[int, int], ...], tuple[Incident, ...]] | None = None
        self._ends: tuple[datetime, Mapping[str, datetime]] | None = None

    async def read_version(self) -> str:
        """Reads the version of what all tabs show. May raise a `DatabaseError`."""
        services, now = self._services, self._services.now()
        alerts = await services.alerts.list_open()
        parts = (
            await services.changes.find_versions(now - RECENT_PERIOD),
            [(alert.number, alert.version) for alert in alerts],
            sorted(await services.mutes.find_mutes(alerts, now)),
            [(mute.number, mute.ends_at) for mute in await services.mutes.list_active()],
            [(lock.number, lock.ends_at) for lock in await self._list_locks(now)],
            [(incident.number, incident.version) for incident in await self._list_incidents()],
            [(owed.number, owed.asked_at) for owed in await services.owed.list_open()],
            _get_version(await services.rotations.read_known()),
            [each.phrase for each in (await services.suspensions.read_known()).values()],
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    async def read(self, actor: Actor, config: ActiveConfig) -> HomeFacts:
        """Reads what one person sees. May raise a `DatabaseError`."""
        state = await self._read_state()
        rights = HomeRights(actor, config, self._services.catalogue)
        incidents = await self._look_up_privacy(state.incidents) if rights.may(IncidentList) else ()
        ends = await self._find_ends(config.inventory.names)
        reader = IncidentReader(actor.name, actor.roles, channel="", movable=True)  # as outside of the incident's channel
        return HomeFacts(
            **_select_changes(state, rights),
            **_select_alerts(state, rights),
            incidents=tuple(lists.list_incidents(tuple(filter(reader.may_see, incidents)))),
            lists=tuple(_select_lists(state, rights, ends)),
        )

    async def list_urgent(self, actor: Actor, config: ActiveConfig) -> tuple[str, ...]:
        """Lists what this person should look at first, as commands. May raise a `DatabaseError`."""
        services = self._services
        rights = HomeRights(actor, config, services.catalogue)
        waiting = await services.changes.list_waiting() if rights.may(ApprovalList) else ()
        alerts = tuple(alert for alert in await services.alerts.list_open() if rights.may_see(alert))
        muted = await services.mutes.find_mutes(alerts, services.now())
        urgent = {
            " ".join(AlertList.words): bool(AlertOverview(alerts, mutes=muted).firing),
            " ".join(ApprovalList.words): any(map(rights.may_settle, waiting)),
        }
        return tuple(words for words, there in urgent.items() if there)

    async def _read_state(self) -> HomeState:
        services, now = self._services, self._services.now()
        alerts = await services.alerts.list_open()
        return HomeState(
            waiting=await services.changes.list_waiting(),
            unknown=await services.changes.list_unknown(),
            running=await services.changes.list_running(),
            left_over=await services.changes.list_left_over(now - RECENT_PERIOD, MAX_LEFT_OVER),
            owed=await services.owed.list_open(),
            rotation=await services.rotations.read_known(),
            suspensions=await services.suspensions.read_known(),
            alerts=alerts,
            muted=await services.mutes.find_mutes(alerts, now),
            mutes=await services.mutes.list_active(),
            locks=await self._list_locks(now),
            incidents=await self._list_incidents(),
        )

    async def _list_locks(self, now: datetime) -> tuple[Lock, ...]:
        return tuple(lock for lock in await self._services.locks.list_locks() if lock.ends_at > now)

    async def _list_incidents(self) -> tuple[Incident, ...]:
        return tuple(incident for incident in await self._services.incidents.list_incidents() if incident.open)

    async def _look_up_privacy(self, found: tuple[Incident, ...]) -> tuple[Incident, ...]:
        now, versions = self._services.now(), tuple((incident.number, incident.version) for incident in found)
        known = self._incidents
        if known is None or known[1] != versions or not timedelta(0) <= now - known[0] < LOOKUP_INTERVAL:
            seen = await self._services.incidents.look_up_privacy(found, self._services.channels)
            known = self._incidents = now, versions, seen
        return known[2]

    async def _find_ends(self, hosts: Collection[str]) -> Mapping[str, datetime]:
        """Finds when the hosts' certificates expire, by their newest checks."""
        now, known = self._services.now(), self._ends
        if known is None or not timedelta(0) <= now - known[0] < LOOKUP_INTERVAL:
            checks = (await self._services.checks.find_known(hosts, (Area.CERTIFICATES,))).newest.values()
            ends = {check.host: check.ends_at for check in checks if check.ends_at is not None}
            known = self._ends = now, ends
        return known[1]


@dataclass(frozen=True)
class HomeRights:
    """Rights of one person in their home tab. Grants name no such place, so one for a channel is none here."""

    actor: Actor
    config: ActiveConfig
    catalogue: Catalogue

    def may(self, operation: type[Operation], hosts: Sequence[Host] = ()) -> bool:
        """Returns whether the person may request an operation on these hosts."""
        return isinstance(self.config.policy.judge(self.actor, operation, hosts, NO_PLACE), Permit)

    def may_on(self, operation: type[Operation], change: Change) -> bool:
        """Returns whether the person may request an operation on all hosts of a change."""
        return self.may(operation, find_plan_hosts(change.plan, self.config.inventory))

    def may_settle(self, change: Change) -> bool:
        """Returns whether the person may give what a change waits for."""
        return isinstance(judge_settling(self.actor, change, self.config), Permit)

    def may_see(self, alert: Alert, operation: type[Operation] = AlertList) -> bool:
        """Returns whether the person may see an alert, or acknowledge it."""
        return self.may(operation, find_alert_hosts(alert, self.config.inventory))

    def may_fix(self, alert: Alert) -> bool:
        """Returns whether the person may request the command that fixes an alert, somewhere and on some host."""
        found = find_operation((alert.next or "").split(), self.catalogue)
        return found is not None and self.may(found[0])


def _get_version(rotation: Rotation | None) -> str:
    """Returns a text that differs whenever a rotation moves. When its hosts were last read is not shown."""
    return "" if rotation is None else rotation.model_dump_json(exclude={"members": {"__all__": {"seen_at"}}})


def judge_settling(actor: Actor, change: Change, config: ActiveConfig) -> Permit | Refusal:
    """Decides if this actor may give what a change waits for: its approval, or the review of its break-glass."""
    if change.approval is not None:
        return config.policy.may_approve(actor, change.approval, change.requester)
    hosts = find_plan_hosts(change.plan, config.inventory)
    return config.policy.may_review(actor, change.risk, hosts, change.requester)


def _select_changes(state: HomeState, rights: HomeRights) -> dict[str, Any]:
    """Selects the changes of a tab, each in one place only."""
    waiting = tuple(filter(rights.may_settle, state.waiting)) if rights.may(ApprovalList) else ()
    unknown = tuple(change for change in state.unknown if rights.may_on(OperationResolve, change))
    running = state.running if rights.may(OperationList) else ()
    shown = {change.operation for change in waiting}
    return {
        "waiting": waiting,
        "unknown": tuple(change for change in unknown if change.operation not in shown),
        "running": tuple(change for change in running if change.operation not in shown),
        "ended": tuple(change for change in state.left_over if rights.may_on(OperationContinue, change)),
    }


def _select_alerts(state: HomeState, rights: HomeRights) -> dict[str, Any]:
    """Selects the alerts of a tab: those that need attention, then acknowledged ones. The others are counted."""
    seen = AlertOverview(tuple(filter(rights.may_see, state.alerts)), mutes=state.muted)
    hosts = rights.config.inventory.hosts
    alerts = (*seen.firing, *seen.acknowledged)
    return {
        "alerts": tuple(
            HomeAlert(alert, rights.may_see(alert, AlertAcknowledge), rights.may_fix(alert)) for alert in alerts[:MAX_ALERTS]
        ),
        "alerts_left": max(0, len(alerts) - MAX_ALERTS),
        "alerts_summary": summarize_alerts(seen) if seen.open else None,
        "fleet": lists.summarize_fleet([host.name for host in hosts], seen.heard) if rights.may(AlertList, hosts) else None,
    }


def _select_lists(state: HomeState, rights: HomeRights, ends: Mapping[str, datetime]) -> Iterator[HomeList]:
    hosts = [host for host in rights.config.inventory.hosts if host.name in ends and rights.may(CertList, (host,))]
    if rights.may(OwedList):
        yield from lists.list_owed(state.owed)
    if rights.may(HostList):
        yield from lists.list_suspensions(state.suspensions)
        yield from lists.list_removals(rights.config.inventory.removed, state.owed)
    if rights.may(CaRotation):
        yield from lists.list_rotation(state.rotation, rights.config.inventory.hosts)
    yield from lists.list_certificates({host.name: ends[host.name] for host in hosts})
    if rights.may(LockList):
        yield from lists.list_locks(state.locks)
    for kind, operation in ((MuteKind.SILENCE, SilenceList), (MuteKind.MAINTENANCE, MaintenanceList)):
        if rights.may(operation):
            yield from lists.list_mutes(kind, state.mutes)
