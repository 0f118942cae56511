"""Slack's limits on what a message may hold, written from Slack's documentation and kept apart from the bot's own.

`complaints` speaks Slack's words: a sentence and a JSON pointer for each fault. Blocks that this
workspace does not draw are refused as Slack refuses unknown ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.lab.workspace.answers import SlackError, invalid
from tests.lab.workspace.message import Content

POST_TEXT = 40_000
"""`chat.postMessage` cuts a longer text off."""
UPDATE_TEXT = 4_000
"""`chat.update` refuses a longer text."""
BLOCKS = 50
ALL_TEXT = 12_000
"""All text in the blocks of one message, containers counted too. Not documented; "12,000 text characters with a
buffer for block containers" (bolt-js #2509). A message of 11,341 characters has been refused (bolt-js #2867)."""
CONTAINER = 40
"""What each block counts towards `ALL_TEXT`: a guess on the strict side of those reports."""
TABLE_ROWS, TABLE_COLUMNS, TABLE_TEXT = 100, 20, 10_000

Complaints = Iterator[str]


def check_post(content: Content) -> Content:
    """The content as Slack would post it; `SlackError` where it refuses it."""
    _check(content)
    if _weight(content.blocks) > ALL_TEXT:
        raise SlackError("msg_blocks_too_long")
    return Content(content.text[:POST_TEXT], content.blocks)


def check_update(content: Content) -> Content:
    """As `check_post`, for an edit: a long text is refused, not cut."""
    if len(content.text) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    return check_post(content)


def check_response(content: Content) -> Content:
    """As `check_post`, for a response_url: the sum of all text is not limited there (bolt-js #2867)."""
    _check(content)
    return Content(content.text[:POST_TEXT], content.blocks)


def _check(content: Content) -> None:
    if not content.text and not content.blocks:
        raise SlackError("no_text")
    found = list(complaints(content.blocks))
    if found:
        raise invalid("invalid_blocks", found)


def complaints(blocks: Sequence[Any]) -> Complaints:
    """Everything that Slack has against these blocks."""
    if len(blocks) > BLOCKS:
        yield _fault(f"no more than {BLOCKS} items allowed", "/blocks")
    for number, block in enumerate(blocks):
        yield from _block(block, f"/blocks/{number}")
    yield from _repeated(blocks, "block_id", "/blocks")
    if sum(_table_text(block) for block in blocks) > TABLE_TEXT:
        yield _fault(f"cells must be less than {TABLE_TEXT + 1} characters in all", "/blocks")


def _block(block: Any, at: str) -> Complaints:
    if not isinstance(block, dict):
        yield _fault("must be an object", at)
        return
    check = _BLOCKS.get(block.get("type", ""))
    if check is None:
        yield _fault(f"unsupported type: {block.get('type')}", f"{at}/type")
        return
    yield from _string(block, "block_id", 255, at)
    yield from check(block, at)


def _section(block: Mapping[str, Any], at: str) -> Complaints:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield _fault("missing required field: text", at)
    if "text" in block:
        yield from _text(block["text"], 3_000, f"{at}/text")
    if fields is not None:
        yield from _items(fields, 10, f"{at}/fields", least=1)
        for number, field in enumerate(fields if isinstance(fields, list) else ()):
            yield from _text(field, 2_000, f"{at}/fields/{number}")
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _header(block: Mapping[str, Any], at: str) -> Complaints:
    yield from _text(block.get("text"), 150, f"{at}/text", kinds=("plain_text",))


def _context(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements")
    yield from _items(elements, 10, f"{at}/elements", least=1)
    for number, element in enumerate(elements if isinstance(elements, list) else ()):
        here = f"{at}/elements/{number}"
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element, here)
        else:
            yield from _text(element, 3_000, here)


