"""Simplifies a message whose content Slack refuses, until it is accepted.

    whole ─ refused ─▶ later, whole again ─ refused ─▶ with words for its pictures ─ refused ─▶ its text alone

Slack scans an uploaded file before it may be shown, and until then refuses the blocks that show it
(slackapi/python-slack-sdk #1658, node-slack-sdk #1865). It does not report when the file is ready.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from adapters.phrase import Phrase
from bot.rendering.slack.blocks import Block, Message, context, escape, is_picture
from bot.slack.api import SlackFailure
from bot.slack.outbound.message import Address, noted, plain
from bot.store.outbox import Place, Post

PICTURE_PAUSES = (4.0, 12.0)
"""Seconds before each retry with a refused picture. No more than two: a response_url takes five messages in all."""

REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "http_400"})
"""Slack's codes for invalid blocks; a response_url answers 400 without a code."""

TOO_MUCH = REFUSED | {"msg_blocks_too_long", "msg_too_long"}
"""Slack's codes for a message that may be accepted without its blocks."""

Send = Callable[[Message], Awaitable[Place]]

_log = structlog.get_logger(__name__)


async def fitting(send: Send, message: Message, post: Post, address: Address) -> Place:
    """Send as much of the message as Slack accepts.

    Raises a transient `SlackFailure` if its pictures may be accepted later.
    """
    try:
        return await send(message)
    except SlackFailure as failure:
        if failure.code not in TOO_MUCH:
            raise
        pictured = failure.code in REFUSED and any(map(is_picture, message.blocks))
        if pictured and post.attempts <= len(PICTURE_PAUSES):
            pause = PICTURE_PAUSES[post.attempts - 1]
            raise SlackFailure(failure.code, passing=True, retry_after=pause) from failure
        _log.warning("slack refused the blocks of a message", code=failure.code, operation=post.operation, pictured=pictured)
    if pictured:
        return await fitting(send, _without_pictures(message, address), post, address)
    return await send(plain(message, short_form(address)))


def short_form(address: Address) -> str:
    """Return the note below a message that is not complete."""
    return address.say(
        Phrase("This is the short form: Slack did not take the whole answer. Ask for fewer hosts to see more.")
    )


def _without_pictures(message: Message, address: Address) -> Message:
    """Replace pictures by their descriptions."""
    blocks = tuple(_in_words(block) if is_picture(block) else block for block in message.blocks)
    return noted(replace(message, blocks=blocks), address.say(Phrase("The picture could not be shown.")))


def _in_words(picture: Block) -> Block:
    return context(escape(str(picture["alt_text"]), 2_500))
