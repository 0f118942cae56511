"""Lanes: the hosts of an incident over time, one lane for each, as values.

`bot.rendering.lanes` draws them; `describe_lanes` is the same in words. What is unknown is a state of its own: a host
that did not answer is neither well nor ill, and neither is any host while the bot did not run.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from typing import Self

from pydantic import AwareDatetime, model_validator

from adapters.phrase import Listing, Moment, Phrase, Span
from adapters.value import Value
from commands.model.chart import Chart, describe_chart
from commands.values.arguments import shorten_argument

MAX_LANES = 30
"""Maximum lanes of a picture that can be read on a phone."""

MAX_MARKS = 60
"""Maximum marks of one kind in a lane: as many as can be told apart."""

MAX_NAMED = 4
"""Maximum hosts of one state named in the description; more are counted."""


class LaneState(StrEnum):
    """State of a host for some time, the worst first."""

    ALERTING = "alerting"
    """At least one alert was open."""
    UNKNOWN = "unknown"
    """The host did not answer, or the bot did not run."""
    QUIET = "quiet"
    """The bot ran, and no alert was open."""


class MarkKind(StrEnum):
    """Kind of a mark."""

    CHANGE = "change"
    PERSON = "person"
    """A note, an update, or another entry by a person."""


class Milestone(StrEnum):
    """Milestones of an incident, in their usual order. The values are in the report's JSON."""

    STARTED = "started"
    DETECTED = "detected"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


class LaneSpan(Value):
    """One state of a lane from `began` until `ended`."""

    began: AwareDatetime
    ended: AwareDatetime
    state: LaneState


class LaneMark(Value):
    """A mark in a lane."""

    at: AwareDatetime
    kind: MarkKind


class Lane(Value):
    """One host: its states, which may not overlap, oldest first, and its marks. `host` is "" for the lane of people."""

    host: str
    spans: tuple[LaneSpan, ...]
    marks: tuple[LaneMark, ...] = ()

    def measure(self, state: LaneState) -> float:
        """Returns the seconds in a state."""
        return sum((span.ended - span.began).total_seconds() for span in self.spans if span.state is state)


class MilestoneMark(Value):
    """A milestone that is known."""

    milestone: Milestone
    at: AwareDatetime


class LaneChart(Value):
    """The lanes of an incident from `began` until `ended`, and its milestones in the order of time."""

    began: AwareDatetime
    ended: AwareDatetime
    lanes: tuple[Lane, ...]
    milestones: tuple[MilestoneMark, ...] = ()

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.began >= self.ended:
            raise ValueError("a chart ends after its beginning")
        return self

    @property
    def drawable(self) -> "LaneChart":
        """The first lanes, as many as fit into a picture."""
        return self.model_copy(update={"lanes": self.lanes[:MAX_LANES]})

    def locate(self, at: datetime) -> float:
        """Returns the place of a time between 0 and 1. Times outside are at the edges."""
        return min(max((at - self.began) / (self.ended - self.began), 0.0), 1.0)


Drawing = Chart | LaneChart
"""Something that can be drawn, and described in words."""


def make_spans(
    began: datetime, ended: datetime, found: Iterable[tuple[datetime, datetime, LaneState]]
) -> tuple[LaneSpan, ...]:
    """Makes the spans of a lane from times with a state, which may overlap. An unknown time wins; the rest is quiet."""
    steps: list[tuple[datetime, int, LaneState]] = []
    for since, until, state in found:
        first, last = max(since, began), min(until, ended)
        if first < last:
            steps += [(first, 1, state), (last, -1, state)]
    spans: list[LaneSpan] = []
    running, at = Counter[LaneState](), began
    for edge, step, changed in (*sorted(steps), (ended, 0, LaneState.QUIET)):
        if edge > at:
            state = next((each for each in _PRECEDENCE if running[each]), LaneState.QUIET)
            _append_span(spans, LaneSpan(began=at, ended=edge, state=state))
            at = edge
        running[changed] += step
    return tuple(spans)


