"""Elements below the message of an alert: one choice acknowledges, everything else opens a form or reads."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.alerts.slack.buttons import ACKNOWLEDGE_ACTION, make_alert_buttons
from bot.locale.texts import get_texts
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import encode_words, make_row
from tests.bot.alert_examples import FIRING
from tests.bot.slack.conftest import House
from tests.lab.workspace.faults import DELIVERY, Duplicated
from tests.lab.workspace.message import Message

MORNING = encode_words("alert acknowledge 7 --until morning")


async def alert_message(house: House) -> Message:
    """The message of an alert in the channel."""
    async with house.api() as api:
        row = make_row(make_alert_buttons([FIRING], get_texts("en", ZoneInfo("UTC"))))
        ts = await api.post("C0OPS", SlackMessage("Nebula stopped", row))
    [message] = [each for each in house.workspace.messages("C0OPS") if each.ts == ts]
    return message


def texts_of(blocks: Any) -> Iterator[str]:
    """Every text in blocks, without Slack's code marks."""
    if isinstance(blocks, str):
        yield blocks.replace("`", "")
    elif isinstance(blocks, dict):
        yield from texts_of(list(blocks.values()))
    elif isinstance(blocks, list | tuple):
        for part in blocks:
            yield from texts_of(part)


async def test_one_choice_acknowledges_as_if_typed_and_only_the_person_sees_the_answer(house: House) -> None:
    async with house.bot():
        message = await alert_message(house)
        delivery = await house.workspace.click("U0OPERATOR", message, ACKNOWLEDGE_ACTION, value=MORNING)
        await house.private("U0OPERATOR")
        await house.settled()
        assert None is house.workspace.view("U0OPERATOR")
        assert 1 == len(house.workspace.messages("C0OPS"))
    [request] = house.desk.requests
    assert ("alert acknowledge 7 --until morning", "C0OPS", delivery.trigger_id) == (
        request.text,
        request.channel,
        request.key,
    )
    assert "Asia/Tokyo" == str(request.zone)  # the zone of the person, not of the channel


async def test_a_choice_that_is_delivered_twice_is_one_request(house: House) -> None:
    house.workspace.faults.switch_on(DELIVERY, Duplicated(2))
    async with house.bot():
        await house.workspace.click("U0OPERATOR", await alert_message(house), ACKNOWLEDGE_ACTION, value=MORNING)
        await house.private("U0OPERATOR")
        await house.settled()
    assert 1 == len(house.desk.requests)


async def test_two_people_who_choose_at_once_are_both_answered(house: House) -> None:
    async with house.bot():
        message = await alert_message(house)
        for user in ("U0OPERATOR", "U0ADMIN"):
            await house.workspace.click(user, message, ACKNOWLEDGE_ACTION, value=MORNING)
        for user in ("U0OPERATOR", "U0ADMIN"):
            await house.private(user)
        await house.settled()
    assert {"U0OPERATOR", "U0ADMIN"} == {getattr(request.identity, "user", "") for request in house.desk.requests}


async def test_a_guest_is_refused(house: House) -> None:
    async with house.bot():
        await house.workspace.click("U0GUEST", await alert_message(house), ACKNOWLEDGE_ACTION, value=MORNING)
        assert ["Only members may ask"] == [text.partition(": ")[2][:20] for text in await house.private("U0GUEST")]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (ACKNOWLEDGE_ACTION, 'lock add host-c 4h "disk swap"'),
        (ACKNOWLEDGE_ACTION, "service stop nebula host-a"),
        ("run.0", "alert acknowledge 7 --for 7d"),
        ("home.0", "alert acknowledge 7 --for 7d"),
        ("form.incident", 'incident open "host-a: Nebula stopped" host-a'),
        ("run.0", "service start nebula host-a"),
    ],
)
async def test_anything_else_opens_its_form(house: House, action: str, words: str) -> None:
    """Also where a forged payload puts the words of another command behind the menu of an alert."""
    async with house.bot():
        async with house.api() as api:
            button = {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": "Press"}}
            row = make_row([button | {"value": encode_words(words)}])
            ts = await api.post("C0OPS", SlackMessage("an alert", row))
        [message] = [each for each in house.workspace.messages("C0OPS") if each.ts == ts]
        await house.workspace.click("U0ADMIN", message, action)
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.settled()
        view = house.workspace.view("U0ADMIN")
        assert view is not None
        assert words in " ".join(texts_of(view.blocks))
    assert [] == house.desk.requests


async def test_a_refusal_names_its_reason_to_the_person_alone(house: House) -> None:
    def refuse(request: Request) -> Answer:
        failure = Failure(kind=FailureKind.REFUSED, phrase=Phrase("alert 7 was resolved at 03:53"))
        return Answer(operation=f"op-{request.key}", understood=request.text, body=failure)

    house.desk.answer = refuse
    async with house.bot():
        await house.workspace.click("U0OPERATOR", await alert_message(house), ACKNOWLEDGE_ACTION, value=MORNING)
        assert "alert 7 was resolved at 03:53" in (await house.private("U0OPERATOR"))[0]
        assert 1 == len(house.workspace.messages("C0OPS"))
