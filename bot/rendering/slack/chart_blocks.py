"""A chart as Slack's own chart blocks, where no picture is shown: in private messages. Pure.

    hosts by state      a line or a bar for each state, by day     "Health, last 14 days"; a day without checks is "no data"
    certificates        a bar for each, soonest expiry first       "Certificate days remaining"

Slack's limits (docs.slack.dev, data visualization block of June 2026, messages only): title and axis labels 50 characters,
1 to 6 series (12 in later versions), 1 to 20 categories, labels of 20 characters, one point for each category, two of these
blocks in a message. Workspaces that do not have the block yet answer `invalid_blocks`. Then the message is sent without it
(`bot.slack.outbound.simplify`), so the words of the chart are always above it.
"""

from collections.abc import Mapping, Sequence

from adapters.phrase import Phrase, Texts
from bot.rendering.chart_process import build_chart_texts
from bot.rendering.slack.blocks import Block
from bot.security.untrusted_text import shorten, to_one_line
from commands.model.chart import Chart, DayState

MAX_TITLE, MAX_LABEL, MAX_CATEGORIES = 50, 20, 20
"""Slack's limits: characters of a title, characters of a label, and categories of a chart."""

CHART_TYPE = "data_visualization"
"""Type of the block."""

STATE_LABELS = {
    DayState.TROUBLED: Phrase("unhealthy"),
    DayState.UNREACHED: Phrase("unreachable"),
    DayState.AT_TIMES: Phrase("intermittent"),
    DayState.WELL: Phrase("healthy"),
    DayState.NOTHING: Phrase("no data"),
}
"""Names of the series, of at most 20 characters in every language."""


def make_chart_blocks(chart: Chart, texts: Texts) -> list[Block]:
    """Makes up to two blocks: the hosts by state and day, and the days left of certificates. Empty charts are left out."""
    titles, blocks, left = build_chart_texts(chart, texts), [], dict[str, int]()
    for each in chart.ordered.certificates[:MAX_CATEGORIES]:
        left.setdefault(_make_label(each.name), max(0, int(each.days)))
    if chart.hosts and chart.days:
        kind = "line" if len(chart.days) > 1 else "bar"
        blocks.append(_make_chart(titles.health, kind, _count_hosts(chart, texts)))
    if left:
        blocks.append(_make_chart(titles.certificates, "bar", {Phrase("days left").render(texts): left}))
    return blocks


def is_chart(block: Block) -> bool:
    """Returns whether Slack draws this block as a chart."""
    return block.get("type") == CHART_TYPE


def _count_hosts(chart: Chart, texts: Texts) -> dict[str, dict[str, int]]:
    """Counts the hosts in each state that occurred, by day; the newest days, as many as fit."""
    first = max(0, len(chart.days) - MAX_CATEGORIES)
    days = [(number, f"{day:%m-%d}") for number, day in enumerate(chart.days)][first:]
    counted = {
        state: {label: sum(host.states[number] is state for host in chart.hosts) for number, label in days}
        for state in STATE_LABELS
    }
    seen = [state for state in STATE_LABELS if any(counted[state].values())] or [DayState.NOTHING]
    return {_make_label(STATE_LABELS[state].render(texts)): counted[state] for state in seen}


def _make_chart(title: str, kind: str, series: Mapping[str, Mapping[str, int]]) -> Block:
    categories: Sequence[str] = list(next(iter(series.values())))
    return {
        "type": CHART_TYPE,
        "title": shorten(title, MAX_TITLE),
        "chart": {
            "type": kind,
            "series": [
                {"name": name, "data": [{"label": label, "value": points[label]} for label in categories]}
                for name, points in series.items()
            ],
            "axis_config": {"categories": categories},
        },
    }


def _make_label(text: str) -> str:
    return shorten(to_one_line(text), MAX_LABEL) or "?"
