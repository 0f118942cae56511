"""The app's home and its shortcuts, with a real Bolt app."""

from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from tests.lab.workspace import Workspace
from tests.lab.workspace.manifest import Command
from tests.workspace.conftest import App
from tests.workspace.parts import actions, button, field, home, modal, section

USER = "U0OPERATOR"


async def test_opening_the_home_tab_lets_the_app_publish_it(full: Workspace, bolt: AsyncApp) -> None:
    events: list[dict[str, Any]] = []

    @bolt.event("app_home_opened")
    async def opened(event: dict[str, Any]) -> None:
        events.append(event)
        await bolt.client.views_publish(user_id=event["user"], view=home(section("hello"), actions(button("go"))))

    await full.open_home(USER)
    view = await full.seen(lambda: full.home(USER))
    assert view is not None
    assert (view.blocks[0]["text"]["text"], full.home("U0ADMIN")) == ("hello", None)
    await full.open_home(USER)
    await full.open_home(USER, "messages")
    await full.seen(lambda: len(events) == 3)
    shown = [(event["tab"], event["channel"], event.get("view", {}).get("id")) for event in events]
    assert shown == [("home", "D0OPERATOR", None), ("home", "D0OPERATOR", view.id), ("messages", "D0OPERATOR", None)]


async def test_a_button_in_the_home_tab_opens_a_form(full: Workspace, bolt: AsyncApp) -> None:
    @bolt.action("go")
    async def go(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        assert body["view"]["type"] == "home"
        await bolt.client.views_open(trigger_id=body["trigger_id"], view=modal(field("host")))

    await bolt.client.views_publish(user_id=USER, view=home(actions(button("go"))))
    view = full.home(USER)
    assert view is not None
    await full.act(USER, view, "go")
    assert await full.seen(lambda: full.view(USER))
    assert full.home(USER) == view


async def test_an_app_without_a_home_tab_has_none_to_open(workspace: Workspace, app: App) -> None:
    with pytest.raises(ValueError, match="no home tab"):
        await workspace.open_home(USER)
    assert (await workspace.open_home(USER, "messages"), app.got) == (None, [])  # nor is it told: not subscribed


async def test_a_global_shortcut_has_no_channel_and_opens_a_form(full: Workspace, bolt: AsyncApp) -> None:
    @bolt.shortcut("open")
    async def opened(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        await bolt.client.views_open(trigger_id=body["trigger_id"], view=modal(field("host")))

    delivery = await full.shortcut(USER, "open")
    assert delivery.payload["type"] == "shortcut"
    assert {"channel", "response_url", "message"} & delivery.payload.keys() == set()
    assert await full.seen(lambda: full.view(USER))


async def test_a_message_shortcut_brings_the_message(full: Workspace, bolt: AsyncApp) -> None:
    @bolt.shortcut("explain")
    async def explain(ack: AsyncAck) -> None:
        await ack()

    @bolt.event("message")
    async def said() -> None:
        return None

    message = await full.say(USER, "C0OPS", "host-a is slow")
    payload = (await full.shortcut("U0ADMIN", "explain", message)).payload
    assert (payload["type"], payload["message"]["text"], payload["channel"]["id"]) == (
        "message_action",
        "host-a is slow",
        "C0OPS",
    )
    assert payload["message_ts"] == message.ts
    assert payload["response_url"].startswith(full.base_url)


async def test_only_declared_shortcuts_are_there(full: Workspace, bolt: AsyncApp) -> None:
    for name in ("other", "explain"):
        with pytest.raises(ValueError, match="no shortcut"):
            await full.shortcut(USER, name)
    assert [(s.callback_id, s.kind) for s in full.manifest.shortcuts.values()] == [
        ("open", "global"),
        ("explain", "message"),
    ]


async def test_a_shortcut_that_fails_says_so(full: Workspace) -> None:
    await full.shortcut(USER, "open")
    assert [m.text for m in full.private(USER)] == ['Open flatnet failed with the error "dispatch_failed"']


def test_commands_carry_the_words_that_help_to_type_them(workspace: Workspace) -> None:
    assert workspace.manifest.commands == {"/flatnet": Command("/flatnet", "Ask the fleet", "health | help")}
