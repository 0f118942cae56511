"""The menu and the form: what can be asked, without knowing the words."""

import json

import pytest

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.model.request import Answer
from bot.slack.answers.views import CHECK_WORDS
from bot.slack.click_payload import KIND, Click
from bot.slack.inbound.form import TRIGGER_LIFETIME
from bot.store.answers import StoredAnswer
from bot.store.inbox import Delivery
from commands.model.report import Report
from tests.bot.slack.conftest import BEGIN, House
from tests.commands.canned import host
from tests.commands.made_up import MADE_UP
from tests.lab.workspace.faults import DELIVERY, Duplicated, Failing
from tests.lab.workspace.message import Message
from tests.lab.workspace.view import View


async def menu(house: House, user: str = "U0ADMIN") -> Message:
    """What somebody gets who types the command alone."""
    await house.workspace.slash(user, "C0OPS", " ")
    await house.private(user)
    return house.workspace.private(user)[-1]


async def form(house: House, user: str = "U0ADMIN") -> View:
    """The form, opened from the menu."""
    await house.workspace.click(user, await menu(house, user), "form")
    await house.workspace.seen(lambda: house.workspace.view(user))
    return _open(house, user)


def _open(house: House, user: str = "U0ADMIN") -> View:
    view = house.workspace.view(user)
    assert view is not None
    return view


def labels(message: Message) -> list[str]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [button["text"]["text"] for row in rows for button in row if button["type"] == "button"]


def fields(view: View) -> list[str]:
    return [block["block_id"] for block in view.blocks]


async def test_the_command_alone_brings_where_to_start_and_the_topics(house: House) -> None:
    async with house.bot():
        message = await menu(house)
        assert [
            "Check all hosts",
            "Show the certificates of all hosts",
            "Show the error log of all hosts",
            "Form",
        ] == labels(message)
        assert "`approval` · `approve` · `audit`" in str(message.blocks)
        assert [] == house.desk.requests
        await house.workspace.click("U0ADMIN", message, "run.topic", value='{"w":"help cert"}')
        await house.workspace.seen(lambda: house.desk.requests)
    assert ["help cert"] == [request.text for request in house.desk.requests]


async def test_the_menu_begins_with_what_waits_for_the_person_and_what_they_asked_lately(house: House) -> None:
    house.desk.urgent = ("alert", "approval")
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health host-b --details")
        await house.private("U0ADMIN")
        await menu(house)
        await house.private("U0ADMIN", 2)
        assert ["Show alerts", "Show pending requests", "Check host-b (details)", "Form"] == labels(
            house.workspace.private("U0ADMIN")[-1]
        )


async def test_the_menu_begins_with_the_next_step_after_a_fresh_check(house: House) -> None:
    report = Report(title=Phrase("Health"), summary=Phrase("bad"), next=("service start nebula host-b",), taken_at=BEGIN)
    document = json.dumps(Answer(operation="op-1", understood=CHECK_WORDS, body=report).model_dump(mode="json"))
    await house.rows.answers.store(StoredAnswer("op-1", "U0VIEWER", CHECK_WORDS, BEGIN, document))
    async with house.bot():
        assert "Start Nebula on host-b" == labels(await menu(house))[0]
        house.time.elapsed += 27 * 3_600
        await house.workspace.slash("U0ADMIN", "C0OPS", " ")
        await house.private("U0ADMIN", 2)
        assert "Check all hosts" == labels(house.workspace.private("U0ADMIN")[-1])[0]


async def test_a_guest_gets_no_menu(house: House) -> None:
    async with house.bot():
        await house.workspace.slash("U0GUEST", "C0OPS", "")
        [text] = await house.private("U0GUEST")
    assert "Only members may ask" in text


async def test_a_form_becomes_words_that_are_answered_where_the_menu_was(house: House) -> None:
    async with house.bot():
        view = await form(house)
        assert ["command", "health.target", "health.flags"] == fields(view)
        sent = await house.workspace.submit("U0ADMIN", {"health.target": ["host-b"], "health.flags": ["details"]})
        assert (True, {}) == (sent.in_time, sent.errors)
        await house.private("U0ADMIN", 2)
    [request] = house.desk.requests
    assert ("health host-b --details", "C0OPS") == (request.text, request.channel)
    assert None is house.workspace.view("U0ADMIN")
    assert () == house.workspace.direct("U0ADMIN")


async def test_when_the_menu_takes_no_answers_any_more_the_person_is_written_to(house: House) -> None:
    async with house.bot():
        await form(house)
        house.time.elapsed += 1_800
        await house.workspace.submit("U0ADMIN", {})
        assert "3 hosts are healthy" in (await house.direct("U0ADMIN"))[0]


async def test_another_command_has_other_fields(house: House) -> None:
    async with house.bot():
        view = await form(house)
        await house.workspace.act("U0ADMIN", view, "command", value="help")
        await house.workspace.seen(lambda: "help.about" in fields(_open(house)))
        await house.workspace.submit("U0ADMIN", {"help.about": "health"})
        await house.private("U0ADMIN", 2)
    assert "help health" == house.desk.requests[0].text


async def test_of_two_choices_that_cross_the_last_one_stays(house: House) -> None:
    """Slack refuses the second change, for the form is not as it was when it was made."""
    async with house.bot():
        view = await form(house)
        house.workspace.faults.switch_on("views.update", Failing("hash_conflict"), times=1)
        await house.workspace.act("U0ADMIN", view, "command", value="help")
        await house.workspace.seen(lambda: "help.about" in fields(_open(house)))
        assert 2 == len(house.workspace.calls("views.update"))


