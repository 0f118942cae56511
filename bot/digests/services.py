"""History of the fleet's health: readings become observations, and observations become days.

Health.read ─ make_observations (pure) ─▶ one Observation per host ─ record ─▶ rows ─▶ days of a chart, sums of a span
digest ─ store_digest ─▶ its findings ─ find_previous_digest ─▶ baseline of the next digest

Registry of checks: stores what reads of hosts found, and finds the newest checks for answers that fold them in.

answered read ─ collect_checks ─▶ record ─▶ newest check of each host and area ─ find_known ─▶ KnownChecks
                                    └─▶ the followers: alerts on disks and certificates
change ended ─▶ CheckTable.forget: what was seen before is no longer known to be true
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.inventory import Inventory
from bot.alerts.services.fleet_memory import make_observation
from bot.digests.tables import DigestTable
from bot.store.checks import CheckTable
from bot.store.errors import DatabaseError
from bot.store.observations import Observation, ObservationTable
from commands.certificates.operations import CertList
from commands.health.assessment import CHECKS
from commands.health.disk_operation import DiskUsage
from commands.health.log_rotation import LOG_SUBJECT
from commands.health.operation import Health
from commands.health.update_operation import UpdateList
from commands.health.verdict import STORED_AREAS, collect_checks
from commands.model.chart import DayHealth, HostHealth
from commands.model.check import Area, KnownChecks, StoredCheck
from commands.model.finding import Finding
from commands.model.operation import FleetRead
from commands.model.report import Cell, Report


def make_observations(report: Report, at: datetime) -> tuple[Observation, ...]:
    """Makes one observation per host from a complete health report, as `Health.read` makes it.

    Observations are of the daily checks: stored checks of other areas and log rotation do not count.
    """
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.checked_at is None and finding.subject != LOG_SUBJECT:
            found.setdefault(finding.host, []).append(finding)
    return tuple(_make_observation(host, at, cells, found.get(host, ())) for host, cells in report.cells_by_host.items())


def _make_observation(host: str, at: datetime, cells: Mapping[str, Cell], findings: Sequence[Finding]) -> Observation:
    marks, took = {key: cells[key].mark for key in CHECKS}, cells["api_ms"].value
    reached = [finding.reached for finding in findings]
    return make_observation(host, at, marks, reached, took if isinstance(took, int) else None)


class HealthHistory:
    """Stored observations and digests. `zone` is the configured zone, which defines the days of charts and reports.

    Every method may raise `DatabaseError`; then nothing was written.
    """

    def __init__(self, observations: ObservationTable, digests: DigestTable, zone: ZoneInfo) -> None:
        self._observations = observations
        self._digests = digests
        self._zone = zone

    async def record(self, report: Report, at: datetime) -> None:
        """Stores the observations of a health report."""
        await self._observations.add(make_observations(report, at))

    async def sum_by_host(self, since: datetime, until: datetime) -> Mapping[str, Observation]:
        """Returns the sums of the observations from `since` until before `until`, by host."""
        return await self._observations.sum_by_host(since, until)

    async def read_days(
        self, hosts: Sequence[str], until: datetime, count: int
    ) -> tuple[tuple[date, ...], tuple[HostHealth, ...]]:
        """Returns `count` days up to the day of `until`, and the health of these hosts on each day."""
        last = until.astimezone(self._zone).date()
        days = tuple(last - timedelta(days=ago) for ago in reversed(range(count)))
        seen = [
            await self._observations.sum_by_host(self._find_midnight(day), self._find_midnight(day + timedelta(days=1)))
            for day in days
        ]
        return days, tuple(
            HostHealth(host=host, days=tuple(_make_day_health(day.get(host)) for day in seen)) for host in hosts
        )

    async def store_digest(self, operation: str, at: datetime, document: str) -> None:
        """Stores the findings of a digest; replaces those of the same operation."""
        await self._digests.store(operation, at, document)

    async def find_previous_digest(self, operation: str, at: datetime) -> str | None:
        """Returns the stored findings of the last digest before `at`, other than this operation; None if there is none."""
        found = await self._digests.find_latest(at, operation)
        return None if found is None else found[2]

    async def prune(self, now: datetime) -> None:
        """Aggregates old observations to days and deletes outdated rows, in small batches between which other work runs."""
        while await self._observations.aggregate_old(now):
            pass
        await self._digests.prune(now)

    def _find_midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)


def _make_day_health(seen: Observation | None) -> DayHealth | None:
    if seen is None:
        return None
    return DayHealth(well=seen.well, troubled=seen.troubled, unreached=seen.unreached)


READS: Mapping[Area, type[FleetRead]] = {
    Area.SERVICES: Health,
    Area.DISKS: DiskUsage,
    Area.CERTIFICATES: CertList,
    Area.UPDATES: UpdateList,
}
"""Read of each area. Only actors who may request it see what it found."""

_log = structlog.get_logger("bot.digests.services")


class CheckFollower(Protocol):
    """Follower of the checks that are recorded (`bot.alerts.services.report_feeds`, `bot.alerts.services.report_feeds`)."""

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Takes what it needs from a report. It never raises."""


class CheckRegistry:
    """Stored checks. `redact` removes secrets from JSON. There are no `followers` where no alerts are moved."""

    def __init__(self, table: CheckTable, redact: Callable[[Any], Any], followers: Sequence[CheckFollower] = ()) -> None:
        self._table = table
        self._redact = redact
        self._followers = followers

    async def record(self, operation: FleetRead, report: Report, began: datetime, inventory: Inventory) -> None:
        """Stores what a read found, if it checks an area. Without the database the answer is still good, so it goes on.

        Hosts that left the configuration have no checks, so that a later host of that name begins without any.
        """
        area = next((area for area, read in READS.items() if type(operation) is read), None)
        if area is None:
            return
        names = {host.name for host in inventory.hosts}
        checks = self._clean([check for check in collect_checks(area, report, began) if check.host in names])
        try:
            await self._table.delete_others(names)
            await self._table.store(checks)
        except DatabaseError as error:
            _log.warning("the checks of hosts could not be stored", area=area, why=str(error))
        for follower in self._followers:
            await follower.follow(area, report, began)

    def _clean(self, checks: Sequence[StoredCheck]) -> list[StoredCheck]:
        """Removes secrets, from all checks at once: their texts are mostly the same, and each text takes long."""
        return [StoredCheck.model_validate(each) for each in self._redact([each.model_dump(mode="json") for each in checks])]

    async def find_known(self, hosts: Collection[str], areas: Sequence[Area] = STORED_AREAS) -> KnownChecks:
        """Finds the newest checks of these hosts, for an answer that takes these areas from them. Raises `DatabaseError`."""
        return KnownChecks(await self._table.find_by_host(hosts), tuple(areas))
