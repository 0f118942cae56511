"""The monthly report: health of the hosts over a month, by observations, and their pending updates now. Pure.

    observations and requests of each day, alerts, updates of all hosts, changes, schedules
      ─▶ MonthlyInput ─▶ Report, also as Markdown and CSV

Percentages are shares of observations, not of time, and never rounded up: only a host that was healthy in every observation
has 100 %. A host without observations is unknown. `bot.digests.reports.monthly_sections` adds changes and schedules,
`bot.digests.reports.monthly_sections` requests of gateways, `bot.alerts.reports.monthly` alerts, `monthly_backups` backups.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from adapters.phrase import Listing, Moment, Phrase
from bot.alerts.reports.monthly import (
    ALERT_COLUMNS,
    EpisodesByHost,
    build_alert_cells,
    build_alert_file,
    build_alert_section,
)
from bot.backups.reports import build_backup_section
from bot.digests.reports.daily import join_clauses
from bot.digests.reports.monthly_sections import (
    TRAFFIC_COLUMNS,
    build_change_sections,
    build_schedule_section,
    build_traffic_cells,
    build_traffic_section,
)
from bot.model.change import EndedOperation
from bot.model.month import Month
from bot.model.schedule import RunTally
from bot.store.daily_rows import DETAIL_RETENTION, RETENTION
from bot.store.observations import Observation
from commands.alerts.traffic import TrafficCount
from commands.health.assessment import CHECKS
from commands.model.backup import NO_BACKUPS, KnownBackups
from commands.model.finding import NO_HOSTS, Finding, Severity, list_next_commands, list_some, sort_worst_first
from commands.model.report import Cell, Column, FileFormat, Mark, Report, ReportFile, Row, Section, rate_rows

MAX_NAMED_HOSTS = 3
"""Maximum number of hosts that the summary names."""

MAX_NEXT_COMMANDS = 5
"""Maximum number of suggested commands."""

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="looks", heading=Phrase("Checks")),
    Column(key="reached_percent", heading=Phrase("Reachable")),
    Column(key="well_percent", heading=Phrase("Healthy")),
    Column(key="checks_failed", heading=Phrase("Unhealthy checks")),
    Column(key="gateway_ms", heading=Phrase("Gateway response time (mean)")),
    *TRAFFIC_COLUMNS,
    *ALERT_COLUMNS,
    Column(key="security_updates", heading=Phrase("Security updates")),
)

_SIDE_NAMES = {"windows": Phrase("Windows"), "wsl": Phrase("WSL2")}
_UNKNOWN_CELL = Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
_ABSENT_CELL = Cell(text=Phrase("N/A"), mark=Mark.ABSENT)


@dataclass(frozen=True)
class MonthlyInput:
    """Input of a monthly report.

    `gateways` maps each host of the inventory to True if it has a gateway. `observations` sums the observations of each
    host, including hosts that have left the inventory, on the `days` with observations. `traffic` sums the requests of each
    gateway. `alerts`, `changes`, `runs` and `backups` are None if the requester may not see them.
    """

    month: Month
    gateways: Mapping[str, bool]
    updates: Report
    observations: Mapping[str, Observation]
    days: int
    changes: Sequence[EndedOperation] | None = ()
    runs: Sequence[RunTally] | None = ()
    traffic: Mapping[str, TrafficCount] = field(default_factory=dict)
    alerts: EpisodesByHost | None = field(default_factory=dict)
    backups: KnownBackups | None = NO_BACKUPS

    @property
    def hosts(self) -> Mapping[str, Observation | None]:
        """The observations by host, hosts of the inventory first; None for a host without observations."""
        return {**dict.fromkeys(self.gateways), **self.observations}

    @property
    def ranked_hosts(self) -> Sequence[tuple[str, Observation | None]]:
        """The hosts with their observations: the least reachable first, then the least healthy."""
        return sorted(self.hosts.items(), key=lambda each: _make_sort_key(*each))

    @property
    def total(self) -> Observation | None:
        """The sum of all observations of all hosts; None if there are none."""
        return reduce(add, self.observations.values()) if self.observations else None

    @property
    def removed_hosts(self) -> tuple[str, ...]:
        """Observed hosts that have left the inventory."""
        return tuple(sorted(self.observations.keys() - self.gateways.keys()))


def compose_monthly_report(seen: MonthlyInput) -> Report:
    """Composes the report."""
    findings = sort_worst_first((*seen.updates.findings, *_find_troubled_hosts(seen)))
    name = f"flatnet-{seen.month.name}"
    return Report(
        title=Phrase("Monthly report {month}", month=seen.month.name),
        summary=_summarize(seen),
        columns=COLUMNS,
        rows=_build_rows(seen, findings),
        findings=findings,
        sections=(
            _build_basis_section(seen),
            build_traffic_section(seen.traffic, seen.gateways),
            build_alert_section(seen.alerts, seen.month),
            *build_change_sections(seen.changes),
            build_schedule_section(seen.runs, seen.month),
            build_backup_section(seen.backups, tuple(seen.gateways), seen.month),
        ),
        taken_at=seen.month.now,
        next=list_next_commands(findings, MAX_NEXT_COMMANDS),
        files=(
            ReportFile(name=f"{name}.md", form=FileFormat.MARKDOWN),
            ReportFile(name=f"{name}.csv", form=FileFormat.CSV),
            *build_alert_file(seen.alerts, seen.month),
        ),
    )


def compute_percent(part: int, whole: int) -> int | float:
    """Computes a percentage with one decimal, rounded down."""
    percent = part * 1000 // whole / 10
    return int(percent) if percent.is_integer() else percent


def _find_troubled_hosts(seen: MonthlyInput) -> Iterator[Finding]:
    """Yields a finding for each host that was not healthy in every observation, or has none."""
    for host, looks in seen.ranked_hosts:
        if looks is None:
            why = Phrase("no checks were recorded in {month}, so its state is unknown", month=seen.month.name)
            yield Finding(severity=Severity.LOW, host=host, subject="month", why=why, reached=False)
        elif looks.well < looks.observation_count:
            yield Finding(severity=Severity.LOW, host=host, subject="month", why=_describe_trouble(looks, seen.month))


def _describe_trouble(looks: Observation, month: Month) -> Phrase:
    told = Phrase(
        "{month}: reachable in {reached} of {looks} checks, healthy in {well}",
        month=month.name,
        reached=_count_reached(looks),
        looks=looks.observation_count,
        well=looks.well,
    )
    if not looks.failed:
        return told
    return Phrase("{told} (unhealthy: {checks})", told=told, checks=_describe_failed_checks(looks))


def _count_reached(looks: Observation) -> int:
    return looks.observation_count - looks.unreached


def _describe_failed_checks(looks: Observation) -> Phrase:
    """Describes the failed checks and in how many observations they failed, most first."""
    most_first = sorted(looks.failed.items(), key=lambda each: -each[1])
    named = (Phrase("{check} {n}", check=CHECKS.get(check, check), n=n) for check, n in most_first)
    return Phrase("{items}", items=Listing(tuple(named)))


def _build_rows(seen: MonthlyInput, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """Builds the rows, worst first: by severity, then least reachable, then least healthy."""
    updates = seen.updates.cells_by_host
    rows = []
    for host, looks in seen.ranked_hosts:
        gateway = seen.gateways.get(host, True)
        found = _build_health_cells(looks, gateway=gateway)
        traffic = build_traffic_cells(seen.traffic.get(host), gateway=gateway)
        alerts = build_alert_cells(seen.alerts, host, seen.month, checked=looks is not None)
        lacking = _build_updates_cell(updates[host]) if host in updates else _ABSENT_CELL
        cells = (Cell.of(host), *found, *traffic, *alerts, lacking)
        rows.append(Row(host=host, cells=cells))
    return rate_rows(rows, findings)


def _make_sort_key(host: str, looks: Observation | None) -> tuple[float, float, str]:
    """Makes the sort key: unknown hosts first, then the least reachable, then the least healthy."""
    return (
        (-1, -1, host)
        if looks is None
        else (_count_reached(looks) / looks.observation_count, looks.well / looks.observation_count, host)
    )


def _build_health_cells(looks: Observation | None, *, gateway: bool) -> tuple[Cell, ...]:
    """Builds the cells of one host's health: number of observations, percentages, failed checks, gateway."""
    if looks is None:
        none = Cell(text=Phrase("none"), value=0)
        return none, _UNKNOWN_CELL, _UNKNOWN_CELL, _UNKNOWN_CELL, _UNKNOWN_CELL if gateway else _ABSENT_CELL
    failed = " ".join(f"{check}={n}" for check, n in sorted(looks.failed.items()))
    return (
        Cell(text=Phrase("{n}", n=looks.observation_count), value=looks.observation_count),
        _build_percent_cell(_count_reached(looks), looks.observation_count),
        _build_percent_cell(looks.well, looks.observation_count),
        Cell(
            text=_describe_failed_checks(looks) if failed else Phrase("none"),
            value=failed,
            mark=Mark.BAD if failed else Mark.WELL,
        ),
        _build_mean_cell(looks, gateway=gateway),
    )


