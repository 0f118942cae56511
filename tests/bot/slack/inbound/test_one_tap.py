"""One tap reads, never changes: whatever a button carries, a change is confirmed in a form first."""

import json

import pytest

from adapters.phrase import Phrase
from bot.changes.slack.buttons import is_plan_button
from bot.home.slack import HOME_ACTION
from bot.model.request import Answer
from bot.rendering.slack.blocks import SlackMessage
from bot.rendering.slack.buttons import make_command_button, make_row
from bot.slack.click_payload import KIND, Click
from bot.slack.inbound.form import TRIGGER_LIFETIME
from bot.store.answers import StoredAnswer
from bot.store.inbox import Delivery
from commands.catalogue import CATALOGUE
from commands.model.report import Report
from commands.values.normalize import MAX_REQUEST_LENGTH
from tests.bot.slack.conftest import BEGIN, House
from tests.lab.workspace.message import Message

LOCK = 'lock add host-c 4h "disk swap"'
ACTIONS = (
    "run.0",
    "run.approve",
    "run.withdraw",
    "run.rehearse",
    "form.deny",
    "plan.details",
    "plan.approve",
    "home.0",
    "home.approve",
    "alert.acknowledge",
)
"""Actions of buttons that carry a command, those of a change's card among them."""


async def message_with(house: House, action: str, words: str) -> Message:
    """A message in the channel with one button: an older version of the bot may have posted it."""
    async with house.api() as api:
        button = make_command_button("Press me", action, words)
        ts = await api.post("C0OPS", SlackMessage("old", make_row([button])))
    [message] = [each for each in house.workspace.messages("C0OPS") if each.ts == ts]
    return message


def modal(house: House) -> str:
    view = house.workspace.view("U0ADMIN")
    return "" if view is None else json.dumps(view.blocks, ensure_ascii=False)


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_button_with_a_change_opens_the_form_and_nothing_happens_until_that_is_sent(
    house: House, action: str
) -> None:
    async with house.bot():
        await house.workspace.click("U0ADMIN", await message_with(house, action, LOCK), action)
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.settled()
        assert [] == house.desk.requests
        assert "Lock hosts against changes for a while" in modal(house)
        assert 'lock add host-c 4h \\"disk swap\\"' in modal(house)
        await house.workspace.submit("U0ADMIN", {})
        await house.private("U0ADMIN")
    assert [LOCK] == [request.text for request in house.desk.requests]


@pytest.mark.parametrize("action", ["run.0", "form.more", "home.0"])
async def test_a_button_with_a_read_is_answered_at_once(house: House, action: str) -> None:
    async with house.bot():
        await house.workspace.click("U0ADMIN", await message_with(house, action, "health host-a"), action)
        await house.workspace.seen(lambda: house.desk.requests)
        await house.settled()
        assert None is house.workspace.view("U0ADMIN")
    assert ["health host-a"] == [request.text for request in house.desk.requests]


async def test_what_was_changed_lately_is_not_changed_again_by_one_press_at_home(house: House) -> None:
    report = Report(title=Phrase("Lock"), summary=Phrase("locked"))
    document = json.dumps(Answer(operation="op-earlier", understood=LOCK, body=report).model_dump(mode="json"))
    await house.rows.answers.store(StoredAnswer("op-earlier", "U0ADMIN", LOCK, BEGIN, document))
    async with house.bot():
        await house.workspace.open_home("U0ADMIN")
        await house.until(lambda: house.workspace.home("U0ADMIN"))
        view = house.workspace.home("U0ADMIN")
        assert view is not None
        await house.workspace.act("U0ADMIN", view, f"{HOME_ACTION}.0")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.settled()
        assert [] == house.desk.requests
        await house.workspace.close_view("U0ADMIN")


async def test_a_form_that_comes_too_late_names_the_words_to_type(house: House) -> None:
    """The bot was away for longer than a trigger lives."""
    value = json.dumps({"w": LOCK})
    click = Click(team="T0FLATNET", user="U0ADMIN", trigger="1.2.abc", action="run.0", value=value)
    row = Delivery("1.2.abc", KIND, click.model_dump(), house.time.now() - TRIGGER_LIFETIME)
    await house.rows.inbox.add(row)
    async with house.bot():
        assert f"Type /flatnet {LOCK}, or press" in (await house.direct("U0ADMIN"))[0]
    assert [] == house.desk.requests


async def test_words_that_no_form_can_take_reach_the_dispatcher_only_if_they_cannot_run(house: House) -> None:
    """A forged payload may carry any text, and its trigger opens nothing."""
    long = f'lock add host-c 4h "{"disk " * 90}why"'
    wrong = ["lock add host-c 4h why --nonsense", f"{long} {'x' * MAX_REQUEST_LENGTH}"]
    for number, words in enumerate((long, *wrong, "lock add")):
        value = json.dumps({"w": words})
        click = Click(team="T0FLATNET", user="U0ADMIN", trigger=f"{number}.2.abc", action="run.0", value=value)
        await house.rows.inbox.add(Delivery(f"{number}", KIND, click.model_dump(), house.time.now()))
    async with house.bot():
        await house.direct("U0ADMIN", 4)
    assert sorted(wrong) == sorted(request.text for request in house.desk.requests)


def test_only_a_decision_on_one_plan_needs_no_form() -> None:
    """The button and its words belong together."""
    decided = {
        (action, " ".join(operation.words))
        for action in (*ACTIONS, "run.stop", "run.continue")
        for operation in CATALOGUE
        if is_plan_button(action, operation.example, CATALOGUE)
    }
    assert {
        ("run.approve", "approve"),
        ("home.approve", "approve"),
        ("run.withdraw", "op cancel"),
        ("run.stop", "op cancel"),
        ("run.continue", "op continue"),
    } == decided
