"""Slack's limits on blocks, and which blocks each surface takes.

Written from Slack's documentation and kept apart from the bot's own limits. Blocks that this
workspace does not draw are refused as Slack refuses unknown ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.workspace import rich
from tests.lab.workspace.charts import CHART, chart_block, too_many_charts
from tests.lab.workspace.checks import Complaints, each, fault, flag, items, known, plain, repeated, string, text
from tests.lab.workspace.elements import AS_ACCESSORY, IN_ACTIONS, IN_INPUT, element, image


@dataclass(frozen=True)
class Surface:
    """Where blocks are shown: how many, and which kinds."""

    most: int
    kinds: frozenset[str]


def complaints(blocks: Sequence[Any], surface: Surface, at: str = "/blocks") -> Complaints:
    """Everything that Slack has against these blocks."""
    if len(blocks) > surface.most:
        yield fault(f"no more than {surface.most} items allowed", at)
    for number, block in enumerate(blocks):
        yield from _block(block, surface, f"{at}/{number}")
    yield from repeated(blocks, "block_id", at)
    yield from too_many_charts(blocks, at)
    if sum(_table_text(block) for block in blocks) > rich.TABLE_TEXT:
        yield fault(f"cells must be less than {rich.TABLE_TEXT + 1} characters in all", at)


def _block(block: Any, surface: Surface, at: str) -> Complaints:
    if not isinstance(block, dict):
        yield fault("must be an object", at)
        return
    kind = block.get("type", "")
    if kind not in surface.kinds:
        yield fault(f"unsupported type: {kind}", f"{at}/type")
        return
    keys, check = _BLOCKS[kind]
    yield from known(block, keys | {"type", "block_id"}, at)
    yield from string(block, "block_id", 255, at)
    yield from check(block, at)


def _section(block: Mapping[str, Any], at: str) -> Complaints:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield fault("missing required field: text", at)
    if "text" in block:
        yield from text(block["text"], 3_000, f"{at}/text")
    if fields is not None:
        yield from items(fields, 10, f"{at}/fields")
        for field, here in each(fields, f"{at}/fields"):
            yield from text(field, 2_000, here)
    if "accessory" in block:
        yield from element(block["accessory"], f"{at}/accessory", AS_ACCESSORY)
    yield from flag(block, "expand", at)


def _header(block: Mapping[str, Any], at: str) -> Complaints:
    yield from plain(block.get("text"), 150, f"{at}/text")


def _context(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements")
    yield from items(elements, 10, f"{at}/elements")
    for item, here in each(elements, f"{at}/elements"):
        if isinstance(item, dict) and item.get("type") == "image":
            yield from element(item, here, frozenset({"image"}))
        else:
            yield from text(item, 3_000, here)


def _actions(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements")
    yield from items(elements, 25, f"{at}/elements")
    for item, here in each(elements, f"{at}/elements"):
        yield from element(item, here, IN_ACTIONS)
    if isinstance(elements, list):
        yield from repeated(elements, "action_id", f"{at}/elements")


def _input(block: Mapping[str, Any], at: str) -> Complaints:
    yield from plain(block.get("label"), 2_000, f"{at}/label")
    if "hint" in block:
        yield from plain(block["hint"], 2_000, f"{at}/hint")
    yield from element(block.get("element"), f"{at}/element", IN_INPUT)
    yield from flag(block, "optional", at)
    yield from flag(block, "dispatch_action", at)


def _image(block: Mapping[str, Any], at: str) -> Complaints:
    yield from image(block, at)
    if "title" in block:
        yield from plain(block["title"], 2_000, f"{at}/title")


def _markdown(block: Mapping[str, Any], at: str) -> Complaints:
    yield from string(block, "text", 12_000, at, required=True)


def _nothing(block: Mapping[str, Any], at: str) -> Complaints:
    yield from ()


_BLOCKS = {
    "section": (frozenset({"text", "fields", "accessory", "expand"}), _section),
    "header": (frozenset({"text"}), _header),
    "context": (frozenset({"elements"}), _context),
    "actions": (frozenset({"elements"}), _actions),
    "input": (frozenset({"label", "element", "hint", "optional", "dispatch_action"}), _input),
    "image": (frozenset({"image_url", "slack_file", "alt_text", "title"}), _image),
    "markdown": (frozenset({"text"}), _markdown),
    "rich_text": (frozenset({"elements"}), rich.rich_text),
    "table": (frozenset({"rows", "column_settings"}), rich.table),
    "divider": (frozenset(), _nothing),
    CHART: (frozenset({"title", "chart"}), chart_block),
}

MESSAGE = Surface(50, frozenset(_BLOCKS))
VIEW = Surface(100, frozenset(_BLOCKS) - {"markdown", "table", CHART})
"""Modals and home tabs: the three that are left out are for messages only."""


def characters(value: Any) -> int:
    """The length of every string named `text`, at any depth."""
    if isinstance(value, list):
        return sum(characters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    return sum(len(item) if name == "text" and isinstance(item, str) else characters(item) for name, item in value.items())


def _table_text(block: Any) -> int:
    return characters(block) if isinstance(block, dict) and block.get("type") == "table" else 0
