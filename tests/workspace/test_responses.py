"""Answers through a response_url, with the SDK's webhook client."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import RESPONSE_URL, DropAfter, ServerError
from tests.workspace.conftest import PLAIN, App, Connect, FakeTime, installed, web_client
from tests.workspace.test_files import picture, uploaded

BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}


@pytest.fixture
async def hook(workspace: Workspace, app: App, session: aiohttp.ClientSession) -> AsyncWebhookClient:
    """The response_url of a command that was typed where the bot is not a member."""
    delivery = await workspace.slash("U0OPERATOR", "C0DEV", "health")
    return AsyncWebhookClient(delivery.payload["response_url"], session=session, retry_handlers=[])


async def test_an_answer_is_private_unless_it_says_otherwise(workspace: Workspace, hook: AsyncWebhookClient) -> None:
    answer = await hook.send(text="for you")
    assert (answer.status_code, answer.body) == (200, "ok")
    await hook.send(text="for all", response_type="in_channel")
    assert [(message.channel, message.text) for message in workspace.private("U0OPERATOR")] == [("C0DEV", "for you")]
    assert [message.text for message in workspace.messages("C0DEV")] == ["for all"]


async def test_an_address_takes_five_answers(workspace: Workspace, hook: AsyncWebhookClient) -> None:
    statuses = [(await hook.send(text=str(number))).status_code for number in range(6)]
    assert statuses == [200, 200, 200, 200, 200, 404]
    assert len(workspace.private("U0OPERATOR")) == 5
    assert [call.error for call in workspace.calls(RESPONSE_URL)] == ["", "", "", "", "", "used_url"]


async def test_an_address_lapses_after_half_an_hour(workspace: Workspace, hook: AsyncWebhookClient, time: FakeTime) -> None:
    time.elapsed = 1799.0
    assert (await hook.send(text="just in time")).status_code == 200
    time.elapsed = 1801.0
    refused = await hook.send(text="too late")
    assert (refused.status_code, refused.body) == (404, '{"ok": false, "error": "expired_url"}')


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"text": ""}, 400, "no_text"),
        ({"blocks": [{"type": "nonsense"}]}, 404, "invalid_blocks"),
        ({"blocks": "["}, 404, "invalid_blocks_format"),
        ({"text": ["x"]}, 400, "invalid_arguments"),
    ],
)
async def test_a_broken_answer_is_refused_and_does_not_count(
    workspace: Workspace, hook: AsyncWebhookClient, body: dict[str, Any], status: int, error: str
) -> None:
    for _ in range(6):
        refused = await hook.send_dict(body)
        assert (refused.status_code, json.loads(refused.body)) == (status, {"ok": False, "error": error})
    assert workspace.calls(RESPONSE_URL)[-1].error == error
    assert (await hook.send(text="fine")).status_code == 200


async def test_the_sum_of_all_text_is_not_limited_here(hook: AsyncWebhookClient) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
    assert (await hook.send(text="long", blocks=[section] * 6)).status_code == 200


async def test_a_command_has_no_original_to_replace_or_delete(workspace: Workspace, hook: AsyncWebhookClient) -> None:
    await hook.send(text="first")
    await hook.send(text="second", replace_original=True)
    await hook.send_dict({"delete_original": True})
    assert [message.text for message in workspace.private("U0OPERATOR")] == ["first", "second"]


async def test_a_clicked_message_can_be_replaced_and_deleted_by_its_address(
    workspace: Workspace, app: App, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [BUTTON]}]
    await client.chat_postMessage(channel="C0OPS", text="ask", blocks=blocks)
    [message] = workspace.messages("C0OPS")

    delivery = await workspace.click("U0OPERATOR", message, "go")
    assert (delivery.in_time, delivery.payload["actions"][0]["action_id"]) == (True, "go")
    hook = AsyncWebhookClient(delivery.payload["response_url"], session=session, retry_handlers=[])
    await hook.send(text="done", replace_original=True, response_type="in_channel")
    [message] = workspace.messages("C0OPS")
    assert (message.text, message.edits[0].text, message.blocks) == ("done", "ask", ())
    await hook.send_dict({"delete_original": True})
    assert workspace.messages("C0OPS") == ()
    assert (await hook.send(text="again", replace_original=True)).status_code == 400


@pytest.mark.parametrize(("kind", "unseen"), [("ephemeral", True), ("in_channel", False)])
async def test_a_picture_is_shown_in_an_answer_to_all_and_not_in_a_private_one(
    tmp_path: Path, apps: Connect, session: aiohttp.ClientSession, kind: str, unseen: bool
) -> None:
    async with installed(tmp_path, PLAIN.replace('"chat:write"', '"chat:write"\n      - "files:write"')) as workspace:
        await apps(workspace).connect()
        file = await uploaded(web_client(workspace, session))
        delivery = await workspace.slash("U0OPERATOR", "C0DEV", "digest")
        hook = AsyncWebhookClient(delivery.payload["response_url"], session=session, retry_handlers=[])
        await hook.send(text="chart", blocks=picture(file), response_type=kind)
        [message] = workspace.private("U0OPERATOR") if kind == "ephemeral" else workspace.messages("C0DEV")
        assert ((file,) if unseen else ()) == message.unseen


async def test_without_interactivity_in_the_manifest_a_click_reaches_nobody(tmp_path: Path, apps: Connect) -> None:
    manifest = PLAIN.replace("is_enabled: true", "is_enabled: false")
    async with installed(tmp_path, manifest) as workspace:
        app = apps(workspace)
        app.answer = {
            "text": "x",
            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": BUTTON}],
        }
        await app.connect()
        await workspace.seen(lambda: workspace.connections == 1)
        await workspace.slash("U0OPERATOR", "C0OPS", "health")
        [message] = workspace.private("U0OPERATOR")
        assert (await workspace.click("U0OPERATOR", message, "go")).attempts == 0
        assert "not configured" in workspace.private("U0OPERATOR")[-1].text


async def test_faults_reach_this_address_too(workspace: Workspace, hook: AsyncWebhookClient) -> None:
    workspace.faults.switch_on(RESPONSE_URL, ServerError(500), times=1)
    assert (await hook.send(text="x")).status_code == 500
    workspace.faults.switch_on(RESPONSE_URL, DropAfter(), times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await hook.send(text="y")
    assert [message.text for message in workspace.private("U0OPERATOR")] == ["y"]


async def test_an_address_that_was_never_given_out_answers_nothing(
    workspace: Workspace, session: aiohttp.ClientSession
) -> None:
    hook = AsyncWebhookClient(f"{workspace.base_url}/response/invented", session=session, retry_handlers=[])
    assert (await hook.send(text="x")).status_code == 404
