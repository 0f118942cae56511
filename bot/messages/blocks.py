"""Block Kit: the shapes that this house uses, Slack's limits, and the escaping of everything foreign.

Sources: the reference of Block Kit and of chat.postMessage/chat.update (docs.slack.dev), and
slack_sdk's `models/blocks`. The total of characters is undocumented; Slack refuses with
`msg_blocks_too_long` at about 12,000 including an overhead for each block (bolt-js #2509, #2867).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.messages.foreign import CUT, one_line

Block = dict[str, Any]

SLACK_BLOCKS = 50
"""Blocks in one message."""
SLACK_CHARACTERS = 12_000
"""Characters of text in all blocks of one message."""
SECTION = 3_000
"""Characters in a section's text; also in one element of a context."""
CONTEXT = 10
"""Elements of one context."""
TEXT = 4_000
"""Characters in a message's `text`: chat.update refuses more with `msg_too_long`."""

BLOCKS = 45
"""The blocks that we allow ourselves."""
CHARACTERS = 9_000
"""The characters that we allow ourselves; the overhead of blocks is why it is so far below Slack's limit."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "ˋ"})
"""Slack's three entities. A back-tick has none: it becomes the look-alike U+02CB, so that no code span ends early."""

_PART_OF_ENTITY = re.compile(r"&[a-z]*$")


def escape(text: str, most: int = 300) -> str:
    """Foreign text for mrkdwn: one line that mentions nobody, links nothing and ends no code; at most `most` characters.

    `*`, `_` and `~` stay, so that names can be copied: at worst foreign text is bold or struck out.
    """
    escaped = one_line(text).translate(_ENTITIES)
    if len(escaped) <= most:
        return escaped
    return _PART_OF_ENTITY.sub("", escaped[: most - 1]) + CUT


def code(text: str, most: int = 150) -> str:
    """Foreign text as a code span; nothing where there is no text."""
    escaped = escape(text, most)
    return f"`{escaped}`" if escaped else ""


def section(text: str) -> Block:
    """A paragraph of mrkdwn that Slack neither folds away nor searches for links."""
    return {"type": "section", "text": _mrkdwn(text), "expand": True}


def context(*texts: str) -> Block:
    """A small grey line."""
    return {"type": "context", "elements": [_mrkdwn(text) for text in texts]}


def characters(blocks: Sequence[Mapping[str, Any]]) -> int:
    """The characters of text in all blocks, as Slack counts them for `SLACK_CHARACTERS`."""
    return sum(len(text["text"]) for block in blocks for _, text in _texts(block))


def validate(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What Slack would refuse, each with its JSON pointer; block types that we never send included."""
    complaints = []
    if not 1 <= len(blocks) <= SLACK_BLOCKS:
        complaints.append(f"/blocks: {len(blocks)} blocks, must be 1 to {SLACK_BLOCKS}")
    for index, block in enumerate(blocks):
        complaints += [f"/blocks/{index}{complaint}" for complaint in _complaints(block)]
    if not complaints and characters(blocks) > SLACK_CHARACTERS:
        complaints.append(f"/blocks: {characters(blocks)} characters of text, must be at most {SLACK_CHARACTERS}")
    return tuple(complaints)


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


_KEYS = {"section": {"type", "text", "expand"}, "context": {"type", "elements"}}


def _complaints(block: Mapping[str, Any]) -> list[str]:
    kind = block.get("type")
    if kind not in _KEYS:
        return [f"/type: {kind!r} is no block of ours"]
    complaints = [f"/{key}: unknown key" for key in block if key not in _KEYS[kind]]
    texts = _texts(block)
    if kind == "context" and not 1 <= len(texts) <= CONTEXT:
        complaints.append(f"/elements: {len(texts)} elements, must be 1 to {CONTEXT}")
    for pointer, text in texts:
        if text.get("type") != "mrkdwn" or set(text) - {"type", "text", "verbatim"}:
            complaints.append(f"{pointer}: not a mrkdwn text")
        if not 1 <= len(text.get("text", "")) <= SECTION:
            complaints.append(f"{pointer}/text: {len(text.get('text', ''))} characters, must be 1 to {SECTION}")
    return complaints


def _texts(block: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    if block.get("type") == "context":
        return [(f"/elements/{index}", element) for index, element in enumerate(block.get("elements", ()))]
    return [("/text", block.get("text", {}))]
