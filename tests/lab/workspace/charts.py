"""Slack's limits on the data visualization block (docs.slack.dev, June 2026; a second source allows 12 series, not 6)."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.lab.workspace.checks import Complaints, each, fault, items, known, repeated, string

CHART = "data_visualization"
MOST_CHARTS = 2
"""Charts in one message (vercel/chat #696: found by Slack's refusal)."""

TITLE, LABEL, SERIES, CATEGORIES = 50, 20, 6, 20
_SERIES_KINDS = ("bar", "line", "area")


def chart_block(block: Mapping[str, Any], at: str) -> Complaints:
    """A title and one chart."""
    yield from string(block, "title", TITLE, at, required=True)
    chart, here = block.get("chart"), f"{at}/chart"
    kind = chart.get("type") if isinstance(chart, dict) else None
    if not isinstance(chart, dict):
        yield fault("missing required field: chart", at)
    elif kind == "pie":
        yield from known(chart, frozenset({"type", "segments"}), here)
        yield from _points(chart.get("segments"), SERIES, f"{here}/segments")
    elif kind in _SERIES_KINDS:
        yield from known(chart, frozenset({"type", "series", "axis_config"}), here)
        yield from _axis(chart.get("axis_config"), f"{here}/axis_config")
        yield from _series(chart, here)
    else:
        yield fault("must be a valid enum value", f"{here}/type")


def too_many_charts(blocks: Sequence[Any], at: str) -> Complaints:
    """More charts than one message takes."""
    count = sum(isinstance(block, dict) and block.get("type") == CHART for block in blocks)
    if count > MOST_CHARTS:
        yield fault(f"no more than {MOST_CHARTS} {CHART} blocks allowed", at)


def _axis(value: Any, at: str) -> Complaints:
    if not isinstance(value, dict):
        yield fault("missing required field: axis_config", at)
        return
    yield from known(value, frozenset({"categories", "x_label", "y_label"}), at)
    for name in ("x_label", "y_label"):
        yield from string(value, name, TITLE, at)
    categories = value.get("categories")
    yield from items(categories, CATEGORIES, f"{at}/categories")
    for category, here in each(categories, f"{at}/categories"):
        yield from string({"label": category}, "label", LABEL, here, required=True)


def _series(chart: Mapping[str, Any], at: str) -> Complaints:
    axis = chart.get("axis_config")
    categories = axis.get("categories") if isinstance(axis, dict) else None
    yield from items(chart.get("series"), SERIES, f"{at}/series")
    for one, here in each(chart.get("series"), f"{at}/series"):
        if not isinstance(one, dict):
            yield fault("must be an object", here)
            continue
        yield from known(one, frozenset({"name", "data"}), here)
        yield from string(one, "name", LABEL, here, required=True)
        yield from _points(one.get("data"), CATEGORIES, f"{here}/data")
        if [point.get("label") for point in one.get("data") or () if isinstance(point, dict)] != categories:
            yield fault("must have one data point for each category", f"{here}/data")
    if isinstance(chart.get("series"), list):
        yield from repeated(chart["series"], "name", f"{at}/series")


def _points(value: Any, most: int, at: str) -> Complaints:
    yield from items(value, most, at)
    for point, here in each(value, at):
        if not isinstance(point, dict):
            yield fault("must be an object", here)
            continue
        yield from known(point, frozenset({"label", "value"}), here)
        yield from string(point, "label", LABEL, here, required=True)
        if isinstance(point.get("value"), bool) or not isinstance(point.get("value"), int | float):
            yield fault("must be a number", f"{here}/value")
