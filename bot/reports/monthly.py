"""The monthly report: health of the hosts over a month, by observations, and their pending updates now. Pure.

    observations of each day, updates of all hosts, changes, schedules ─▶ MonthlyInput ─▶ Report, also as Markdown and CSV

Percentages are shares of observations, not of time, and never rounded up: only a host that was healthy in every observation
has 100 %. A host without observations is unknown. `bot.reports.monthly_activity` adds changes and schedules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from adapters.phrase import Listing, Moment, Phrase
from bot.reports.digest import joined
from bot.reports.month import Month
from bot.reports.monthly_activity import of_changes, of_schedules
from bot.store.observations import KEPT, WHOLE, Observation
from bot.store.operations import Ended
from bot.store.schedules import Tally
from commands.checks.assessment import CHECKS
from commands.model.finding import Finding, Severity, next_commands, rank_of, worst_by_host, worst_first
from commands.model.phrases import NO_HOSTS, some
from commands.model.report import Cell, Column, Copy, Form, Mark, Report, Row, Section

WORST = 3
"""Maximum number of hosts that the summary names."""

NEXT = 5
"""Maximum number of suggested commands."""

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="looks", heading=Phrase("Looks")),
    Column(key="reached_percent", heading=Phrase("Reached")),
    Column(key="well_percent", heading=Phrase("Well")),
    Column(key="checks_failed", heading=Phrase("Checks that failed")),
    Column(key="gateway_ms", heading=Phrase("Gateway answers in (mean)")),
    Column(key="security_updates", heading=Phrase("Security updates")),
)

_SIDES = {"windows": Phrase("Windows"), "wsl": Phrase("WSL2")}
_NOT_KNOWN = Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)
_ABSENT = Cell(text=Phrase("n/a"), mark=Mark.ABSENT)


@dataclass(frozen=True)
class Seen:
    """Input of a monthly report.

    `gateways` maps each host of the inventory to True if it has a gateway. `looks` is the sum of the observations of each
    host, including hosts that have left the inventory, on the `days` with observations. `changes` and `runs` are None if
    the requester may not see them.
    """

    month: Month
    gateways: Mapping[str, bool]
    updates: Report
    looks: Mapping[str, Observation]
    days: int
    changes: Sequence[Ended] | None = ()
    runs: Sequence[Tally] | None = ()

    @property
    def hosts(self) -> Mapping[str, Observation | None]:
        """The observations by host, hosts of the inventory first; None for a host without observations."""
        return {**dict.fromkeys(self.gateways), **self.looks}

    @property
    def whole(self) -> Observation | None:
        """The sum of all observations of all hosts; None if there are none."""
        return reduce(add, self.looks.values()) if self.looks else None

    @property
    def gone(self) -> tuple[str, ...]:
        """Observed hosts that have left the inventory."""
        return tuple(sorted(self.looks.keys() - self.gateways.keys()))


def composed(seen: Seen) -> Report:
    """Composes the report."""
    findings = worst_first((*seen.updates.findings, *_findings(seen)))
    name = f"flatnet-{seen.month.name}"
    return Report(
        title=Phrase("Monthly report {month}", month=seen.month.name),
        summary=_summary(seen),
        columns=COLUMNS,
        rows=_rows(seen, findings),
        findings=findings,
        sections=(_covered(seen), *of_changes(seen.changes), of_schedules(seen.runs, seen.month)),
        taken_at=seen.month.now,
        next=next_commands(findings, NEXT),
        files=(Copy(name=f"{name}.md", form=Form.MARKDOWN), Copy(name=f"{name}.csv", form=Form.CSV)),
    )


def share(part: int, whole: int) -> int | float:
    """Computes a percentage with one decimal, rounded down."""
    percent = part * 1000 // whole / 10
    return int(percent) if percent.is_integer() else percent


def _findings(seen: Seen) -> Iterator[Finding]:
    """Yields a finding for each host that was not healthy in every observation, or has none."""
    for host, looks in seen.hosts.items():
        if looks is None:
            why = Phrase("nobody looked at it in {month}, so nothing is known of it", month=seen.month.name)
            yield Finding(severity=Severity.LOW, host=host, subject="month", why=why, reached=False)
        elif looks.well < looks.looks:
            yield Finding(severity=Severity.LOW, host=host, subject="month", why=_trouble(looks, seen.month))


def _trouble(looks: Observation, month: Month) -> Phrase:
    told = Phrase(
        "in {month} reached in {reached} of {looks} looks, well in {well}",
        month=month.name,
        reached=_reached(looks),
        looks=looks.looks,
        well=looks.well,
    )
    if not looks.failed:
        return told
    return Phrase("{told}; not well: {checks}", told=told, checks=_checks(looks))


def _reached(looks: Observation) -> int:
    return looks.looks - looks.unreached


def _checks(looks: Observation) -> Phrase:
    """Describes the failed checks and in how many observations they failed, most first."""
    most_first = sorted(looks.failed.items(), key=lambda each: -each[1])
    named = (Phrase("{check} {n}", check=CHECKS.get(check, check), n=n) for check, n in most_first)
    return Phrase("{items}", items=Listing(tuple(named)))


def _rows(seen: Seen, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """Builds the rows, worst first: by severity, then least reachable, then least healthy."""
    severities = worst_by_host(findings)
    updates = seen.updates.by_host
    rows = []
    for host, looks in sorted(seen.hosts.items(), key=lambda each: _rank(*each)):
        found = _looks(looks, gateway=seen.gateways.get(host, True))
        lacking = _updates(updates[host]) if host in updates else _ABSENT
        cells = (Cell.of(host), *found, lacking)
        rows.append(Row(host=host, cells=cells, severity=severities.get(host)))
    return tuple(sorted(rows, key=lambda row: rank_of(row.severity)))


def _rank(host: str, looks: Observation | None) -> tuple[float, float, str]:
    """Makes the sort key: unknown hosts first, then the least reachable, then the least healthy."""
    return (-1, -1, host) if looks is None else (_reached(looks) / looks.looks, looks.well / looks.looks, host)


def _looks(looks: Observation | None, *, gateway: bool) -> tuple[Cell, ...]:
    """Builds the cells of one host's health: number of observations, percentages, failed checks, gateway."""
    if looks is None:
        none = Cell(text=Phrase("none"), value=0)
        return none, _NOT_KNOWN, _NOT_KNOWN, _NOT_KNOWN, _NOT_KNOWN if gateway else _ABSENT
    failed = " ".join(f"{check}={n}" for check, n in sorted(looks.failed.items()))
    return (
        Cell(text=Phrase("{n}", n=looks.looks), value=looks.looks),
        _percent(_reached(looks), looks.looks),
        _percent(looks.well, looks.looks),
        Cell(text=_checks(looks) if failed else Phrase("none"), value=failed, mark=Mark.BAD if failed else Mark.WELL),
        _mean(looks, gateway=gateway),
    )


