"""Lanes of an incident: what is unknown stays unknown, marks can be told apart, and the words say the same."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from commands.model.lanes import (
    MAX_LANES,
    MAX_MARKS,
    Lane,
    LaneChart,
    LaneMark,
    LaneSpan,
    LaneState,
    MarkKind,
    Milestone,
    MilestoneMark,
    describe_lanes,
    make_spans,
    thin_marks,
)

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ALERTING, UNKNOWN, QUIET = LaneState.ALERTING, LaneState.UNKNOWN, LaneState.QUIET


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], [(0, 60, QUIET)]),
        ([(10, 20, ALERTING)], [(0, 10, QUIET), (10, 20, ALERTING), (20, 60, QUIET)]),
        ([(-30, 90, ALERTING)], [(0, 60, ALERTING)]),
        ([(10, 20, ALERTING), (15, 30, ALERTING)], [(0, 10, QUIET), (10, 30, ALERTING), (30, 60, QUIET)]),
        ([(0, 60, ALERTING), (10, 20, UNKNOWN)], [(0, 10, ALERTING), (10, 20, UNKNOWN), (20, 60, ALERTING)]),
        ([(70, 80, ALERTING), (-20, 0, UNKNOWN), (30, 20, ALERTING)], [(0, 60, QUIET)]),
        ([(0, 30, UNKNOWN), (30, 60, UNKNOWN)], [(0, 60, UNKNOWN)]),
    ],
    ids=["nothing", "one alert", "longer than the picture", "overlapping", "silent while it fires", "outside", "adjacent"],
)
def test_a_lane_has_one_state_at_each_time(
    found: list[tuple[int, int, LaneState]], expected: list[tuple[int, int, LaneState]]
) -> None:
    spans = make_spans(at(0), at(60), [(at(since), at(until), state) for since, until, state in found])
    assert [LaneSpan(began=at(since), ended=at(until), state=state) for since, until, state in expected] == [*spans]


def test_marks_at_one_place_are_one_and_each_kind_keeps_its_own() -> None:
    marks = [LaneMark(at=at(number / 100), kind=kind) for number in range(6_000) for kind in MarkKind]
    thinned = thin_marks(marks, at(0), at(60))
    assert MAX_MARKS * len(MarkKind) == len(thinned)
    assert set(thinned) <= set(marks)


def test_a_chart_ends_after_its_beginning() -> None:
    with pytest.raises(ValidationError):
        LaneChart(began=at(0), ended=at(0), lanes=())


def test_times_outside_of_a_chart_are_at_its_edges() -> None:
    chart = LaneChart(began=at(0), ended=at(60), lanes=())
    assert [0.0, 0.25, 1.0] == [chart.locate(at(minutes)) for minutes in (-5, 15, 90)]


def test_the_words_name_the_longest_first_and_never_call_a_silent_host_well() -> None:
    def lane(name: str, minutes: int, state: LaneState) -> Lane:
        return Lane(host=name, spans=make_spans(at(0), at(60), [(at(0), at(minutes), state)]))

    chart = LaneChart(
        began=at(0),
        ended=at(60),
        lanes=(
            Lane(host="", spans=()),
            *(lane(f"host-{number}", number, ALERTING) for number in range(1, 7)),
            lane("lighthouse", 60, UNKNOWN),
        ),
        milestones=(MilestoneMark(milestone=Milestone.OPENED, at=at(5)),),
    )
    said = str(describe_lanes(chart))
    assert said == (
        "7 hosts from 2026-11-28 12:00:00 UTC to 2026-11-28 13:00:00 UTC. With open alerts: host-6 for 360 s, host-5 for "
        "300 s, host-4 for 240 s, host-3 for 180 s, 2 more. Unknown: lighthouse for 3600 s. Milestones: opened at "
        "2026-11-28 12:05:00 UTC"
    )


def test_a_picture_has_as_many_lanes_as_a_phone_can_show() -> None:
    lanes = tuple(Lane(host=f"host-{number}", spans=()) for number in range(254))
    assert lanes[:MAX_LANES] == LaneChart(began=at(0), ended=at(60), lanes=lanes).drawable.lanes
