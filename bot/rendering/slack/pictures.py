"""Charts in messages, and what takes their place where Slack does not show them. Pure.

    picture  a file that the bot has uploaded. Slack shows it in new messages only      ─▶ the words of the chart
    drawn    chart blocks, which Slack draws from data, in private messages             ─▶ left out, the words stand above

A message that loses a chart forgets it in its buttons, too. Otherwise the next view would bring it back: an edit with a file
that no message has shared shows "file not found", although Slack answers ok (slackapi/java-slack-sdk #1441).
"""

from dataclasses import replace

from bot.rendering.slack.blocks import Block, SlackMessage, escape, is_chart, is_picture, make_context
from bot.rendering.slack.buttons import AnswerView

_MAX_WORDS = 2_500


def has_pictures(message: SlackMessage) -> bool:
    """Returns whether the message shows an uploaded picture."""
    return any(map(is_picture, message.blocks))


def has_charts(message: SlackMessage) -> bool:
    """Returns whether Slack is to draw charts in the message."""
    return any(map(is_chart, message.blocks))


def replace_pictures(message: SlackMessage) -> SlackMessage:
    """Returns the message with words for its pictures, and without pictures in further views."""
    if not has_pictures(message):
        return message
    blocks = (_describe_picture(block) if is_picture(block) else _forget_charts(block) for block in message.blocks)
    return replace(message, blocks=tuple(blocks))


def drop_charts(message: SlackMessage) -> SlackMessage:
    """Returns the message without chart blocks, and without them in further views."""
    return replace(message, blocks=tuple(_forget_charts(block) for block in message.blocks if not is_chart(block)))


def _describe_picture(picture: Block) -> Block:
    return make_context(escape(str(picture["alt_text"]), _MAX_WORDS))


def _forget_charts(block: Block) -> Block:
    """Returns a row of buttons whose views have no chart; another block as it is."""
    if block.get("type") != "actions":
        return block
    return block | {"elements": [_forget_chart(element) for element in block["elements"]]}


def _forget_chart(element: Block) -> Block:
    view = AnswerView.from_value(str(element.get("value", "")))
    if view is None:
        return element
    return element | {"value": view.model_copy(update={"picture": "", "drawn": False}).value}
