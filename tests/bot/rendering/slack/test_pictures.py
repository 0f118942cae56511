"""Charts that a message loses: words take their place, and no button brings them back."""

import pytest

from bot.answers.slack import render
from bot.model.request import Answer
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import AnswerView
from bot.rendering.slack.pictures import drop_charts, has_charts, has_pictures, replace_pictures
from commands.model.chart import describe_chart
from tests.bot.rendering.examples import DETAILED, ENGLISH
from tests.commands.model.test_chart import TROUBLED, certificate, chart, host

CHART = chart(host("host-a", TROUBLED), certificates=(certificate("host-a", 5),))
ANSWER = Answer(operation="op-1", understood="digest", body=DETAILED.model_copy(update={"chart": CHART}))
PLAIN = AnswerView(operation="op-1")
PICTURED = PLAIN.model_copy(update={"picture": "F0123456789"})
DRAWN = PLAIN.model_copy(update={"drawn": True})


def shown(view: AnswerView) -> SlackMessage:
    return render(ANSWER, ENGLISH, view)


def views(message: SlackMessage) -> set[tuple[str, bool]]:
    """Picture and drawn charts in every view that a button leads to."""
    values = [element["value"] for block in message.blocks if block["type"] == "actions" for element in block["elements"]]
    found = [view for value in values if (view := AnswerView.from_value(value)) is not None]
    assert found
    return {(view.picture, view.drawn) for view in found}


def test_a_picture_becomes_its_words_and_no_button_brings_it_back() -> None:
    before, after = shown(PICTURED), replace_pictures(shown(PICTURED))
    assert (True, {("F0123456789", False)}) == (has_pictures(before), views(before))
    assert (False, {("", False)}) == (has_pictures(after), views(after))
    assert str(describe_chart(CHART)) in str(after.blocks)


def test_charts_go_and_their_words_stay() -> None:
    before, after = shown(DRAWN), drop_charts(shown(DRAWN))
    assert (True, {("", True)}) == (has_charts(before), views(before))
    assert shown(PLAIN) == after


@pytest.mark.parametrize("view", [PLAIN, DRAWN])
def test_a_message_without_pictures_stays_as_it_is(view: AnswerView) -> None:
    assert shown(view) == replace_pictures(shown(view))
