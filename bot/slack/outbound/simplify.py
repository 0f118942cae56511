"""Simplifies a message whose content Slack refuses, until it is accepted.

    charts  ─ refused ─▶ without charts ─ refused ─▶ its text alone
    picture ─ refused ─▶ later, whole again ─ refused ─▶ with words for its pictures ─ refused ─▶ its text alone

Slack draws charts only where the workspace has the block (`bot.rendering.slack.chart_blocks`).
Slack scans an uploaded file before it may be shown, and until then refuses the blocks that show it
(slackapi/python-slack-sdk #1658, node-slack-sdk #1865). It does not report when the file is ready.
"""

from collections.abc import Awaitable, Callable

import structlog

from adapters.phrase import Phrase
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.pictures import drop_charts, has_charts, has_pictures, replace_pictures
from bot.slack.errors import SlackFailure
from bot.slack.outbound.message import Address, add_notes, make_plain
from bot.store.outbox_values import MessagePlace, Post

PICTURE_PAUSES = (4.0, 12.0)
"""Seconds before each retry with a refused picture. No more than two: a response_url takes five messages in all."""

REFUSED_BLOCKS_CODES = frozenset({"invalid_blocks", "invalid_blocks_format", "http_400"})
"""Slack's codes for invalid blocks; a response_url answers 400 without a code."""

SIMPLIFIABLE_CODES = REFUSED_BLOCKS_CODES | {"msg_blocks_too_long", "msg_too_long"}
"""Slack's codes for a message that may be accepted without its blocks."""

Send = Callable[[SlackMessage], Awaitable[MessagePlace]]

_log = structlog.get_logger(__name__)


async def send_simplified(send: Send, message: SlackMessage, post: Post, address: Address) -> MessagePlace:
    """Send as much of the message as Slack accepts.

    Raises a transient `SlackFailure` if its pictures may be accepted later.
    """
    try:
        return await send(message)
    except SlackFailure as failure:
        if failure.code not in SIMPLIFIABLE_CODES:
            raise
        if failure.code in REFUSED_BLOCKS_CODES and has_charts(message):
            _log.info("slack does not draw the charts of a message", operation=post.operation)
            return await send_simplified(send, drop_charts(message), post, address)
        pictured = failure.code in REFUSED_BLOCKS_CODES and has_pictures(message)
        if pictured and post.attempts <= len(PICTURE_PAUSES):
            pause = PICTURE_PAUSES[post.attempts - 1]
            raise SlackFailure(failure.code, passing=True, retry_after=pause) from failure
        _log.warning("slack refused the blocks of a message", code=failure.code, operation=post.operation, pictured=pictured)
    if pictured:
        noted = add_notes(replace_pictures(message), address.render(Phrase("The chart could not be displayed.")))
        return await send_simplified(send, noted, post, address)
    return await send(make_plain(message, explain_short_form(address)))


def explain_short_form(address: Address) -> str:
    """Return the note below a message that is not complete."""
    return address.render(Phrase("Shortened: the full result did not fit in Slack. Choose fewer hosts to see more."))
