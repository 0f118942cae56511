"""Slack's limits on a whole message: its text, its blocks, and all text in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.lab.workspace.answers import SlackError, invalid
from tests.lab.workspace.blocks import MESSAGE, characters, complaints
from tests.lab.workspace.charts import CHART
from tests.lab.workspace.checks import fault
from tests.lab.workspace.message import Content
from tests.lab.workspace.uploads import Uploads

POST_TEXT = 40_000
"""`chat.postMessage` cuts a longer text off."""
UPDATE_TEXT = 4_000
"""`chat.update` refuses a longer text."""
ALL_TEXT = 12_000
"""All text in the blocks of one message, containers counted too. Not documented; "12,000 text characters with a
buffer for block containers" (bolt-js #2509). A message of 11,341 characters has been refused (bolt-js #2867)."""
CONTAINER = 40
"""What each block counts towards `ALL_TEXT`: a guess on the strict side of those reports."""


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


def check_pictures(content: Content, uploads: Uploads) -> Content:
    """The content, if Slack draws its charts and lets it show its uploaded pictures (slackapi/python-slack-sdk #1658)."""
    charts = [number for number, block in enumerate(content.blocks) if block.get("type") == CHART]
    if charts and not uploads.draws():
        raise invalid("invalid_blocks", [fault(f"unsupported type: {CHART}", f"/blocks/{n}/type") for n in charts])
    if not uploads.shows(list_pictures(content)):
        places = [number for number, block in enumerate(content.blocks) if "slack_file" in block]
        raise invalid("invalid_blocks", [fault("invalid slack file", f"/blocks/{n}/slack_file") for n in places])
    return content


def list_pictures(content: Content) -> tuple[str, ...]:
    """List the uploaded pictures in the blocks, by file id."""
    return tuple(block["slack_file"]["id"] for block in content.blocks if "slack_file" in block)


def _check(content: Content) -> None:
    if not content.text and not content.blocks:
        raise SlackError("no_text")
    found = list(complaints(content.blocks, MESSAGE))
    if found:
        raise invalid("invalid_blocks", found)


def _weight(blocks: Sequence[Mapping[str, Any]]) -> int:
    return sum(CONTAINER + characters(block) for block in blocks)