async def test_a_form_that_was_closed_meanwhile_is_left_alone(house: House) -> None:
    async with house.bot():
        view = await form(house)
        house.workspace.faults.switch_on("views.update", Failing("not_found"))
        await house.workspace.act("U0ADMIN", view, "command", value="help")
        await house.workspace.close_view("U0ADMIN")
        await house.settled()
    assert 1 == len(house.workspace.private("U0ADMIN"))


async def test_what_is_wrong_stands_next_to_its_field(house: House) -> None:
    """The host went out of the inventory while the form was open."""
    async with house.bot():
        await form(house)
        house.workspace.fill("U0ADMIN", {"health.target": ["host-b"]})
        house.desk.inventory = Inventory(hosts=(host("host-a", 1),))
        sent = await house.workspace.submit("U0ADMIN", {})
        assert ["health.target"] == list(sent.errors)
        assert "No host or label named host-b." in sent.errors["health.target"]
    assert [] == house.desk.requests


async def test_a_form_sent_twice_is_asked_once(house: House) -> None:
    async with house.bot():
        await form(house)
        house.workspace.faults.switch_on(DELIVERY, Duplicated(2), times=1)
        await house.workspace.submit("U0ADMIN", {})
        await house.private("U0ADMIN", 2)
        await house.settled()
    assert 1 == len(house.desk.requests)


async def test_the_button_pressed_twice_before_the_form_closes_asks_once(house: House) -> None:
    """Slack makes two submissions of it, each with a trigger of its own."""
    async with house.bot():
        await form(house)
        sent = await house.workspace.submit("U0ADMIN", {})
        assert sent.delivery is not None
        again = await house.workspace._out.interact({**sent.delivery.payload, "trigger_id": "9.9.again"})
        assert (True, None) == (again.in_time, again.ack_payload)
        await house.private("U0ADMIN", 2)
        await house.settled()
    assert 1 == len(house.desk.requests)


async def test_more_than_a_hundred_hosts_are_found_by_typing(house: House) -> None:
    house.desk.inventory = Inventory(hosts=tuple(host(f"host-{n:03}", n) for n in range(1, 255)))
    async with house.bot():
        view = await form(house)
        offered = await house.workspace.suggest("U0ADMIN", view, "hosts", "25")
        assert ["host-025", "host-125", "host-225", "host-250"] == [option["value"] for option in offered][:4]
        await house.workspace.submit("U0ADMIN", {"health.target": ["host-250"]})
        await house.private("U0ADMIN", 2)
    assert "health host-250" == house.desk.requests[0].text


async def test_the_shortcut_opens_the_same_form_and_the_answer_is_a_direct_message(house: House) -> None:
    async with house.bot():
        await house.workspace.shortcut("U0ADMIN", "flatnet_form")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        await house.workspace.submit("U0ADMIN", {"health.flags": ["here"]})
        assert "3 hosts are healthy" in (await house.direct("U0ADMIN"))[0]


@pytest.mark.parametrize("error", ["expired_trigger_id", "exchanged_trigger_id", "internal_error"])
async def test_where_the_form_does_not_open_in_time_it_says_what_to_type(house: House, error: str) -> None:
    async with house.bot():
        message = await menu(house)
        house.workspace.faults.switch_on("views.open", Failing(error))
        await house.workspace.click("U0ADMIN", message, "form")
        assert "Type /flatnet health, or press the button again" in (await house.private("U0ADMIN", 2))[1]


async def test_a_click_that_a_restart_kept_back_says_what_to_type(house: House) -> None:
    """Its trigger has lapsed, so Slack is not even asked."""
    click = Click(team="T0FLATNET", user="U0ADMIN", trigger="1.2.abc", action="form", value="{}")
    await house.rows.inbox.add(Delivery("1.2.abc", KIND, click.model_dump(), house.time.now() - TRIGGER_LIFETIME))
    async with house.bot():
        assert "Type /flatnet health, or press the button again" in (await house.direct("U0ADMIN"))[0]
    assert () == house.workspace.calls("views.open")


async def test_words_that_lack_one_argument_ask_for_just_that(house: House) -> None:
    house.desk.catalogue = MADE_UP
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "log --newest-first")
        await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
        begun = "*Show the … log of all hosts (--newest-first)*\nThe last lines of a log\n`/flatnet log --newest-first`"
        assert begun == _open(house).blocks[0]["text"]["text"]
        assert ["log.source"] == fields(_open(house))[1:]
        await house.workspace.submit("U0ADMIN", {"log.source": "nebula"})
        await house.private("U0ADMIN")
    assert "log nebula --newest-first" == house.desk.requests[0].text


async def test_where_that_form_does_not_open_the_words_are_answered_as_they_stand(house: House) -> None:
    house.desk.catalogue = MADE_UP
    house.workspace.faults.switch_on("views.open", Failing("expired_trigger_id"))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "log")
        await house.private("U0ADMIN")
    assert "log" == house.desk.requests[0].text


async def test_a_form_of_another_version_is_taken_for_what_it_is(house: House) -> None:
    async with house.bot(), house.api() as api:
        await api.open_view(
            house.workspace.trigger("U0ADMIN"),
            {
                "type": "modal",
                "callback_id": "gone",
                "title": {"type": "plain_text", "text": "Approve"},
                "submit": {"type": "plain_text", "text": "Yes"},
                "blocks": [
                    {
                        "type": "input",
                        "block_id": "why",
                        "label": {"type": "plain_text", "text": "Why"},
                        "element": {"type": "plain_text_input", "action_id": "why"},
                    }
                ],
            },
        )
        await house.workspace.submit("U0ADMIN", {"why": "because"})
        assert "This form has expired, so nothing was done." in str(_open(house).blocks)
    assert [] == house.desk.requests
