"""Block Kit: builders of the blocks that the bot uses, budgets, and the escaping of untrusted text. Pure.

Slack's limits (docs.slack.dev, slack_sdk's `models/blocks`): 50 blocks in a message, 3,000 characters in a section or an
element of a context, ten elements in a context. All text together has an undocumented limit: `msg_blocks_too_long` at about
12,000 characters with an overhead for each block (bolt-js #2509, #2867).

A chart as Slack's own chart blocks, where no picture is shown: in private messages. Pure.

    hosts by state      a line or a bar for each state, by day     "Health, last 14 days"; a day without checks is "no data"
    certificates        a bar for each, soonest expiry first       "Certificate days remaining"

Slack's limits (docs.slack.dev, data visualization block of June 2026, messages only): title and axis labels 50 characters,
1 to 6 series (12 in later versions), 1 to 20 categories, labels of 20 characters, one point for each category, two of these
blocks in a message. Workspaces that do not have the block yet answer `invalid_blocks`. Then the message is sent without it
(`bot.slack.outbound.message`), so the words of the chart are always above it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.phrase import Phrase, Texts
from bot.rendering.chart_process import build_chart_texts
from bot.security.untrusted_text import ELLIPSIS, shorten, to_one_line
from commands.model.chart import Chart, DayState

Block = dict[str, Any]

MAX_BLOCKS = 45
"""Maximum blocks in a message, with room for notes that are added before sending."""
MAX_CHARACTERS = 9_000
"""Maximum characters in the blocks of a message. It is far below Slack's limit because of the overhead of blocks."""
MAX_TEXT = 4_000
"""Maximum characters in a message's `text`: chat.update refuses more with `msg_too_long`."""
MAX_ALT_TEXT = 2_000
"""Maximum characters in the alt text of a picture (docs.slack.dev, image block)."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "ˋ"})
"""Slack's three entities. A backtick has none: it becomes the look-alike U+02CB, so that no code span ends early."""

_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{1,40}")

_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_GROUP_ID = re.compile(r"S[A-Z0-9]{2,20}")

_PART_OF_ENTITY = re.compile(r"&[a-z]*$")


@dataclass(frozen=True)
class SlackMessage:
    """One message.

    `text` alone is complete and short, in plain words: for notifications, for screen readers, and as a fallback if Slack
    refuses the blocks.
    """

    text: str
    blocks: tuple[Block, ...]


def escape(text: str, most: int = 300) -> str:
    """Escapes untrusted text for mrkdwn: one line without mentions, links or ends of code, at most `most` characters.

    `*`, `_` and `~` stay, so that names can be copied. At worst untrusted text is bold or struck out.
    """
    return _shorten_escaped(to_one_line(text).translate(_ENTITIES), most)


def _shorten_escaped(escaped: str, most: int) -> str:
    if len(escaped) <= most:
        return escaped
    return _PART_OF_ENTITY.sub("", escaped[: most - 1]) + ELLIPSIS


def format_code(text: str) -> str:
    """Formats untrusted text as a code span of at most 152 characters; "" for an empty text."""
    escaped = escape(text, 150)
    return f"`{escaped}`" if escaped else ""


def format_code_block(lines: Sequence[str], most: int) -> str:
    """Formats clean lines as a code block, each shortened to `most` characters. Spaces stay as they are."""
    return "\n".join(["```", *(_shorten_escaped(line.translate(_ENTITIES), most) for line in lines), "```"])


def format_time(at: datetime, texts: Texts) -> str:
    """Formats a time in the zone of the message's readers.

    Slack's `<!date^…>` is not used. The client fills in its pretty dates and its clock ("today 3:37 AM") in its own
    language, whatever the language of the sentence around them; only `{date_num}` is the same everywhere.
    """
    return escape(texts.moment(at))


def format_channel_link(channel: str) -> str:
    """Formats a link to a channel, which Slack shows with the channel's current name; "" if it is no channel id."""
    return f"<#{channel}>" if _CHANNEL_ID.fullmatch(channel) else ""


def format_person(name: str, mention: str) -> str:
    """Formats a person in mrkdwn, as a mention if the Slack id is known."""
    return f"<@{mention}>" if _USER_ID.fullmatch(mention) else escape(name, 80)


