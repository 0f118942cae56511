"""Slack's limits on the two blocks that nest: rich_text and table."""

from collections.abc import Mapping
from typing import Any

from tests.lab.workspace.checks import Complaints, each, fault, items, known

TABLE_ROWS, TABLE_COLUMNS, TABLE_TEXT = 100, 20, 10_000
"""The last one counts the characters of all cells of all tables of a message."""

_SECTION = {
    "text": frozenset({"type", "text", "style"}),
    "link": frozenset({"type", "url", "text", "unsafe", "style"}),
    "user": frozenset({"type", "user_id", "style"}),
    "usergroup": frozenset({"type", "usergroup_id", "style"}),
    "channel": frozenset({"type", "channel_id", "style"}),
    "emoji": frozenset({"type", "name", "unicode", "style"}),
    "broadcast": frozenset({"type", "range", "style"}),
    "date": frozenset({"type", "timestamp", "format", "url", "fallback", "style"}),
    "color": frozenset({"type", "value"}),
}
_NEEDED = {
    "text": "text", "link": "url", "user": "user_id", "usergroup": "usergroup_id", "channel": "channel_id",
    "emoji": "name", "broadcast": "range", "date": "format", "color": "value",
}  # fmt: skip
_PARTS = {
    "rich_text_section": frozenset({"type", "elements"}),
    "rich_text_list": frozenset({"type", "elements", "style", "indent", "offset", "border"}),
    "rich_text_preformatted": frozenset({"type", "elements", "border", "language"}),
    "rich_text_quote": frozenset({"type", "elements", "border"}),
}
_STYLES = frozenset({"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"})


def rich_text(block: Mapping[str, Any], at: str) -> Complaints:
    """A rich_text block, or a table cell that is one."""
    elements = block.get("elements")
    if not isinstance(elements, list):
        yield fault("missing required field: elements", at)
        return
    for part, here in each(elements, f"{at}/elements"):
        yield from _part(part, here)


def _part(part: Any, at: str) -> Complaints:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in _PARTS:
        yield fault(f"unsupported type: {kind}", f"{at}/type")
        return
    yield from known(part, _PARTS[kind], at)
    if not isinstance(part.get("elements"), list):
        yield fault("missing required field: elements", at)
    if kind == "rich_text_list" and part.get("style") not in ("bullet", "ordered"):
        yield fault("must be a valid enum value", f"{at}/style")
    for piece, here in each(part.get("elements"), f"{at}/elements"):
        yield from _list_item(piece, here) if kind == "rich_text_list" else _piece(piece, here)


def _list_item(piece: Any, at: str) -> Complaints:
    if isinstance(piece, dict) and piece.get("type") == "rich_text_section":
        yield from _part(piece, at)
    else:
        yield fault("unsupported type: a list holds rich_text_section", f"{at}/type")


def _piece(piece: Any, at: str) -> Complaints:
    kind = piece.get("type") if isinstance(piece, dict) else None
    if kind not in _SECTION:
        yield fault(f"unsupported type: {kind}", f"{at}/type")
        return
    yield from known(piece, _SECTION[kind], at)
    needed = _NEEDED[kind]
    if not isinstance(piece.get(needed), str) or not piece[needed]:
        yield fault(f"missing required field: {needed}", at)
    style = piece.get("style", {})
    if not isinstance(style, dict) or not style.keys() <= _STYLES:
        yield fault("invalid style", f"{at}/style")


def table(block: Mapping[str, Any], at: str) -> Complaints:
    """Rows of cells, the first row in the part of a head."""
    rows = block.get("rows")
    yield from items(rows, TABLE_ROWS, f"{at}/rows")
    for row, here in each(rows, f"{at}/rows"):
        yield from items(row, TABLE_COLUMNS, here)
        for cell, there in each(row, here):
            yield from _cell(cell, there)
    settings = block.get("column_settings", [])
    yield from items(settings, TABLE_COLUMNS, f"{at}/column_settings", least=0)
    for setting, here in each(settings, f"{at}/column_settings"):
        if setting is None:
            continue
        if not isinstance(setting, dict) or setting.get("align", "left") not in ("left", "center", "right"):
            yield fault("must be a valid enum value", f"{here}/align")
        else:
            yield from known(setting, frozenset({"align", "is_wrapped"}), here)


def _cell(cell: Any, at: str) -> Complaints:
    kind = cell.get("type") if isinstance(cell, dict) else None
    if kind == "rich_text":
        yield from rich_text(cell, at)
    elif kind == "raw_text":
        if not isinstance(cell.get("text"), str):
            yield fault("missing required field: text", at)
    elif kind != "raw_number":
        yield fault("unsupported type: table cell", f"{at}/type")
