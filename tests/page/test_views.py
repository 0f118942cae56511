"""Modals, the home tab and shortcuts in the page."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.page.conftest import DESK, PHONE, Sit, Stage
from tests.page.gallery import FORM, HOME
from tests.workspace.parts import actions, button, field, modal, option, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_a_form_is_filled_sent_refused_mended_and_taken(stage: Stage, seats: Sit, size: tuple[int, int]) -> None:
    """First Slack's own complaint, then the app's at its field; what was typed stays through both."""
    complaints = [{"name": "this name is taken"}]
    stage.app.answers["view_submission"] = lambda _: (
        {"response_action": "errors", "errors": complaints.pop()} if complaints else None
    )
    stage.app.answers["block_suggestion"] = lambda asked: {"options": [option(asked["value"] + "-1")]}
    async with seats(stage.workspace, size) as seat:
        await seat.sit()
        await stage.app.slack.views_open(trigger_id=stage.workspace.trigger("U0ADMIN"), view=FORM)
        form = seat.page.get_by_role("dialog", name="Form")
        name, host = form.get_by_role("textbox", name="name"), form.get_by_role("combobox", name="host")
        await expect(name).to_be_focused()
        await host.select_option("host-b")
        await form.get_by_role("button", name="Send").click()
        await expect(name).to_have_accessible_description("Please complete this required field.")
        await expect(name).to_be_focused()
        await expect(host).to_have_value("host-b")
        await name.fill("web")
        await form.locator("summary").click()
        await form.get_by_text("WSL").click()
        await form.get_by_role("radio", name="HIGH").check()
        await form.get_by_role("textbox", name="count").fill("3")
        await form.get_by_role("combobox", name="container").press_sequentially("db")
        assert "db" == (await stage.app.next())["value"]
        await form.get_by_role("option", name="DB-1").click()
        await form.get_by_role("button", name="Send").click()
        await expect(form.get_by_text("this name is taken")).to_be_visible()
        await stage.app.next()
        await name.fill("web-2")
        await name.press("Enter")
        await expect(form).to_be_hidden()
        values = (await stage.app.next())["view"]["state"]["values"]
        assert "web-2" == values["name"]["typed"]["value"]
        assert "host-b" == values["host"]["host"]["selected_option"]["value"]
        assert ["wsl"] == [one["value"] for one in values["sides"]["sides"]["selected_options"]]
        assert "high" == values["level"]["level"]["selected_option"]["value"]
        assert "3" == values["count"]["count"]["value"]
        assert "db-1" == values["container"]["container"]["selected_option"]["value"]


async def test_forms_stand_on_one_another_and_esc_closes_the_one_on_top(stage: Stage, seats: Sit) -> None:
    """What was typed in the lower one is still there; the focus never leaves the dialog."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        lower = modal(field("reason"), actions(button("push")))
        await stage.app.slack.views_open(trigger_id=stage.workspace.trigger("U0ADMIN"), view=lower)
        reason = seat.modal.get_by_role("textbox", name="reason")
        await reason.fill("disk full")
        await seat.modal.get_by_role("button", name="Go").click()
        clicked = await stage.app.next()
        assert "disk full" == clicked["view"]["state"]["values"]["reason"]["typed"]["value"]
        upper = modal(field("more"), title=plain("On top"), submit=plain("Next"))
        await stage.app.slack.views_push(trigger_id=clicked["trigger_id"], view=upper)
        await expect(seat.page.get_by_role("dialog", name="On top")).to_be_visible()
        outside = "!document.activeElement.matches('body, #modal *')"  # body: the browser's own buttons
        for _ in range(12):
            await seat.page.keyboard.press("Tab")
            assert not await seat.page.evaluate(outside)
        await seat.page.keyboard.press("Escape")
        await expect(seat.page.get_by_role("dialog", name="Form")).to_be_visible()
        await expect(reason).to_have_value("disk full")
        await seat.page.keyboard.press("Escape")
        await expect(seat.modal).to_be_hidden()
        assert () == stage.workspace.views("U0ADMIN")


async def test_an_app_changes_an_open_form_and_what_is_typed_stays(stage: Stage, seats: Sit) -> None:
    """Also what was typed and not yet sent anywhere, with the caret in its place."""
    async with seats(stage.workspace) as seat:
        await seat.sit()
        opened = await stage.app.slack.views_open(trigger_id=stage.workspace.trigger("U0ADMIN"), view=modal(field("reason")))
        reason = seat.modal.get_by_role("textbox", name="reason")
        await reason.press_sequentially("disk")
        view: Any = opened["view"]
        await stage.app.slack.views_update(view_id=view["id"], view=modal(field("reason"), field("host")))
        await expect(seat.modal.get_by_role("textbox", name="host")).to_be_visible()
        await expect(reason).to_be_focused()
        await seat.page.keyboard.type(" full")
        await expect(reason).to_have_value("disk full")


async def test_an_app_that_does_not_answer_leaves_slacks_sentence_in_the_form(stage: Stage, seats: Sit) -> None:
    """In the person's language; the form stays and can be sent again."""
    stage.app.answers["view_submission"] = lambda _: {"response_action": "nonsense"}
    async with seats(stage.workspace) as seat:
        await seat.sit("U0OPERATOR")
        await stage.app.slack.views_open(trigger_id=stage.workspace.trigger("U0OPERATOR"), view=modal(field("reason")))
        await seat.modal.get_by_role("textbox", name="reason").fill("why")
        await seat.modal.get_by_role("button", name="Send").click()
        await expect(seat.modal.get_by_role("alert")).to_have_text("接続に問題が発生しました。もう一度お試しください。")
        await expect(seat.modal.get_by_role("textbox", name="reason")).to_have_value("why")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_the_home_tab_is_opened_drawn_and_pressed(stage: Stage, seats: Sit, size: tuple[int, int]) -> None:
    """It is the person's own, and changes while it is looked at."""
    async with seats(stage.workspace, size) as seat:
        await seat.sit()
        await seat.drawer()
        await seat.page.get_by_role("link", name="flatnet").click()
        await expect(seat.page.get_by_text("has not published a home tab")).to_be_visible()
        await stage.app.slack.views_publish(user_id="U0ADMIN", view=HOME)
        await expect(seat.page.get_by_role("heading", name="Fleet")).to_be_visible()
        await seat.page.locator(".home").get_by_role("button", name="Go").click()
        assert "health" == (await stage.app.next())["actions"][0]["action_id"]
        await seat.page.locator("#main .tabs").get_by_role("link", name="Messages").click()
        await seat.type("hello")
        await expect(seat.messages).to_have_count(1)
        assert ["hello"] == [message.text for message in stage.workspace.direct("U0ADMIN")]


async def test_shortcuts_are_in_the_menus(stage: Stage, seats: Sit) -> None:
    """A global one at the field, one of a message in that message's menu."""
    await stage.post("a message")
    async with seats(stage.workspace) as seat:
        await seat.sit()
        await seat.page.get_by_role("button", name="Shortcuts").click()
        await seat.page.get_by_role("menuitem", name="Open flatnet").click()
        assert "open" == (await stage.app.next())["callback_id"]
        await seat.messages.first.hover()
        await seat.messages.first.get_by_role("button", name="More actions").click()
        await seat.page.get_by_role("menuitem", name="Explain").click()
        assert "a message" == (await stage.app.next())["message"]["text"]