def _append_span(spans: list[LaneSpan], span: LaneSpan) -> None:
    """Appends a span, or extends the last one if it has the same state."""
    if spans and spans[-1].state is span.state:
        span = span.model_copy(update={"began": spans.pop().began})
    spans.append(span)


def thin_marks(marks: Sequence[LaneMark], began: datetime, ended: datetime) -> tuple[LaneMark, ...]:
    """Keeps the first of those marks of one kind that could not be told apart in a picture of that time."""
    width = max((ended - began) / MAX_MARKS, timedelta(microseconds=1))
    kept: dict[tuple[MarkKind, int], LaneMark] = {}
    for mark in sorted(marks, key=lambda mark: mark.at):
        kept.setdefault((mark.kind, min((mark.at - began) // width, MAX_MARKS - 1)), mark)
    return tuple(kept.values())


def describe_drawing(drawing: Drawing) -> Phrase:
    """Describes a chart in words."""
    return describe_lanes(drawing) if isinstance(drawing, LaneChart) else describe_chart(drawing)


def describe_lanes(chart: LaneChart) -> Phrase:
    """Describes the lanes in words: the hosts by how long they had alerts or were unknown, and the milestones."""
    hosts = [lane for lane in chart.lanes if lane.host]
    told = [
        Phrase(
            "{hosts} from {began} to {ended}",
            hosts=_count_hosts(hosts),
            began=Moment(chart.began),
            ended=Moment(chart.ended),
        ),
        *_describe_states(hosts),
        *([_describe_milestones(chart.milestones)] if chart.milestones else []),
    ]
    return reduce(lambda first, second: Phrase("{first}. {second}", first=first, second=second), told)


MILESTONE_PHRASES = {
    Milestone.STARTED: Phrase("started", context="incident"),
    Milestone.DETECTED: Phrase("detected", context="incident"),
    Milestone.OPENED: Phrase("opened", context="incident"),
    Milestone.ACKNOWLEDGED: Phrase("acknowledged", context="incident"),
    Milestone.MITIGATED: Phrase("mitigated", context="incident"),
    Milestone.RESOLVED: Phrase("resolved", context="incident"),
}
"""Names of the milestones."""

_PRECEDENCE = (LaneState.UNKNOWN, LaneState.ALERTING)


def _count_hosts(hosts: Sequence[Lane]) -> Phrase:
    return Phrase("{n} host", plural="{n} hosts", n=len(hosts)) if hosts else Phrase("No host")


def _describe_states(hosts: Sequence[Lane]) -> list[Phrase]:
    told = []
    if names := _name_hosts(hosts, LaneState.ALERTING):
        told.append(Phrase("With open alerts: {hosts}", hosts=names))
    if names := _name_hosts(hosts, LaneState.UNKNOWN):
        told.append(Phrase("Unknown: {hosts}", hosts=names))
    return told


def _name_hosts(hosts: Sequence[Lane], state: LaneState) -> Listing | None:
    """Names the hosts that were in a state, the longest first, with the time; None if none was."""
    found = sorted((lane for lane in hosts if lane.measure(state)), key=lambda lane: (-lane.measure(state), lane.host))
    names = tuple(
        Phrase("{host} for {time}", host=shorten_argument(lane.host), time=Span(lane.measure(state)))
        for lane in found[:MAX_NAMED]
    )
    more = len(found) - MAX_NAMED
    return Listing((*names, Phrase("{n} more", n=more)) if more > 0 else names) if found else None


def _describe_milestones(marks: Sequence[MilestoneMark]) -> Phrase:
    items = tuple(
        Phrase("{milestone} at {at}", milestone=MILESTONE_PHRASES[mark.milestone], at=Moment(mark.at)) for mark in marks
    )
    return Phrase("Milestones: {items}", items=Listing(items))
