"""Slack's limits on messages: just inside passes, one more is refused, in Slack's words."""

from typing import Any

import pytest

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.blocks import MESSAGE, complaints
from tests.lab.workspace.limits import check_post, check_response, check_update
from tests.lab.workspace.message import Content

Block = dict[str, Any]


def mrkdwn(length: int) -> Block:
    return {"type": "mrkdwn", "text": "x" * length}


def plain(length: int) -> Block:
    return {"type": "plain_text", "text": "x" * length}


def section(length: int) -> Block:
    return {"type": "section", "text": mrkdwn(length)}


def button(**more: Any) -> Block:
    return {"type": "button", "text": plain(5), **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def menu(count: int, value: int = 5, kind: str = "static_select") -> Block:
    return {"type": kind, "options": [{"text": plain(5), "value": "v" * value}] * count}


def table(rows: int, columns: int, length: int = 1) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x" * length}] * columns] * rows}


def image(**more: Any) -> Block:
    return {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "a", **more}


def option(value: int) -> Block:
    return {"text": plain(5), "value": "v" * value}


def _options(count: int) -> Block:
    return {"options": [option(5)] * count}


def confirm(**more: Any) -> Block:
    return {"title": plain(100), "text": mrkdwn(300), "confirm": plain(30), "deny": plain(30), **more}


def chart(series: dict[str, dict[str, Any]] | None = None, title: str = "t") -> Block:
    """A bar chart; its categories are those of the first series."""
    shown = series or {"s": {"a": 1, "b": -2.5}}
    data = [
        {"name": name, "data": [{"label": label, "value": value} for label, value in points.items()]}
        for name, points in shown.items()
    ]
    axis = {"categories": list(next(iter(shown.values())))}
    return {"type": "data_visualization", "title": title, "chart": {"type": "bar", "series": data, "axis_config": axis}}


def rich(*parts: Block) -> Block:
    return {"type": "rich_text", "elements": list(parts)}


RICH = {
    "type": "rich_text_section",
    "elements": [
        {"type": "text", "text": "x", "style": {"bold": True}},
        {"type": "link", "url": "https://example.org"},
        {"type": "user", "user_id": "U1"},
        {"type": "emoji", "name": "wave"},
        {"type": "date", "timestamp": 1, "format": "{date}"},
    ],
}

ACCEPTED: dict[str, list[Block]] = {
    "50 blocks": [{"type": "divider"}] * 50,
    "a section of 3000": [section(3000)],
    "2 charts, one with all it may have": [
        chart(),
        chart({f"s{n}".ljust(20, "x"): {f"c{m}".ljust(20, "x"): m for m in range(20)} for n in range(6)}, "t" * 50),
    ],
    "10 fields of 2000": [{"type": "section", "fields": [mrkdwn(1)] * 9 + [mrkdwn(2000)]}],
    "a section with a button": [{"type": "section", "text": mrkdwn(1), "accessory": button()}],
    "a header of 150": [{"type": "header", "text": plain(150)}],
    "a context of 10": [{"type": "context", "elements": [mrkdwn(1)] * 9 + [image()]}],
    "25 buttons": [actions(*[button()] * 25)],
    "a large button": [actions(button(text=plain(75), value="v" * 2000, action_id="a" * 255))],
    "a menu of 100": [actions(menu(100, value=150))],
    "an overflow of 5": [actions(menu(5, kind="overflow"))],
    "a table of 100 by 20": [table(100, 20)],
    "an image": [image(title=plain(10))],
    "markdown of 11,000": [{"type": "markdown", "text": "x" * 11_000}],
    "a menu of 100 groups": [
        actions({"type": "static_select", "option_groups": [{"label": plain(75), **_options(1)}] * 100}),
    ],
    "a menu with its first choice": [actions({"type": "static_select", "initial_option": option(5), **_options(1)})],
    "a button that asks": [actions(button(style="danger", confirm=confirm()))],
    "an input": [{"type": "input", "label": plain(2000), "element": {"type": "plain_text_input"}}],
    "10 radio buttons": [actions({"type": "radio_buttons", "options": [option(n) for n in range(1, 11)]})],
    "rich text of every kind": [rich(RICH)],
    "rich text": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}],
}

