"""Texts in the picture of an incident, in one language. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from adapters.phrase import Phrase, Texts, move_to_zone
from adapters.value import Value
from commands.model.lanes import MILESTONE_PHRASES, LaneChart, LaneState, MarkKind

MAX_TICKS = 6
"""Maximum times below the picture."""

_TICK_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 5760, 14400, 43200)
)
"""Time between two ticks: the first of these that gives at most `MAX_TICKS`."""

STATE_PHRASES = {
    LaneState.ALERTING: Phrase("alert open"),
    LaneState.UNKNOWN: Phrase("unknown (no response, or the bot was down)"),
    LaneState.QUIET: Phrase("no alert open"),
}
MARK_PHRASES = {MarkKind.CHANGE: Phrase("change", context="mark"), MarkKind.PERSON: Phrase("note or decision of a person")}


class LaneTexts(Value):
    """Texts in a picture. `states` and `marks` explain the signs. `milestones` are the labels of the chart's, in order.

    `ticks` are places between 0 and 1 with their times, `zone` is that of the times. `more` counts what is not drawn, or
    is "". `people` is the name of the lane without a host.
    """

    title: str
    people: str
    states: Mapping[LaneState, str]
    marks: Mapping[MarkKind, str]
    milestones: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    zone: str
    more: str = ""


def build_lane_texts(chart: LaneChart, texts: Texts) -> LaneTexts:
    """Builds the texts in the picture of an incident."""
    more = len(chart.lanes) - len(chart.drawable.lanes)
    local = move_to_zone(chart.began, texts.zone)
    return LaneTexts(
        title=Phrase("Hosts and people during the incident").render(texts),
        people=Phrase("People").render(texts),
        states={state: phrase.render(texts) for state, phrase in STATE_PHRASES.items()},
        marks={kind: phrase.render(texts) for kind, phrase in MARK_PHRASES.items()},
        milestones=tuple(
            f"{MILESTONE_PHRASES[mark.milestone].render(texts)} {move_to_zone(mark.at, texts.zone):%H:%M}"
            for mark in chart.milestones
        ),
        ticks=tuple((chart.locate(at), label) for at, label in _list_ticks(chart, texts.zone)),
        zone=f"{local:%Y-%m-%d %Z}",
        more=Phrase("… and {n} more", n=more).render(texts) if more else "",
    )


def _list_ticks(chart: LaneChart, zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    """Yields round local times with their labels: hours and minutes, from a day on dates."""
    length = chart.ended - chart.began
    step = next((each for each in _TICK_STEPS if length / each <= MAX_TICKS), length / MAX_TICKS)
    first = move_to_zone(chart.began, zone)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + -(-(first - midnight) // step) * step
    while at <= chart.ended:
        yield at, f"{at:%m-%d}" if step >= timedelta(days=1) else f"{at:%H:%M}"
        at += step
