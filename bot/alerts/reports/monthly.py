"""Alerts in the monthly report: how many each host had, and for how long. Pure.

episodes of each host, cut to the month ─┬─▶ cells of the host: number, time with any alert
                                         ├─▶ section: the longest problems, with their number and time
                                         └─▶ file: every episode
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.phrase import Phrase, Span
from bot.alerts.tables.history import RETENTION
from bot.model.alert import Alert, AlertEpisode
from bot.model.month import Month
from commands.alerts.conditions import CONDITION_RULES
from commands.model.finding import GRADE_NAMES, Grade
from commands.model.report import Cell, Column, FileFormat, Mark, Report, ReportFile, Row, Section

ALERT_COLUMNS = (
    Column(key="alerts", heading=Phrase("Alerts")),
    Column(key="alert_seconds", heading=Phrase("Time with alerts")),
)

MAX_NAMED = 10
"""Maximum number of problems that the section names. The file has all episodes."""

MAX_EPISODES = 2000
"""Maximum number of episodes in the file, the newest ones."""

_FILE_COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="alert", heading=Phrase("Alert")),
    Column(key="number", heading=Phrase("Number")),
    Column(key="severity", heading=Phrase("Severity")),
    Column(key="fired_at", heading=Phrase("Fired")),
    Column(key="ended_at", heading=Phrase("Resolved")),
    Column(key="seconds", heading=Phrase("Duration")),
)

_UNKNOWN = Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)

EpisodesByHost = Mapping[str, Sequence[AlertEpisode]]
"""Episodes of alerts in a month by host, "" for the bot."""


@dataclass(frozen=True)
class _Problem:
    """Episodes of one problem in the month, and how long it lasted in it."""

    alert: Alert
    count: int
    time: timedelta
    open: bool


def build_alert_cells(found: EpisodesByHost | None, host: str, month: Month, *, checked: bool) -> tuple[Cell, Cell]:
    """Builds the cells of one host. If it was never checked, it is not known that it had none."""
    episodes = (found or {}).get(host, ())
    if found is None or (not episodes and not checked) or _is_beyond_retention(month):
        return _UNKNOWN, _UNKNOWN
    seconds = round(_measure_together(_cut(each, month) for each in episodes).total_seconds())
    time = Cell(text=Phrase("{time}", time=Span(seconds)) if episodes else Phrase("none"), value=seconds)
    n = len(episodes)
    return Cell(text=Phrase("{n}", n=n), value=n), time


def build_alert_section(found: EpisodesByHost | None, month: Month) -> Section:
    """Builds the section of problems, the longest first. None: the requester may not see them."""
    heading = Phrase("Alerts")
    if found is None:
        return Section(heading=heading, lines=(Phrase("not shown: the person requesting this report has no access"),))
    if _is_beyond_retention(month):
        old = Phrase("unknown: alerts are kept for {n} days", n=RETENTION.days)
        return Section(heading=heading, lines=(old,))
    problems = sorted(_list_problems(found, month), key=lambda problem: problem.time, reverse=True)
    lines = [_describe_problem(problem) for problem in problems[:MAX_NAMED]]
    if len(problems) > MAX_NAMED:
        lines.append(Phrase("… and {n} more", n=len(problems) - MAX_NAMED))
    return Section(heading=heading, lines=tuple(lines) or (Phrase("no alert was recorded"),))


def build_alert_file(found: EpisodesByHost | None, month: Month) -> Iterator[ReportFile]:
    """Builds the file with all episodes, oldest first, if there were any."""
    every = (each for episodes in (found or {}).values() for each in episodes)
    episodes = sorted(every, key=lambda each: (each.fired_at, each.alert.number))
    if episodes:
        title = Phrase("Alerts {month}", month=month.name)
        rows = tuple(_build_row(each, month) for each in episodes[-MAX_EPISODES:])
        table = Report(title=title, summary=title, columns=_FILE_COLUMNS, rows=rows, taken_at=month.now)
        yield ReportFile(name=f"flatnet-{month.name}-alerts.csv", form=FileFormat.CSV, of=table)


def _is_beyond_retention(month: Month) -> bool:
    return month.begin < month.now - RETENTION


def _list_problems(found: EpisodesByHost, month: Month) -> Iterator[_Problem]:
    for episodes in found.values():
        by_key: dict[str, list[AlertEpisode]] = {}
        for each in episodes:
            by_key.setdefault(each.alert.key, []).append(each)
        for same in by_key.values():
            time = _measure_together(_cut(each, month) for each in same)
            still = any(each.ended_at is None or each.ended_at > month.end for each in same)
            yield _Problem(same[-1].alert, len(same), time, still)


def _describe_problem(problem: _Problem) -> Phrase:
    duration = Phrase(
        "{problem}: {n} time, {time}",
        plural="{problem}: {n} times, {time} in total",
        problem=_name_problem(problem.alert),
        n=problem.count,
        time=Span(problem.time.total_seconds()),
    )
    return Phrase("{problem}. Still open at the end", problem=duration) if problem.open else duration


def _name_problem(alert: Alert) -> Phrase:
    """Names a problem: host and condition, with the object where a host may have several (`container/web`)."""
    heading = CONDITION_RULES[alert.condition].heading
    _, _, thing = alert.subject.partition("/")
    what = Phrase("{condition} ({object})", condition=heading, object=thing) if thing else heading
    return Phrase("{host}: {what}", host=alert.host, what=what) if alert.host else what


def _build_row(episode: AlertEpisode, month: Month) -> Row:
    alert, (begin, end) = episode.alert, _cut(episode, month)
    ended = Phrase("open") if episode.ended_at is None else episode.ended_at.isoformat()
    cells = (
        Cell.of(alert.host),
        Cell(text=_name_problem(alert), value=alert.subject),
        Cell(text=str(alert.number), value=alert.number),
        Cell(text=GRADE_NAMES[Grade.of(alert.severity)], value=alert.severity.value),
        Cell.of(episode.fired_at.isoformat()),
        Cell(text=ended, value=None if episode.ended_at is None else episode.ended_at.isoformat()),
        Cell(text=Phrase("{time}", time=Span((end - begin).total_seconds())), value=round((end - begin).total_seconds())),
    )
    return Row(host=alert.host, cells=cells)


def _cut(episode: AlertEpisode, month: Month) -> tuple[datetime, datetime]:
    """Cuts an episode to the month. One that is open lasts until its end, or until now."""
    begin = max(episode.fired_at, month.begin)
    return begin, max(begin, min(episode.ended_at or month.end, month.end))


def _measure_together(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """Measures the time that some spans cover. Where several cover the same time, it counts once."""
    total, reached = timedelta(0), None
    for begin, end in sorted(spans):
        start = begin if reached is None else max(begin, reached)
        total += max(end - start, timedelta(0))
        reached = end if reached is None else max(end, reached)
    return total
