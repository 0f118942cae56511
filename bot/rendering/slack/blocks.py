"""Block Kit: the shapes that this house uses, its budgets, and the escaping of everything foreign.

Slack's own limits (docs.slack.dev, slack_sdk's `models/blocks`): 50 blocks in a message, 3,000
characters in a section or an element of a context, ten elements in a context. All text together
has an undocumented limit: `msg_blocks_too_long` at about 12,000 characters with an overhead for
each block (bolt-js #2509, #2867).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.phrase import Texts
from bot.security.untrusted_text import CUT, cut, one_line

Block = dict[str, Any]

BLOCKS = 45
"""Blocks in one of our messages, with room for notes that are added on the way."""
CHARACTERS = 9_000
"""Characters in the blocks of one of our messages; the overhead of blocks is why it is so far below Slack's limit."""
TEXT = 4_000
"""Characters in a message's `text`: chat.update refuses more with `msg_too_long`."""
ALT = 2_000
"""Characters in the words for a picture (docs.slack.dev, image block)."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "ˋ"})
"""Slack's three entities. A back-tick has none: it becomes the look-alike U+02CB, so that no code span ends early."""

_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,40}")

_PART_OF_ENTITY = re.compile(r"&[a-z]*$")


@dataclass(frozen=True)
class Message:
    """One message.

    `text` alone is complete and short, in plain words: for notifications, screen readers, and where
    Slack refuses the blocks.
    """

    text: str
    blocks: tuple[Block, ...]


def escape(text: str, most: int = 300) -> str:
    """Foreign text for mrkdwn: one line that mentions nobody, links nothing and ends no code; at most `most` characters.

    `*`, `_` and `~` stay, so that names can be copied: at worst foreign text is bold or struck out.
    """
    escaped = one_line(text).translate(_ENTITIES)
    if len(escaped) <= most:
        return escaped
    return _PART_OF_ENTITY.sub("", escaped[: most - 1]) + CUT


def code(text: str) -> str:
    """Foreign text as a code span of at most 152 characters; nothing where there is no text."""
    escaped = escape(text, 150)
    return f"`{escaped}`" if escaped else ""


def when(at: datetime, texts: Texts) -> str:
    """A time in the reader's own zone, as Slack shows it; in words where it cannot."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{escape(texts.moment(at))}>"


def channel_link(channel: str) -> str:
    """A channel by its id, as Slack shows it: with the name that it has now, to be followed; "" where it is no such id."""
    return f"<#{channel}>" if _CHANNEL.fullmatch(channel) else ""


def section(text: str) -> Block:
    """A paragraph of mrkdwn that Slack neither folds away nor searches for links."""
    return {"type": "section", "text": _mrkdwn(text), "expand": True}


def plain(text: str, most: int) -> Block:
    """A text without markup, for labels: one line, and never empty, which Slack refuses."""
    return {"type": "plain_text", "text": cut(one_line(text), most) or "?", "emoji": False}


def context(*texts: str) -> Block:
    """A small grey line."""
    return {"type": "context", "elements": [_mrkdwn(text) for text in texts]}


def picture(file: str, alt: str) -> Block:
    """A picture that the bot has uploaded, and in plain words what it shows."""
    return {"type": "image", "slack_file": {"id": file}, "alt_text": cut(one_line(alt), ALT)}


def is_picture(block: Block) -> bool:
    return block.get("type") == "image"


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
