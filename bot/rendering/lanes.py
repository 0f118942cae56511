"""Draws the lanes of an incident as a PNG for a phone; runs in a process of its own (`bot.rendering.picture_program`).

    Hosts and people during the incident
              ① opened 14:05  ② resolved 15:10
    People        ●    ● ●          one lane for each host, and one for people
    host-a    ░░░░▓▓▓▓▓▓//////░░░   an open alert dark, unknown hatched, no alert pale
    host-b    ░░░░░░░░◆░░░░░░░░░░   ◆ a change
              14:00   14:30  15:00

Lengths and colors are those of `bot.rendering.charts`. A state differs in color and in pattern, a mark in shape.
"""

from adapters.phrase import ENGLISH
from bot.rendering.charts import (
    BACKGROUND,
    GAP,
    INK,
    LATIN_FONT,
    LINE_HEIGHT,
    MANY_LINES,
    MARGIN,
    MAX_NAME_WIDTH,
    NAME_FONT,
    SMALL_SIZE,
    SOFT,
    TEXT_SIZE,
    TIGHT_LINE_HEIGHT,
    TINY_SIZE,
    VERMILLION,
    WIDTH,
    CellStyle,
    ChartCanvas,
    Font,
    draw_legend,
    draw_title,
    find_font_families,
)
from bot.rendering.lane_texts import LaneTexts, build_lane_texts
from commands.model.lanes import Lane, LaneChart, LaneState, MarkKind

STATE_STYLES = {
    LaneState.ALERTING: CellStyle(VERMILLION, "#ffffff", ""),
    LaneState.UNKNOWN: CellStyle("#ecece9", SOFT, "", "////"),
    LaneState.QUIET: CellStyle("#bfe3d6", "#00664a", ""),
}
"""Styles of the states. Quiet times are pale, so that the others stand out."""

MARK_SIGNS = {MarkKind.CHANGE: "◆", MarkKind.PERSON: "●"}

MILESTONE_SIGNS = "①②③④⑤⑥"
"""Signs of the milestones, in order: their labels have no room beside one another in the lanes."""

_LINE_STYLE = CellStyle(INK, INK, "")


def draw_lanes(chart: LaneChart, words: LaneTexts) -> bytes:
    """Draws the lanes as a PNG. Its words are English if this machine has no font for the language."""
    families = find_font_families(words.model_dump_json())
    if not families:
        words, families = build_lane_texts(chart, ENGLISH), [LATIN_FONT]
    drawn, sheet = chart.drawable, ChartCanvas(families)
    names = [sheet.fit_name(lane.host, NAME_FONT, MAX_NAME_WIDTH) if lane.host else words.people for lane in drawn.lanes]
    left = MARGIN + max((sheet.measure_text(name, NAME_FONT) for name in names), default=0.0) + GAP
    high = TIGHT_LINE_HEIGHT if len(drawn.lanes) > MANY_LINES else LINE_HEIGHT
    y = draw_title(sheet, words.title, float(MARGIN))
    y = _draw_milestone_labels(sheet, words, y)
    top = y + LINE_HEIGHT
    _draw_milestones(sheet, drawn, (left, y, top + high * len(drawn.lanes)))
    y = top
    for name, lane in zip(names, drawn.lanes, strict=True):
        sheet.draw_text(MARGIN, y + high / 2, name, NAME_FONT)
        _draw_lane(sheet, drawn, lane, (left, y, high))
        y += high
    y = _draw_ticks(sheet, words, left, y + GAP / 2)
    if words.more:
        sheet.draw_text(MARGIN, y + LINE_HEIGHT / 2, words.more, Font(SMALL_SIZE, SOFT))
        y += LINE_HEIGHT
    states = [(STATE_STYLES[state], text) for state, text in words.states.items()]
    marks = [(CellStyle(BACKGROUND, INK, MARK_SIGNS[kind]), text) for kind, text in words.marks.items()]
    return sheet.render_png(draw_legend(sheet, [*states, *marks], y + GAP) + MARGIN)


def _place(chart: LaneChart, left: float, share: float) -> float:
    return left + share * (WIDTH - MARGIN - left)


def _draw_milestone_labels(sheet: ChartCanvas, words: LaneTexts, y: float) -> float:
    """Draws the milestones with their signs, in as few rows as possible. Returns the height below them."""
    x, font = float(MARGIN), Font(SMALL_SIZE, INK)
    for sign, label in zip(MILESTONE_SIGNS, words.milestones, strict=False):
        text = f"{sign} {label}"
        wide = sheet.measure_text(text, font)
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + TIGHT_LINE_HEIGHT
        sheet.draw_text(x, y + TIGHT_LINE_HEIGHT / 2, text, font)
        x += wide + GAP
    return y + TIGHT_LINE_HEIGHT if words.milestones else y


def _draw_milestones(sheet: ChartCanvas, chart: LaneChart, place: tuple[float, float, float]) -> None:
    """Draws the signs of the milestones above their places, each beside the one before, and a line down to the lanes."""
    left, top, bottom = place
    edge = 0.0
    for sign, mark in zip(MILESTONE_SIGNS, chart.milestones, strict=False):
        x = _place(chart, left, chart.locate(mark.at))
        sheet.draw_box(x - 1, top + LINE_HEIGHT - 8, 2, bottom - top - LINE_HEIGHT + 16, _LINE_STYLE)
        middle = max(min(x, WIDTH - MARGIN - TEXT_SIZE / 2), edge + TEXT_SIZE)
        sheet.draw_text(middle, top + LINE_HEIGHT / 2, sign, Font(TEXT_SIZE, INK, bold=True), "center")
        edge = middle


def _draw_lane(sheet: ChartCanvas, chart: LaneChart, lane: Lane, place: tuple[float, float, float]) -> None:
    """Draws the states of a lane, and the marks on them."""
    left, y, high = place
    for span in lane.spans:
        x = _place(chart, left, chart.locate(span.began))
        wide = _place(chart, left, chart.locate(span.ended)) - x
        sheet.draw_box(x, y + 5, max(wide, 2), high - 10, STATE_STYLES[span.state])
    for mark in lane.marks:
        x = _place(chart, left, chart.locate(mark.at))
        sheet.draw_text(x, y + high / 2, MARK_SIGNS[mark.kind], Font(SMALL_SIZE, INK), "center")


def _draw_ticks(sheet: ChartCanvas, words: LaneTexts, left: float, y: float) -> float:
    """Draws the times below the lanes, and their day and zone. Returns the height below them."""
    font, edge = Font(TINY_SIZE, INK), 0.0
    for share, label in words.ticks:
        x, wide = left + share * (WIDTH - MARGIN - left), sheet.measure_text(label, font)
        if x - wide / 2 > edge and x + wide / 2 <= WIDTH:
            sheet.draw_box(x - 1, y - 4, 2, 8, _LINE_STYLE)
            sheet.draw_text(x, y + 24, label, font, "center")
            edge = x + wide / 2 + GAP / 2
    sheet.draw_text(MARGIN, y + 24, words.zone, Font(TINY_SIZE, SOFT))
    return y + LINE_HEIGHT