def _actions(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements")
    yield from _items(elements, 25, f"{at}/elements", least=1)
    if not isinstance(elements, list):
        return
    for number, element in enumerate(elements):
        yield from _element(element, f"{at}/elements/{number}")
    yield from _repeated(elements, "action_id", f"{at}/elements")


def _image(block: Mapping[str, Any], at: str) -> Complaints:
    if "image_url" not in block and "slack_file" not in block:
        yield _fault("missing required field: image_url", at)
    yield from _string(block, "image_url", 3_000, at)
    yield from _string(block, "alt_text", 2_000, at, required=True)
    if "title" in block:
        yield from _text(block["title"], 2_000, f"{at}/title", kinds=("plain_text",))


def _markdown(block: Mapping[str, Any], at: str) -> Complaints:
    yield from _string(block, "text", 12_000, at, required=True)


def _rich_text(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements")
    if not isinstance(elements, list):
        yield _fault("missing required field: elements", at)
        return
    known = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    for number, element in enumerate(elements):
        here = f"{at}/elements/{number}"
        if not isinstance(element, dict) or element.get("type") not in known:
            yield _fault("unsupported type: rich_text element", f"{here}/type")
        elif not isinstance(element.get("elements"), list):
            yield _fault("missing required field: elements", here)


def _table(block: Mapping[str, Any], at: str) -> Complaints:
    rows = block.get("rows")
    yield from _items(rows, TABLE_ROWS, f"{at}/rows", least=1)
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        yield from _items(row, TABLE_COLUMNS, f"{at}/rows/{number}", least=1)
        for column, cell in enumerate(row if isinstance(row, list) else ()):
            if not isinstance(cell, dict) or cell.get("type") not in ("raw_text", "raw_number", "rich_text"):
                yield _fault("unsupported type: table cell", f"{at}/rows/{number}/{column}/type")


def _nothing(block: Mapping[str, Any], at: str) -> Complaints:
    yield from ()


_BLOCKS = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "table": _table,
    "divider": _nothing,
}

_ELEMENT_STRINGS = {
    "button": {"action_id": 255, "value": 2_000, "url": 3_000, "accessibility_label": 75},
    "overflow": {"action_id": 255},
    "static_select": {"action_id": 255},
    "image": {"image_url": 3_000, "alt_text": 2_000},
}


def _element(element: Any, at: str) -> Complaints:
    """A button, menu or picture in a message."""
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in _ELEMENT_STRINGS:
        yield _fault(f"unsupported type: {kind}", f"{at}/type")
        return
    for name, most in _ELEMENT_STRINGS[kind].items():
        yield from _string(element, name, most, at)
    if kind == "button":
        yield from _text(element.get("text"), 75, f"{at}/text", kinds=("plain_text",))
    if kind in ("overflow", "static_select"):
        options = element.get("options")
        yield from _items(options, 5 if kind == "overflow" else 100, f"{at}/options", least=1)
        for number, option in enumerate(options if isinstance(options, list) else ()):
            yield from _option(option, f"{at}/options/{number}")


def _option(option: Any, at: str) -> Complaints:
    if not isinstance(option, dict):
        yield _fault("must be an object", at)
        return
    yield from _text(option.get("text"), 75, f"{at}/text")
    yield from _string(option, "value", 150, at, required=True)


def _text(value: Any, most: int, at: str, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Complaints:
    """A text object of 1 to `most` characters."""
    if not isinstance(value, dict):
        yield _fault("missing required field: text", at)
        return
    if value.get("type") not in kinds:
        yield _fault("must be a valid enum value", f"{at}/type")
    text = value.get("text")
    if not isinstance(text, str) or not text:
        yield _fault("must be more than 0 characters", f"{at}/text")
    elif len(text) > most:
        yield _fault(f"must be less than {most + 1} characters", f"{at}/text")


def _string(holder: Mapping[str, Any], name: str, most: int, at: str, *, required: bool = False) -> Complaints:
    value = holder.get(name)
    if value is None:
        if required:
            yield _fault(f"missing required field: {name}", at)
    elif not isinstance(value, str) or not value:
        yield _fault("must be more than 0 characters", f"{at}/{name}")
    elif len(value) > most:
        yield _fault(f"must be less than {most + 1} characters", f"{at}/{name}")


def _items(value: Any, most: int, at: str, *, least: int) -> Complaints:
    if not isinstance(value, list) or len(value) < least:
        yield _fault(f"must have at least {least} items", at)
    elif len(value) > most:
        yield _fault(f"no more than {most} items allowed", at)


def _repeated(holders: Sequence[Any], name: str, at: str) -> Complaints:
    seen: set[str] = set()
    for number, holder in enumerate(holders):
        value = holder.get(name) if isinstance(holder, dict) else None
        if not isinstance(value, str):
            continue
        if value in seen:
            yield _fault(f'`{name}` "{value}" already exists', f"{at}/{number}/{name}")
        seen.add(value)


def _fault(what: str, at: str) -> str:
    return f"{what} [json-pointer:{at}]"


def _weight(blocks: Sequence[Mapping[str, Any]]) -> int:
    return sum(CONTAINER + _characters(block) for block in blocks)


def _characters(value: Any) -> int:
    """The length of every string named `text`, at any depth."""
    if isinstance(value, list):
        return sum(_characters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    return sum(len(item) if name == "text" and isinstance(item, str) else _characters(item) for name, item in value.items())


def _table_text(block: Any) -> int:
    return _characters(block) if isinstance(block, dict) and block.get("type") == "table" else 0