def _percent(part: int, looks: int) -> Cell:
    percent = share(part, looks)
    return Cell(text=Phrase("{percent} %", percent=percent), value=percent)


def _mean(looks: Observation, *, gateway: bool) -> Cell:
    if not looks.answers:
        return _NOT_KNOWN if gateway else _ABSENT
    mean = round(looks.answer_ms / looks.answers)
    return Cell(text=Phrase("{n} ms", n=mean), value=mean)


def _updates(cells: Mapping[str, Cell]) -> Cell:
    """Builds the cell with the updates pending on both sides together. One unknown side makes the sum unknown."""
    sides = {key: cells[key] for key in _SIDES if cells[key].mark is not Mark.ABSENT}
    if not sides:
        return _ABSENT
    counts = [cell.value for cell in sides.values() if cell.mark is not Mark.UNKNOWN and isinstance(cell.value, int)]
    if len(counts) == len(sides):
        n = sum(counts)
        return Cell(text=Phrase("{n}", n=n), value=n, mark=Mark.BAD if n else Mark.WELL)
    told = (Phrase("{side} {text}", side=_SIDES[key], text=cell.text) for key, cell in sides.items())
    return Cell(text=Phrase("{items}", items=Listing(tuple(told))), mark=Mark.UNKNOWN)


