"""Blocks and views for tests, short."""

from typing import Any

Part = dict[str, Any]


def plain(text: str = "x") -> Part:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Part:
    return {"text": plain(value.upper()), "value": value}


def button(action_id: str = "go", **more: Any) -> Part:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), **more}


def choice(kind: str, action_id: str, *values: str, **more: Any) -> Part:
    """A menu, boxes or radio buttons."""
    return {"type": kind, "action_id": action_id, "options": [option(value) for value in values], **more}


def actions(*elements: Part, **more: Any) -> Part:
    return {"type": "actions", "elements": list(elements), **more}


def field(block_id: str, element: Part | None = None, **more: Any) -> Part:
    """An input block; without an element, for text."""
    element = element or {"type": "plain_text_input", "action_id": "typed"}
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


def section(text: str = "x", **more: Any) -> Part:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def modal(*blocks: Part, **more: Any) -> Part:
    """A form; it can be sent unless `submit` is None."""
    return {"type": "modal", "title": plain("Form"), "submit": plain("Send"), "blocks": list(blocks), **more}


def home(*blocks: Part, **more: Any) -> Part:
    return {"type": "home", "blocks": list(blocks), **more}
