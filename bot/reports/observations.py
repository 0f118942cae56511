"""What was seen of the fleet over time: looks become rows, and rows become days.

Health.read ─ observed (pure) ─▶ Observation, one for each host ─ record ─▶ rows ─▶ days of a picture, sums of a span
digest ─ keep ─▶ what it found ─ earlier ─▶ what the next one compares itself with
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.store.digests import Digests
from bot.store.observations import Observation, Observations
from commands.checks.assessment import CHECKS
from commands.model.chart import DayHealth, HostHealth
from commands.model.finding import Finding
from commands.model.report import Cell, Mark, Report


def observed(report: Report, at: datetime) -> tuple[Observation, ...]:
    """What a look at the health of hosts found of each. `report` is whole, as `Health.read` makes it."""
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.host, []).append(finding)
    return tuple(_observed(host, at, cells, found.get(host, ())) for host, cells in report.by_host.items())


def _observed(host: str, at: datetime, cells: Mapping[str, Cell], findings: Sequence[Finding]) -> Observation:
    marks = {key: cells[key].mark for key in CHECKS}
    reached = any(finding.reached for finding in findings) or bool({Mark.WELL, Mark.BAD} & {*marks.values()})
    took = cells["api_ms"].value
    return Observation(
        host=host,
        at=at,
        well=int(not findings),
        troubled=int(bool(findings) and reached),
        unreached=int(bool(findings) and not reached),
        failed={key: 1 for key, mark in marks.items() if mark is Mark.BAD},
        answers=int(isinstance(took, int)),
        answer_ms=took if isinstance(took, int) else 0,
    )


class History:
    """Looks and digests as they are kept. `zone` is the configured one: its days are those of pictures and reports.

    Every method may raise a `DatabaseError`; then nothing was written.
    """

    def __init__(self, observations: Observations, digests: Digests, zone: ZoneInfo) -> None:
        self._observations = observations
        self._digests = digests
        self._zone = zone

    async def record(self, report: Report, at: datetime) -> None:
        """Keep a look at the health of hosts."""
        await self._observations.add(observed(report, at))

    async def sums(self, since: datetime, until: datetime) -> Mapping[str, Observation]:
        """What was seen from `since` on and before `until`, by host."""
        return await self._observations.sums(since, until)

    async def days(
        self, hosts: Sequence[str], until: datetime, count: int
    ) -> tuple[tuple[date, ...], tuple[HostHealth, ...]]:
        """So many days, the last one being that of `until`, and the health of these hosts on each."""
        last = until.astimezone(self._zone).date()
        days = tuple(last - timedelta(days=ago) for ago in reversed(range(count)))
        seen = [await self._observations.sums(self._begin(day), self._begin(day + timedelta(days=1))) for day in days]
        return days, tuple(HostHealth(host=host, days=tuple(_health(day.get(host)) for day in seen)) for host in hosts)

    async def keep(self, operation: str, at: datetime, document: str) -> None:
        """Keep what a digest found; a repeated run of the same operation takes its own place."""
        await self._digests.keep(operation, at, document)

    async def earlier(self, operation: str, at: datetime) -> str | None:
        """What the last digest before that time found, other than this operation."""
        found = await self._digests.latest(at, operation)
        return None if found is None else found[2]

    async def tidy(self, now: datetime) -> None:
        """Make days of old looks and let go of older ones, in small pieces between which others get their turn."""
        while await self._observations.thin(now):
            pass
        await self._digests.prune(now)

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)


def _health(seen: Observation | None) -> DayHealth | None:
    if seen is None:
        return None
    return DayHealth(well=seen.well, troubled=seen.troubled, unreached=seen.unreached)