def _build_percent_cell(part: int, looks: int) -> Cell:
    percent = compute_percent(part, looks)
    return Cell(text=Phrase("{percent}%", percent=percent), value=percent)


def _build_mean_cell(looks: Observation, *, gateway: bool) -> Cell:
    if not looks.answers:
        return _UNKNOWN_CELL if gateway else _ABSENT_CELL
    mean = round(looks.answer_ms / looks.answers)
    return Cell(text=Phrase("{n} ms", n=mean), value=mean)


def _build_updates_cell(cells: Mapping[str, Cell]) -> Cell:
    """Builds the cell with the updates pending on both sides together. One unknown side makes the sum unknown."""
    sides = {key: cells[key] for key in _SIDE_NAMES if cells[key].mark is not Mark.ABSENT}
    if not sides:
        return _ABSENT_CELL
    counts = [cell.value for cell in sides.values() if cell.mark is not Mark.UNKNOWN and isinstance(cell.value, int)]
    if len(counts) == len(sides):
        n = sum(counts)
        return Cell(text=Phrase("{n}", n=n), value=n, mark=Mark.BAD if n else Mark.WELL)
    told = (Phrase("{side} {text}", side=_SIDE_NAMES[key], text=cell.text) for key, cell in sides.items())
    return Cell(text=Phrase("{items}", items=Listing(tuple(told))), mark=Mark.UNKNOWN)


