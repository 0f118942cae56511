"""Observations of an incident's hosts when it is opened: stored ones, as far as the requester may see them.

open alerts, checks, changes, counts of the watch ─ ObservationReader.read ─▶ HostObservations ─▶ severity, snapshot

No host is read, so it takes as long with all hosts dead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.inventory import Host
from bot.access.policy import Permit
from bot.alerts.handlers import select_visible
from bot.alerts.ports import AlertRegistryPort
from bot.changes.ports import ChangeLifecycle
from bot.digests.ports import CheckRegistryPort, FleetHistory
from bot.incidents.handlers.audience import find_named_hosts
from bot.incidents.rules.likely_causes import CHANGE_PERIOD, Evidence, RecentChange, find_beginning, propose_severity
from bot.incidents.rules.opening import Sightings, Snapshot, take_snapshot
from bot.model.alert import Alert
from bot.model.change import Change
from bot.ports.context import RequestContext
from bot.store.observations import SUM_SECONDS
from commands.alerts.conditions import Condition
from commands.alerts.operations import AlertShow
from commands.certificates.operations import CertList
from commands.changes.operations import OperationShow
from commands.health.operation import Health
from commands.model.check import Area
from commands.model.finding import Severity

MAX_CHANGES = 20
"""Maximum number of changes that are looked through, the newest ones."""

_SUM_PERIOD = timedelta(seconds=SUM_SECONDS)
_OF_FLEET = frozenset({Condition.BLIND, Condition.AUTHORITY})
"""Conditions of the whole fleet, which may explain any host."""


@dataclass(frozen=True)
class HostObservations:
    """Observations of hosts that one requester may see. `said`: a person said when the problem began."""

    evidence: Evidence
    sightings: Sightings
    said: bool

    @property
    def severity(self) -> Severity:
        """The severity that is proposed: that of the worst alert of the hosts."""
        return propose_severity([alert for alert in self.evidence.alerts if alert.host in self.evidence.hosts])

    def take_snapshot(self) -> Snapshot:
        """Takes the snapshot for the timeline and the answer."""
        return take_snapshot(self.evidence, self.sightings, said=self.said)


@dataclass(frozen=True)
class ObservationReader:
    """Reads what is stored of hosts."""

    alerts: AlertRegistryPort
    checks: CheckRegistryPort
    changes: ChangeLifecycle
    history: FleetHistory
    now: Callable[[], datetime]

    async def read(self, hosts: Sequence[Host], began_at: datetime | None, context: RequestContext) -> HostObservations:
        """Reads what is stored of these hosts. Raises a `DatabaseError`."""
        now, names = self.now(), tuple(host.name for host in hosts)
        alerts = select_related(select_visible(await self.alerts.list_open(), AlertShow, context), names, context)
        began = find_beginning([alert for alert in alerts if alert.host in names], began_at, now)
        areas = _list_readable_areas(hosts, context)
        known = await self.checks.find_known(names, areas) if areas else None
        evidence = Evidence(
            now=now,
            began_at=began,
            hosts=names,
            alerts=alerts,
            changes=await self._find_changes(names, began, context),
            checks={} if known is None else {key: check for key, check in known.newest.items() if key[1] in areas},
            labels={host.name: frozenset(host.labels) for host in context.inventory.hosts},
        )
        return HostObservations(evidence, await self._find_sightings(names, now), said=began_at is not None)

    async def _find_changes(
        self, names: Sequence[str], began: datetime, context: RequestContext
    ) -> tuple[RecentChange, ...]:
        found = await self.changes.list_touching(names, began - CHANGE_PERIOD, MAX_CHANGES)
        return tuple(
            RecentChange(change.operation, change.words, change.requester, change.plan.hosts, at)
            for change in found
            if (at := place_change(change, began)) is not None and _may_show(change, context)
        )

    async def _find_sightings(self, names: Sequence[str], now: datetime) -> Sightings:
        """Finds which hosts were checked since the half hour before this one. Checks are stored as sums of half hours."""
        this = datetime.fromtimestamp(now.timestamp() // SUM_SECONDS * SUM_SECONDS, UTC)
        since = this - _SUM_PERIOD
        seen = await self.history.sum_by_host(since, this + _SUM_PERIOD)
        looked = {name: seen[name] for name in names if name in seen}
        answered = frozenset(name for name, each in looked.items() if each.well or each.troubled)
        silent = frozenset(name for name, each in looked.items() if each.unreached and name not in answered)
        return Sightings(since, answered, silent)


def select_related(alerts: Sequence[Alert], names: Sequence[str], context: RequestContext) -> tuple[Alert, ...]:
    """Selects the alerts of these hosts, those of the whole fleet, and those that explain any of them.

    A cause whose host the requester may not see is left out of what it explains.
    """
    by_key = {alert.key: alert for alert in alerts}
    chosen = {alert.key: alert for alert in alerts if alert.host in names or alert.condition in _OF_FLEET}
    waiting = list(chosen.values())
    while waiting:
        cause = by_key.get(waiting.pop().cause)
        if cause is not None and cause.key not in chosen:
            chosen[cause.key] = cause
            waiting.append(cause)
    return tuple(_hide_cause(alert, context) for alert in chosen.values())


def _hide_cause(alert: Alert, context: RequestContext) -> Alert:
    named, found, _ = alert.cause.partition("/")
    host = context.inventory.find_host(named) if found else None
    if not alert.cause or host is None or isinstance(context.judge_on(AlertShow, (host,)), Permit):
        return alert
    return alert.model_copy(update={"cause": ""})


def place_change(change: Change, began: datetime) -> datetime | None:
    """Places a change in time: its end, or the beginning of the problem for one that ran then. None if it did not run."""
    if change.dry_run or change.started_at is None:
        return None
    return change.started_at if change.started_at > began else min(change.ended_at or began, began)


def _may_show(change: Change, context: RequestContext) -> bool:
    return isinstance(context.judge_on(OperationShow, find_named_hosts(change.plan.hosts, context.inventory)), Permit)


def _list_readable_areas(hosts: Sequence[Host], context: RequestContext) -> tuple[Area, ...]:
    """Lists the areas whose checks the requester may see. A check of services names other hosts as causes."""
    found = []
    if isinstance(context.judge_on(Health, context.inventory.hosts), Permit):
        found.append(Area.SERVICES)
    if isinstance(context.judge_on(CertList, hosts), Permit):
        found.append(Area.CERTIFICATES)
    return tuple(found)