REFUSED: dict[str, tuple[list[Any], str]] = {
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "a section of 3001": (
        [section(1), section(3001)],
        "must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
    ),
    "an empty section": ([section(0)], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "a section without text": ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    "11 fields": (
        [{"type": "section", "fields": [mrkdwn(1)] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    "a field of 2001": (
        [{"type": "section", "fields": [mrkdwn(2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "a header of 151": (
        [{"type": "header", "text": plain(151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    "a header in mrkdwn": (
        [{"type": "header", "text": mrkdwn(1)}],
        "must be a valid enum value [json-pointer:/blocks/0/text/type]",
    ),
    "a context of 11": (
        [{"type": "context", "elements": [mrkdwn(1)] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "26 buttons": ([actions(*[button()] * 26)], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    "an action twice": (
        [actions(button(action_id="go"), button(action_id="go"))],
        '`action_id` "go" already exists [json-pointer:/blocks/0/elements/1/action_id]',
    ),
    "a block id twice": (
        [{"type": "divider", "block_id": "x"}] * 2,
        '`block_id` "x" already exists [json-pointer:/blocks/1/block_id]',
    ),
    "a value of 2001": (
        [actions(button(value="v" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "a menu of 101": (
        [actions(menu(101))],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "an option of 151": (
        [actions(menu(1, value=151))],
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    "an overflow of 6": (
        [actions(menu(6, kind="overflow"))],
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "a table of 101 rows": ([table(101, 1)], "no more than 100 items allowed [json-pointer:/blocks/0/rows]"),
    "a table of 21 columns": ([table(1, 21)], "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"),
    "too much in tables": (
        [table(10, 10, 51), table(10, 10, 51)],
        "cells must be less than 10001 characters in all [json-pointer:/blocks]",
    ),
    "an image without words": (
        [{"type": "image", "image_url": "https://example.org/a.png"}],
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
    "an uploaded image without words": (
        [{"type": "image", "slack_file": {"id": "F0123456789"}}],
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
    "an image with too many words": (
        [image(alt_text="a" * 2_001)],
        "must be less than 2001 characters [json-pointer:/blocks/0/alt_text]",
    ),
    "an uploaded image by no id": (
        [{"type": "image", "slack_file": {"id": "https://a.example/F1"}, "alt_text": "a"}],
        "input must match regex pattern: ^[F][A-Z0-9]{8,}$ [json-pointer:/blocks/0/slack_file/id]",
    ),
    "a menu of 101 groups": (
        [actions({"type": "static_select", "option_groups": [{"label": plain(75), **_options(1)}] * 101})],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/option_groups]",
    ),
    "a first choice that is not offered": (
        [actions({"type": "static_select", "initial_option": option(6), **_options(1)})],
        "must match one of the options [json-pointer:/blocks/0/elements/0/initial_option]",
    ),
    "menu options in mrkdwn": (
        [actions({"type": "static_select", "options": [{"text": mrkdwn(1), "value": "v"}]})],
        "must be a valid enum value [json-pointer:/blocks/0/elements/0/options/0/text/type]",
    ),
    "11 radio buttons": (
        [actions({"type": "radio_buttons", "options": [option(n) for n in range(1, 12)]})],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "a question that is too long": (
        [actions(button(confirm=confirm(deny=plain(31))))],
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
    ),
    "a style that is none": (
        [actions(button(style="warning"))],
        "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
    ),
    "an input without a label": (
        [{"type": "input", "element": {"type": "plain_text_input"}}],
        "missing required field: text [json-pointer:/blocks/0/label]",
    ),
    "a property that Slack does not know": (
        [{"type": "section", "text": {**mrkdwn(1), "emoji": True}}],
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    "rich text without words": (
        [rich({"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]})],
        "missing required field: text [json-pointer:/blocks/0/elements/0/elements/0]",
    ),
    "a rich list of words": (
        [rich({"type": "rich_text_list", "style": "bullet", "elements": [{"type": "text", "text": "x"}]})],
        "unsupported type: a list holds rich_text_section [json-pointer:/blocks/0/elements/0/elements/0/type]",
    ),
    "a form field in a message": (
        [actions({"type": "plain_text_input"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "an alert, which is for forms only": (
        [{"type": "alert"}],
        "unsupported type: alert [json-pointer:/blocks/0/type]",
    ),
    "a chart with a long title": ([chart(title="x" * 51)], "must be less than 51 characters [json-pointer:/blocks/0/title]"),
    "7 series": (
        [chart({f"s{n}": {"a": 1} for n in range(7)})],
        "no more than 6 items allowed [json-pointer:/blocks/0/chart/series]",
    ),
    "a long label": (
        [chart({"s" * 21: {"a": 1}})],
        "must be less than 21 characters [json-pointer:/blocks/0/chart/series/0/name]",
    ),
    "a chart without a point for each category": (
        [chart({"s": {"a": 1}, "t": {"b": 1}})],
        "must have one data point for each category [json-pointer:/blocks/0/chart/series/1/data]",
    ),
    "a value that is no number": (
        [chart({"s": {"a": "1"}})],
        "must be a number [json-pointer:/blocks/0/chart/series/0/data/0/value]",
    ),
    "a chart of another kind": (
        [{**chart(), "chart": {"type": "radar"}}],
        "must be a valid enum value [json-pointer:/blocks/0/chart/type]",
    ),
    "3 charts": ([chart()] * 3, "no more than 2 data_visualization blocks allowed [json-pointer:/blocks]"),
    "what is no block": (["x"], "must be an object [json-pointer:/blocks/0]"),
}


@pytest.mark.parametrize("blocks", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_blocks_within_the_limits_are_accepted(blocks: list[Block]) -> None:
    assert list(complaints(blocks, MESSAGE)) == []
    check_post(Content("x", tuple(blocks)))


@pytest.mark.parametrize(("blocks", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_blocks_beyond_a_limit_are_refused_with_the_place(blocks: list[Any], expected: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_post(Content("x", tuple(blocks)))
    assert refused.value.error == "invalid_blocks"
    assert refused.value.more["errors"] == [expected]
    assert refused.value.more["response_metadata"] == {"messages": [f"[ERROR] {expected}"]}


@pytest.mark.parametrize(("count", "accepted"), [(3, True), (4, False)])
def test_the_text_of_all_blocks_together_is_limited_in_a_post_but_not_in_a_response(count: int, accepted: bool) -> None:
    content = Content("x", (section(3000),) * count)
    check_response(content)
    if accepted:
        check_post(content)
        return
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_post(content)


def test_many_blocks_count_beyond_their_text() -> None:
    """A message of 11,341 characters was refused by Slack."""
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_post(Content("x", (section(241),) * 47))


def test_a_long_text_is_cut_in_a_post_and_refused_in_an_edit() -> None:
    assert len(check_post(Content("x" * 40_001)).text) == 40_000
    check_update(Content("x" * 4000))
    with pytest.raises(SlackError, match="msg_too_long"):
        check_update(Content("x" * 4001))
