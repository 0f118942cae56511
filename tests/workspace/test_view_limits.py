"""Slack's limits on views: just inside passes, one more is refused, in Slack's words."""

from typing import Any

import pytest

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.view import checked
from tests.workspace.parts import actions, button, choice, field, home, modal, plain, section

ACCEPTED = {
    "100 blocks": modal(*[section()] * 100),
    "a title of 24": modal(title=plain("x" * 24), submit=plain("x" * 24), close=plain("x" * 24)),
    "long names": modal(callback_id="x" * 255, external_id="x" * 255, private_metadata="x" * 3000),
    "no submit where nothing is typed": modal(section(), submit=None),
    "empty metadata": modal(private_metadata=""),
    "everything that can be filled in": modal(
        field("text", {"type": "plain_text_input", "multiline": True, "min_length": 0, "max_length": 3000}),
        field("number", {"type": "number_input", "is_decimal_allowed": False}),
        field("menu", choice("static_select", "a", "x", placeholder=plain("x" * 150)), hint=plain(), optional=True),
        field("boxes", choice("checkboxes", "a", *"abcdefghij")),
        field("later", {"type": "external_select", "action_id": "a", "min_query_length": 2}, dispatch_action=True),
    ),
    "a home tab of 100 blocks": home(*[section()] * 99, actions(button())),
}

REFUSED: dict[str, tuple[Any, str]] = {
    "101 blocks": (modal(*[section()] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    "a title of 25": (
        modal(title=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/title/text]",
    ),
    "a button of 25": (
        modal(submit=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/submit/text]",
    ),
    "no title": ({"type": "modal", "blocks": []}, "missing required field: text [json-pointer:/view/title]"),
    "metadata of 3001": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "a callback_id of 256": (
        modal(callback_id="x" * 256),
        "must be less than 256 characters [json-pointer:/view/callback_id]",
    ),
    "a field without submit": (
        modal(field("host"), submit=None),
        "must define `submit` to use `input` block [json-pointer:/view/blocks/0/input]",
    ),
    "a table": (
        modal({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}),
        "unsupported type: table [json-pointer:/view/blocks/0/type]",
    ),
    "a button as a field": (
        modal(field("x", button())),
        "unsupported type: button [json-pointer:/view/blocks/0/element/type]",
    ),
    "a field of 3001": (
        modal(field("x", {"type": "plain_text_input", "max_length": 3001})),
        "must be between 1 and 3000 [json-pointer:/view/blocks/0/element/max_length]",
    ),
    "11 boxes": (
        modal(field("x", choice("checkboxes", "a", *"abcdefghijk"))),
        "no more than 10 items allowed [json-pointer:/view/blocks/0/element/options]",
    ),
    "a block_id twice": (
        modal(field("x"), field("x")),
        '`block_id` "x" already exists [json-pointer:/view/blocks/1/block_id]',
    ),
    "what Slack does not know": (
        modal(submit_disabled=True),
        "invalid additional property: submit_disabled [json-pointer:/view]",
    ),
    "no blocks": ({"type": "modal", "title": plain()}, "missing required field: blocks [json-pointer:/view]"),
    "another type": (home(), "must be a valid enum value [json-pointer:/view/type]"),
    "nothing": (None, "missing required field: view [json-pointer:/view]"),
}


@pytest.mark.parametrize("view", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_view_within_the_limits_is_accepted(view: dict[str, Any]) -> None:
    checked(view, view["type"])


@pytest.mark.parametrize(("view", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_a_view_beyond_a_limit_is_refused_with_the_place(view: Any, expected: str) -> None:
    with pytest.raises(SlackError) as refused:
        checked(view, "modal")
    assert (refused.value.error, refused.value.more["errors"]) == ("invalid_arguments", [expected])


@pytest.mark.parametrize(("length", "accepted"), [(2400, True), (2500, False)])
def test_a_view_of_more_than_250_kilobytes_is_too_large(length: int, accepted: bool) -> None:
    view = modal(*[section("x" * length)] * 100, submit=None)
    if accepted:
        checked(view, "modal")
        return
    with pytest.raises(SlackError, match="view_too_large"):
        checked(view, "modal")
