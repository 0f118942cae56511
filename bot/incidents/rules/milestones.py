"""Rules of the report of an incident: its milestones, its durations and its lanes. Pure.

started       as a person said when it was opened               ─┐
detected      the first alert of the incident fired              │
opened        the opening                                        ├─▶ each with its source, or not known
acknowledged  the first alert of the incident was acknowledged   │
mitigated     as a person said; not known again after a reopening│
resolved      as a person said; not known again after a reopening┘
durations     between two milestones that are both known, and in that order
lanes         an open alert ─▶ alerting;  no response, or the bot was down ─▶ unknown;  else quiet
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from bot.incidents.model import Duration, IncidentReport, MilestoneTime, ReportedAlert, ReportSources
from bot.model.incident import LOOKBACK_PERIOD, PERSONAL_KINDS, EntryKind, TimelineEntry
from commands.model.lanes import (
    Lane,
    LaneChart,
    LaneMark,
    LaneState,
    MarkKind,
    Milestone,
    MilestoneMark,
    make_spans,
    thin_marks,
)

MEASURED = (
    (Milestone.STARTED, Milestone.DETECTED),
    (Milestone.DETECTED, Milestone.ACKNOWLEDGED),
    (Milestone.STARTED, Milestone.MITIGATED),
    (Milestone.DETECTED, Milestone.MITIGATED),
    (Milestone.OPENED, Milestone.MITIGATED),
    (Milestone.STARTED, Milestone.RESOLVED),
    (Milestone.DETECTED, Milestone.RESOLVED),
    (Milestone.OPENED, Milestone.RESOLVED),
)
"""Pairs of milestones between which the time is measured."""

MARGIN_SHARE = 20
"""Divisor of the length of an incident. That part is shown before and after it, so that its edges can be seen."""

_MIN_MARGIN = timedelta(minutes=1)


def make_report(sources: ReportSources) -> IncidentReport:
    """Makes the report."""
    milestones = tuple(_find_milestones(sources))
    return IncidentReport(sources, milestones, tuple(_measure_durations(milestones)), _make_chart(sources, milestones))


def _find_milestones(sources: ReportSources) -> Iterator[MilestoneTime]:
    incident, entries = sources.incident, sources.entries
    opening = next((entry.source for entry in entries if entry.kind is EntryKind.OPENED), "")
    opening = opening or f"operation:{incident.operation}"
    yield _make_milestone(Milestone.STARTED, incident.began_at, opening)
    fired = min(_list_own_alerts(sources), key=lambda alert: alert.fired_at, default=None)
    yield _make_milestone(Milestone.DETECTED, fired.fired_at if fired else None, f"alert:{fired.number}" if fired else "")
    yield MilestoneTime(Milestone.OPENED, incident.opened_at, opening)
    yield _find_acknowledgment(sources)
    for milestone, at in ((Milestone.MITIGATED, incident.mitigated_at), (Milestone.RESOLVED, incident.resolved_at)):
        operation = incident.resolution if milestone is Milestone.RESOLVED else ""
        yield _make_milestone(milestone, at, _find_state_source(entries, at, operation))


def _list_own_alerts(sources: ReportSources) -> Sequence[ReportedAlert]:
    """Lists the alerts that fired for this incident: since shortly before it began, or added by a person. A host may also
    have one that is older.
    """
    incident = sources.incident
    since = incident.beginning - LOOKBACK_PERIOD
    return [alert for alert in sources.alerts if alert.fired_at >= since or alert.number in incident.alerts]


def _make_milestone(milestone: Milestone, at: datetime | None, source: str) -> MilestoneTime:
    return MilestoneTime(milestone) if at is None else MilestoneTime(milestone, at, source)


def _find_acknowledgment(sources: ReportSources) -> MilestoneTime:
    first = min(
        (
            (each.at, f"alert:{alert.number}/{each.version}")
            for alert in _list_own_alerts(sources)
            for each in alert.acknowledgments
        ),
        default=None,
    )
    return MilestoneTime(Milestone.ACKNOWLEDGED, *(first or ()))


def _find_state_source(entries: Sequence[TimelineEntry], at: datetime | None, operation: str) -> str:
    """Finds the entry of a move: that of the operation, else the one recorded nearest to that time."""
    moves = [entry for entry in entries if entry.kind is EntryKind.STATE]
    if at is None or not moves:
        return f"operation:{operation}" if operation else ""
    return min(
        moves, key=lambda entry: (entry.operation != operation if operation else False, abs(entry.recorded_at - at))
    ).source


def _measure_durations(milestones: Sequence[MilestoneTime]) -> Iterator[Duration]:
    """Yields the times between known milestones. A clock that was set back measures nothing."""
    known: Mapping[Milestone, datetime] = {each.milestone: each.at for each in milestones if each.at is not None}
    for since, until in MEASURED:
        if since in known and until in known and known[since] <= known[until]:
            yield Duration(since, until, (known[until] - known[since]).total_seconds())


def _make_chart(sources: ReportSources, milestones: Sequence[MilestoneTime]) -> LaneChart:
    began, ended = _find_period(sources, milestones)
    changes: dict[str, list[LaneMark]] = defaultdict(list)
    for entry in sources.entries:
        if entry.kind is EntryKind.CHANGE:
            for host in entry.hosts:
                changes[host].append(LaneMark(at=entry.happened_at, kind=MarkKind.CHANGE))
    people = [
        LaneMark(at=entry.happened_at, kind=MarkKind.PERSON)
        for entry in sources.entries
        if entry.author and entry.kind in PERSONAL_KINDS
    ]
    states = _find_states(sources, ended)
    down = [(since, until, LaneState.UNKNOWN) for since, until in sources.downtimes]
    hosts = tuple(
        Lane(
            host=host,
            spans=make_spans(began, ended, (*states[host], *down)),
            marks=thin_marks([mark for mark in changes[host] if began <= mark.at <= ended], began, ended),
        )
        for host in sorted(sources.hosts, key=lambda host: (host not in states, host))
    )
    notes = thin_marks([mark for mark in people if began <= mark.at <= ended], began, ended)
    marks = sorted((each.at, each.milestone) for each in milestones if each.at is not None)
    return LaneChart(
        began=began,
        ended=ended,
        lanes=(Lane(host="", spans=(), marks=notes), *hosts),
        milestones=tuple(MilestoneMark(milestone=milestone, at=at) for at, milestone in marks),
    )


def _find_period(sources: ReportSources, milestones: Sequence[MilestoneTime]) -> tuple[datetime, datetime]:
    """Finds the period of the picture: from the first milestone to the end, with a margin."""
    known = [each.at for each in milestones if each.at is not None]
    began, ended = min(known), max((*known, *(() if sources.incident.resolved_at else (sources.at,))))
    margin = max((ended - began) / MARGIN_SHARE, _MIN_MARGIN)
    return began - margin, ended + margin


def _find_states(sources: ReportSources, ended: datetime) -> Mapping[str, Sequence[tuple[datetime, datetime, LaneState]]]:
    """Finds when the hosts had open alerts, and when they did not respond. What is still open now ends at the end."""
    states: dict[str, list[tuple[datetime, datetime, LaneState]]] = defaultdict(list)
    for alert in sources.alerts:
        state = LaneState.UNKNOWN if alert.silent else LaneState.ALERTING
        states[alert.host].append((alert.fired_at, alert.ended_at or ended, state))
    return states