def format_mentions(ids: Sequence[str]) -> list[str]:
    """Formats mentions of people and user groups in mrkdwn. Other ids are left out."""
    people = [f"<@{each}>" for each in ids if _USER_ID.fullmatch(each)]
    return people + [f"<!subteam^{each}>" for each in ids if _GROUP_ID.fullmatch(each)]


def make_section(text: str) -> Block:
    """Makes a paragraph of mrkdwn that Slack neither collapses nor searches for links."""
    return {"type": "section", "text": _make_mrkdwn(text), "expand": True}


def make_plain_text(text: str, most: int) -> Block:
    """Makes a text without markup for labels: one line, never empty, because Slack refuses an empty one."""
    return {"type": "plain_text", "text": shorten(to_one_line(text), most) or "?", "emoji": False}


def make_context(*texts: str) -> Block:
    """Makes a small gray line."""
    return {"type": "context", "elements": [_make_mrkdwn(text) for text in texts]}


def make_picture(file: str, alt: str) -> Block:
    """Makes a picture that the bot has uploaded, with its alt text."""
    return {"type": "image", "slack_file": {"id": file}, "alt_text": shorten(to_one_line(alt), MAX_ALT_TEXT)}


def is_picture(block: Block) -> bool:
    return block.get("type") == "image"


def _make_mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


MAX_TITLE, MAX_LABEL, MAX_CATEGORIES = 50, 20, 20
"""Slack's limits: characters of a title, characters of a label, and categories of a chart."""

CHART_TYPE = "data_visualization"
"""Type of the block."""

STATE_LABELS = {
    DayState.TROUBLED: Phrase("unhealthy"),
    DayState.UNREACHED: Phrase("unreachable"),
    DayState.AT_TIMES: Phrase("intermittent"),
    DayState.WELL: Phrase("healthy"),
    DayState.NOTHING: Phrase("no data"),
}
"""Names of the series, of at most 20 characters in every language."""


def make_chart_blocks(chart: Chart, texts: Texts) -> list[Block]:
    """Makes up to two blocks: the hosts by state and day, and the days left of certificates. Empty charts are left out."""
    titles, blocks, left = build_chart_texts(chart, texts), [], dict[str, int]()
    for each in chart.ordered.certificates[:MAX_CATEGORIES]:
        left.setdefault(_make_label(each.name), max(0, int(each.days)))
    if chart.hosts and chart.days:
        kind = "line" if len(chart.days) > 1 else "bar"
        blocks.append(_make_chart(titles.health, kind, _count_hosts(chart, texts)))
    if left:
        blocks.append(_make_chart(titles.certificates, "bar", {Phrase("days left").render(texts): left}))
    return blocks


def is_chart(block: Block) -> bool:
    """Returns whether Slack draws this block as a chart."""
    return block.get("type") == CHART_TYPE


def _count_hosts(chart: Chart, texts: Texts) -> dict[str, dict[str, int]]:
    """Counts the hosts in each state that occurred, by day; the newest days, as many as fit."""
    first = max(0, len(chart.days) - MAX_CATEGORIES)
    days = [(number, f"{day:%m-%d}") for number, day in enumerate(chart.days)][first:]
    counted = {
        state: {label: sum(host.states[number] is state for host in chart.hosts) for number, label in days}
        for state in STATE_LABELS
    }
    seen = [state for state in STATE_LABELS if any(counted[state].values())] or [DayState.NOTHING]
    return {_make_label(STATE_LABELS[state].render(texts)): counted[state] for state in seen}


def _make_chart(title: str, kind: str, series: Mapping[str, Mapping[str, int]]) -> Block:
    categories: Sequence[str] = list(next(iter(series.values())))
    return {
        "type": CHART_TYPE,
        "title": shorten(title, MAX_TITLE),
        "chart": {
            "type": kind,
            "series": [
                {"name": name, "data": [{"label": label, "value": points[label]} for label in categories]}
                for name, points in series.items()
            ],
            "axis_config": {"categories": categories},
        },
    }


def _make_label(text: str) -> str:
    return shorten(to_one_line(text), MAX_LABEL) or "?"