def _summarize(seen: MonthlyInput) -> Phrase:
    """Summarizes the month in one sentence, for a phone's notification."""
    if not seen.hosts:
        return NO_HOSTS
    return join_clauses(
        [
            _describe_health(seen),
            *_describe_least_reached(seen),
            *_describe_change_count(seen),
            *_describe_pending_updates(seen),
        ]
    )


def _describe_health(seen: MonthlyInput) -> Phrase:
    whole = seen.total
    if whole is None:
        return Phrase("{month}: no checks were recorded, so host health is unknown", month=seen.month.name)
    return Phrase(
        "{month}: hosts were reachable in {reached}% and healthy in {well}% of checks",
        month=seen.month.name,
        reached=compute_percent(_count_reached(whole), whole.observation_count),
        well=compute_percent(whole.well, whole.observation_count),
    )


def _describe_least_reached(seen: MonthlyInput) -> Iterator[Phrase]:
    """Names the hosts that were reached least, and the unknown ones."""
    shares = [
        (compute_percent(_count_reached(each), each.observation_count), host)
        for host, each in seen.hosts.items()
        if each and each.unreached
    ]
    if shares:
        named = [Phrase("{host} {percent}%", host=host, percent=percent) for percent, host in sorted(shares)]
        yield Phrase("least reachable: {hosts}", hosts=list_some(named, MAX_NAMED_HOSTS))
    unknown = [host for host, each in seen.hosts.items() if each is None]
    if unknown and seen.total is not None:
        yield Phrase("unknown: {hosts}", hosts=list_some(unknown, MAX_NAMED_HOSTS))


def _describe_change_count(seen: MonthlyInput) -> Iterator[Phrase]:
    if seen.changes is not None:
        n = len(seen.changes)
        yield Phrase("{n} change finished", plural="{n} changes finished", n=n)


def _describe_pending_updates(seen: MonthlyInput) -> Iterator[Phrase]:
    marks = [_build_updates_cell(cells).mark for cells in seen.updates.cells_by_host.values()]
    lacking, unknown = marks.count(Mark.BAD), marks.count(Mark.UNKNOWN)
    if lacking or not unknown:
        yield Phrase(
            "security updates are pending on {n} host", plural="security updates are pending on {n} hosts", n=lacking
        )
    if unknown:
        yield Phrase("update status unknown for {n} host", plural="update status unknown for {n} hosts", n=unknown)


def _build_basis_section(seen: MonthlyInput) -> Section:
    """Builds the section on the basis of the numbers."""
    return Section(heading=Phrase("About this report"), lines=tuple(_describe_basis(seen)))


def _describe_basis(seen: MonthlyInput) -> Iterator[Phrase]:
    month = seen.month
    yield Phrase("period: {begin} to {end}", begin=Moment(month.begin), end=Moment(month.end))
    if not month.whole:
        yield Phrase("the month has not ended yet")
    counts = [0 if each is None else each.observation_count for each in seen.hosts.values()]
    if any(counts):
        yield _describe_observation_count(min(counts), max(counts))
        yield Phrase("percentages are shares of checks. The time between checks is not covered")
    total = len(tuple(month.days))
    if seen.days < total:
        yield Phrase("no checks on {n} of {total} days", n=total - seen.days, total=total)
    if month.begin < month.now - RETENTION:
        yield Phrase("checks are kept for {n} days. Some or all of this month is older", n=RETENTION.days)
    elif month.begin < month.now - DETAIL_RETENTION:
        yield Phrase(
            "checks older than {n} days are kept as daily totals in UTC. The first and last day are not exact",
            n=DETAIL_RETENTION.days,
        )
    if seen.removed_hosts:
        yield Phrase("no longer in the configuration: {hosts}", hosts=list_some(seen.removed_hosts))
    yield Phrase("security updates are those pending now, not at the end of the month")


def _describe_observation_count(least: int, most: int) -> Phrase:
    if least == most:
        return Phrase("{n} check per host", plural="{n} checks per host", n=most)
    return Phrase("{least} to {most} checks per host", least=least, most=most)
