"""History of the fleet's health: readings become observations, and observations become days.

Health.read ─ make_observations (pure) ─▶ one Observation per host ─ record ─▶ rows ─▶ days of a chart, sums of a span
digest ─ store_digest ─▶ its findings ─ find_previous_digest ─▶ baseline of the next digest
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.alerts.health_record import make_observation
from bot.store.digests import DigestTable
from bot.store.observations import Observation, ObservationTable
from commands.health.assessment import CHECKS
from commands.health.log_rotation import LOG_SUBJECT
from commands.model.chart import DayHealth, HostHealth
from commands.model.finding import Finding
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
