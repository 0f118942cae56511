"""Waiting for, and following, what happens in the workspace."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.journal import Called, Change, ChannelChanged, Deleted, Edited, Posted


async def test_a_wait_ends_with_the_change_it_waits_for(workspace: Workspace, client: AsyncWebClient) -> None:
    waiting = asyncio.ensure_future(workspace.seen(lambda: workspace.messages("C0OPS")))
    await client.chat_postMessage(channel="C0OPS", text="here")
    [message] = await waiting
    assert message.text == "here"


async def test_a_wait_in_vain_tells_what_happened_instead(workspace: Workspace) -> None:
    await workspace.say("U0OPERATOR", "C0OPS", "something else")
    with pytest.raises(TimeoutError, match="something else"):
        await workspace.seen(lambda: workspace.messages("C0DEV"), timeout=0.01)


async def test_a_subscriber_sees_every_change_in_order_and_can_begin_later(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    workspace.invite_bot("C0DEV")
    posted = await client.chat_postMessage(channel="C0DEV", text="a")
    await client.chat_update(channel="C0DEV", ts=posted["ts"], text="b")
    seen = [change async for _, change in _first(workspace, 5)]
    assert [type(change) for change in seen] == [ChannelChanged, Posted, Called, Edited, Called]

    following = asyncio.ensure_future(anext(workspace.subscribe(after=5)))
    await client.chat_delete(channel="C0DEV", ts=posted["ts"])
    number, change = await following
    assert (number, type(change)) == (6, Deleted)


async def _first(workspace: Workspace, count: int) -> AsyncIterator[tuple[int, Change]]:
    async for number, change in workspace.subscribe():
        yield number, change
        if number == count:
            return
