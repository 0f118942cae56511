"""People press buttons and choose from menus in messages; a real Bolt app answers."""

from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond

from tests.lab.workspace import Workspace
from tests.lab.workspace.message import Message
from tests.workspace.parts import Part, actions, button, choice, option, section

USER = "U0OPERATOR"


@pytest.fixture
def got(bolt: AsyncApp) -> list[dict[str, Any]]:
    """What the app is told of clicks on `go`."""
    bodies: list[dict[str, Any]] = []

    @bolt.action("go")
    async def go(ack: AsyncAck, body: dict[str, Any]) -> None:
        bodies.append(body)
        await ack()

    return bodies


async def posted(workspace: Workspace, app: AsyncApp, *blocks: Part, **more: Any) -> Message:
    await app.client.chat_postMessage(channel="C0OPS", text="ask", blocks=blocks, **more)
    return workspace.messages("C0OPS")[-1]


async def test_a_click_tells_everything_that_slack_tells(full: Workspace, bolt: AsyncApp, got: list[dict[str, Any]]) -> None:
    parent = await posted(full, bolt)
    message = await posted(full, bolt, actions(button("go", value="v", style="danger")), thread_ts=parent.ts)
    await full.click(USER, message, "go")
    [body] = got
    assert body["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": "C0OPS",
        "is_ephemeral": False,
        "thread_ts": parent.ts,
    }
    assert body["channel"] == {"id": "C0OPS", "name": "ops"}
    assert body["user"] == {"id": USER, "username": "kenji", "name": "kenji", "team_id": "T0FLATNET"}
    assert (body["message"]["ts"], body["message"]["bot_id"], body["state"]) == (message.ts, "B0FLATNET", {"values": {}})
    [action] = body["actions"]
    assert action.pop("action_ts")
    text = {"type": "plain_text", "text": "Go"}
    assert action == {"type": "button", "action_id": "go", "block_id": "b0", "text": text, "value": "v", "style": "danger"}


CHOICES: dict[str, tuple[Part, Any, Part]] = {
    "overflow": (choice("overflow", "go", "x", "y"), "y", {"selected_option": option("y")}),
    "static_select": (choice("static_select", "go", "x", "y"), "x", {"selected_option": option("x")}),
    "radio_buttons": (choice("radio_buttons", "go", "x", "y"), "x", {"selected_option": option("x")}),
    "checkboxes": (choice("checkboxes", "go", "x", "y"), ["x", "y"], {"selected_options": [option("x"), option("y")]}),
    "multi_static_select": (choice("multi_static_select", "go", "x"), [], {"selected_options": []}),
    "datepicker": ({"type": "datepicker", "action_id": "go"}, "2026-03-01", {"selected_date": "2026-03-01"}),
    "url button": (button("go", url="https://example.org"), None, {"url": "https://example.org"}),
}


@pytest.mark.parametrize(("element", "value", "expected"), CHOICES.values(), ids=CHOICES.keys())
async def test_each_kind_of_element_says_what_was_chosen(
    full: Workspace, bolt: AsyncApp, got: list[dict[str, Any]], element: Part, value: Any, expected: Part
) -> None:
    message = await posted(full, bolt, section(accessory=element))
    await full.click(USER, message, "go", value=value)
    [action] = got[0]["actions"]
    assert (action["type"], {name: action[name] for name in expected}) == (element["type"], expected)


async def test_options_in_groups_can_be_chosen(full: Workspace, bolt: AsyncApp, got: list[dict[str, Any]]) -> None:
    groups = [{"label": {"type": "plain_text", "text": name}, "options": [option(f"{name}-1")]} for name in "ab"]
    message = await posted(full, bolt, actions({"type": "static_select", "action_id": "go", "option_groups": groups}))
    await full.click(USER, message, "go", value="b-1")
    assert got[0]["actions"][0]["selected_option"] == option("b-1")


async def test_what_was_chosen_in_a_message_comes_with_the_next_click(
    full: Workspace, bolt: AsyncApp, got: list[dict[str, Any]]
) -> None:
    @bolt.action("host")
    async def host(ack: AsyncAck) -> None:
        await ack()

    message = await posted(full, bolt, actions(choice("static_select", "host", "a", "b"), button("go"), block_id="form"))
    await full.click(USER, message, "host", value="b")
    await full.click(USER, message, "go")
    await full.click("U0ADMIN", message, "go")
    chosen = [body["state"]["values"]["form"]["host"]["selected_option"] for body in got]
    assert chosen == [option("b"), None]


async def test_among_equal_buttons_the_value_or_the_block_decides(
    full: Workspace, bolt: AsyncApp, got: list[dict[str, Any]]
) -> None:
    rows = [section(host, block_id=host, accessory=button("go", value=host)) for host in ("host-a", "host-b")]
    message = await posted(full, bolt, *rows)
    await full.click(USER, message, "go", value="host-b")
    await full.click(USER, message, "go", block_id="host-b")
    await full.click(USER, message, "go")
    assert [body["actions"][0]["value"] for body in got] == ["host-b", "host-b", "host-a"]


async def test_what_is_not_offered_cannot_be_chosen(full: Workspace, bolt: AsyncApp) -> None:
    message = await posted(full, bolt, actions(choice("overflow", "go", "x")))
    with pytest.raises(ValueError, match="does not offer"):
        await full.click(USER, message, "go", value="z")
    with pytest.raises(KeyError, match="other"):
        await full.click(USER, message, "other")
    with pytest.raises(ValueError, match="does not see"):
        await full.click("U0STRANGER", message, "go", value="x")


async def test_an_ephemeral_message_is_not_sent_along_but_can_be_replaced_and_deleted(
    full: Workspace, bolt: AsyncApp
) -> None:
    bodies = []

    @bolt.action("go")
    async def go(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        bodies.append(body)
        await ack()
        await respond("page 2", replace_original=True, blocks=[actions(button("away"))])

    @bolt.action("away")
    async def away(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(delete_original=True)

    await bolt.client.chat_postEphemeral(channel="C0OPS", user=USER, text="page 1", blocks=[actions(button("go"))])
    [first] = full.private(USER)
    await full.click(USER, first, "go")
    second = await full.seen(lambda: [m for m in full.private(USER) if m.text == "page 2"])
    assert [(m.ts, m.private_to) for m in second] == [(first.ts, USER)]
    assert (bodies[0]["container"]["is_ephemeral"], "message" in bodies[0]) == (True, False)
    await full.click(USER, second[0], "away")
    await full.seen(lambda: full.private(USER) == ())


async def test_a_button_that_nobody_answers_tells_the_person_where_they_clicked(full: Workspace, bolt: AsyncApp) -> None:
    message = await posted(full, bolt, actions(button("go")))
    full.abort_connections()
    await full.seen(lambda: full.connections == 0)
    await full.click(USER, message, "go")
    assert [m.text for m in full.private(USER)] == ['the button failed with the error "dispatch_failed"']