def _summary(seen: Seen) -> Phrase:
    """Summarizes the month in one sentence, for a phone's notification."""
    if not seen.hosts:
        return NO_HOSTS
    return joined([_how_they_were(seen), *_least(seen), *_done(seen), *_pending(seen)])


def _how_they_were(seen: Seen) -> Phrase:
    whole = seen.whole
    if whole is None:
        return Phrase("{month}: nobody looked at the hosts, so nothing is known of them", month=seen.month.name)
    return Phrase(
        "{month}: hosts were reached in {reached} % of the looks and well in {well} %",
        month=seen.month.name,
        reached=share(_reached(whole), whole.looks),
        well=share(whole.well, whole.looks),
    )


def _least(seen: Seen) -> Iterator[Phrase]:
    """Names the hosts that were reached least, and the unknown ones."""
    shares = [(share(_reached(each), each.looks), host) for host, each in seen.hosts.items() if each and each.unreached]
    if shares:
        named = [Phrase("{host} {percent} %", host=host, percent=percent) for percent, host in sorted(shares)]
        yield Phrase("the least reached: {hosts}", hosts=some(named, WORST))
    unknown = [host for host, each in seen.hosts.items() if each is None]
    if unknown and seen.whole is not None:
        yield Phrase("not known: {hosts}", hosts=some(unknown, WORST))


def _done(seen: Seen) -> Iterator[Phrase]:
    if seen.changes is not None:
        n = len(seen.changes)
        yield Phrase("{n} change ended", plural="{n} changes ended", n=n)


def _pending(seen: Seen) -> Iterator[Phrase]:
    marks = [_updates(cells).mark for cells in seen.updates.by_host.values()]
    lacking, unknown = marks.count(Mark.BAD), marks.count(Mark.UNKNOWN)
    if lacking or not unknown:
        yield Phrase(
            "security updates are pending on {n} host", plural="security updates are pending on {n} hosts", n=lacking
        )
    if unknown:
        yield Phrase("of {n} host they are not known", plural="of {n} hosts they are not known", n=unknown)


def _covered(seen: Seen) -> Section:
    """Builds the section on the basis of the numbers."""
    return Section(heading=Phrase("What this rests on"), lines=tuple(_rests_on(seen)))


def _rests_on(seen: Seen) -> Iterator[Phrase]:
    month = seen.month
    yield Phrase("the time from {begin} until {end}", begin=Moment(month.begin), end=Moment(month.end))
    if not month.whole:
        yield Phrase("the month has not ended yet")
    counts = [0 if each is None else each.looks for each in seen.hosts.values()]
    if any(counts):
        yield _counted(min(counts), max(counts))
        yield Phrase("percentages are shares of looks; of the time between two looks nothing is known")
    total = len(tuple(month.days))
    if seen.days < total:
        yield Phrase("on {n} of {total} days nobody looked", n=total - seen.days, total=total)
    if month.begin < month.now - KEPT:
        yield Phrase("looks are kept for {n} days; this month, or a part of it, is longer ago", n=KEPT.days)
    elif month.begin < month.now - WHOLE:
        yield Phrase(
            "looks of more than {n} days ago are kept by days of UTC, so the first and the last day are not exact",
            n=WHOLE.days,
        )
    if seen.gone:
        yield Phrase("no longer in the inventory: {hosts}", hosts=some(seen.gone))
    yield Phrase("security updates are those that are pending now, not at the end of the month")


def _counted(least: int, most: int) -> Phrase:
    if least == most:
        return Phrase("{n} look at each host", plural="{n} looks at each host", n=most)
    return Phrase("{least} to {most} looks at each host", least=least, most=most)
