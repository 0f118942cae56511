"""Pins, and what people do to channels and messages, by Slack's rules."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.seed import BOT_USER
from tests.workspace.conftest import PLAIN, FakeTime, installed, web_client
from tests.workspace.test_web_api import Call, refusal

PINNING = PLAIN.replace("- commands", '- commands\n      - "pins:write"')


@pytest.fixture
async def workspace(tmp_path: Path, time: FakeTime) -> AsyncIterator[Workspace]:
    """A workspace whose app may pin."""
    async with installed(tmp_path, PINNING, clock=time.clock()) as workspace:
        yield workspace


@pytest.fixture
def client(workspace: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(workspace, session)


async def test_a_pin_stays_when_the_message_is_edited_and_goes_with_it(workspace: Workspace, client: AsyncWebClient) -> None:
    ts = str((await client.chat_postMessage(channel="C0OPS", text="open"))["ts"])
    await client.pins_add(channel="C0OPS", timestamp=ts)
    await client.chat_update(channel="C0OPS", ts=ts, text="resolved")
    assert [("resolved", BOT_USER)] == [(message.text, message.pinned_by) for message in workspace.pins("C0OPS")]
    workspace.delete(workspace.pins("C0OPS")[0])
    assert () == workspace.pins("C0OPS")
    assert "message_not_found" == await refusal(client.chat_update(channel="C0OPS", ts=ts, text="x"))


async def test_a_person_removes_the_pin_of_an_app(workspace: Workspace, client: AsyncWebClient) -> None:
    ts = str((await client.chat_postMessage(channel="C0OPS", text="open"))["ts"])
    await client.pins_add(channel="C0OPS", timestamp=ts)
    workspace.unpin(workspace.pins("C0OPS")[0])
    assert () == workspace.pins("C0OPS")
    assert "no_pin" == await refusal(client.pins_remove(channel="C0OPS", timestamp=ts))


REFUSALS: list[tuple[str, Call]] = [
    ("message_not_found", lambda client: client.pins_add(channel="C0OPS", timestamp="1.000001")),
    ("no_item_specified", lambda client: client.pins_add(channel="C0OPS")),
    ("not_in_channel", lambda client: client.pins_add(channel="C0DEV", timestamp="1.000001")),
    ("channel_not_found", lambda client: client.pins_add(channel="C0BOARD", timestamp="1.000001")),
    ("is_archived", lambda client: client.pins_add(channel="C0OLD", timestamp="1.000001")),
]


@pytest.mark.parametrize(("error", "call"), REFUSALS)
async def test_what_slack_refuses(client: AsyncWebClient, error: str, call: Call) -> None:
    assert error == await refusal(call(client))


async def test_a_message_is_pinned_once(workspace: Workspace, client: AsyncWebClient) -> None:
    ts = str((await client.chat_postMessage(channel="C0OPS", text="open"))["ts"])
    workspace.pin("U0ADMIN", workspace.messages("C0OPS")[0])
    assert "already_pinned" == await refusal(client.pins_add(channel="C0OPS", timestamp=ts))


async def test_a_converted_channel_keeps_its_messages(workspace: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS", text="open")
    workspace.convert("C0OPS", private=True)
    assert (await client.conversations_info(channel="C0OPS"))["channel"]["is_private"]
    assert ["open"] == [message.text for message in workspace.messages("C0OPS")]


async def test_pins_need_their_scope(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with installed(tmp_path, PLAIN) as workspace:
        assert "missing_scope" == await refusal(
            web_client(workspace, session).pins_add(channel="C0OPS", timestamp="1.000001")
        )
