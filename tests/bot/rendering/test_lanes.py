"""Incidents as pictures: whatever is in them, they are PNGs of a phone's width, and an unknown time is hatched."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from matplotlib.image import imread

from adapters.phrase import ENGLISH
from bot.locale.texts import get_texts
from bot.rendering.chart_process import draw_in_process
from bot.rendering.charts import MARGIN, WIDTH
from bot.rendering.lane_texts import MAX_TICKS, build_lane_texts
from bot.rendering.lanes import STATE_STYLES, draw_lanes
from commands.model.lanes import Lane, LaneChart, LaneMark, LaneState, MarkKind, Milestone, MilestoneMark, make_spans
from tests.bot.rendering.test_charts import size

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def chart(*names: str, minutes: float = 60, state: LaneState = LaneState.ALERTING) -> LaneChart:
    """Lanes that are in one state from beginning to end, with marks and all milestones."""
    ended = at(minutes)
    marks = tuple(LaneMark(at=at(minutes * share), kind=kind) for share in (0.0, 0.5) for kind in MarkKind)
    return LaneChart(
        began=at(0),
        ended=ended,
        lanes=tuple(Lane(host=name, spans=make_spans(at(0), ended, [(at(0), ended, state)]), marks=marks) for name in names),
        milestones=tuple(MilestoneMark(milestone=each, at=at(minutes / 2)) for each in Milestone),
    )


@pytest.mark.parametrize(
    "shown",
    [
        LaneChart(began=at(0), ended=at(1), lanes=()),
        chart("", "host-a"),
        chart(*(f"host-{number:03}" for number in range(254))),
        chart("host-a", minutes=0.001),
        chart("host-a", minutes=60 * 24 * 365),
        chart("$\\frac{x}{", "日本", "\0\x1b[31m\n", "\u202eevil", "\ud800", "x" * 300),
    ],
    ids=["nothing", "one host", "254 hosts", "milliseconds", "a year", "hostile names"],
)
def test_every_incident_is_a_picture_as_wide_as_a_phone_shows_it(shown: LaneChart) -> None:
    width, height = size(draw_lanes(shown, build_lane_texts(shown, ENGLISH)))
    assert WIDTH == width
    assert 200 <= height <= 2_400


@pytest.mark.parametrize("state", [*LaneState])
def test_a_lane_has_the_color_of_its_state_and_is_hatched_where_it_is_unknown(state: LaneState) -> None:
    shown = chart("host-a", state=state).model_copy(update={"milestones": ()})
    shown = shown.model_copy(update={"lanes": (shown.lanes[0].model_copy(update={"marks": ()}),)})
    pixels = imread(BytesIO(draw_lanes(shown, build_lane_texts(shown, ENGLISH))))
    row = pixels[MARGIN + 70 + 52 + 26, WIDTH - 300 : WIDTH - MARGIN - 10, :3]
    found = {"#" + "".join(f"{round(part * 255):02x}" for part in pixel) for pixel in row}
    assert STATE_STYLES[state].fill in found
    assert (state is LaneState.UNKNOWN) == (len(found) > 1)


@pytest.mark.parametrize("minutes", [0.5, 7, 59, 300, 60 * 24 * 3, 60 * 24 * 60])
def test_there_are_few_times_below_a_picture_and_they_are_round(minutes: float) -> None:
    ticks = build_lane_texts(chart("host-a", minutes=minutes), get_texts("en", TOKYO)).ticks
    assert len(ticks) <= MAX_TICKS + 1
    assert all(0 <= share <= 1 for share, _ in ticks)


async def test_the_program_draws_the_same_picture_in_japanese() -> None:
    shown, japanese = chart("", "host-a"), get_texts("ja", TOKYO)
    assert draw_lanes(shown, build_lane_texts(shown, japanese)) == await draw_in_process(shown, japanese)
