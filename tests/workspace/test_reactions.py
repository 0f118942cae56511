"""Reactions and edits of people, with a real client at the other end."""

from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.workspace.conftest import App, Connect, everything, web_client

USER, OTHER = "U0OPERATOR", "U0ADMIN"


@pytest.fixture
async def ears(full: Workspace, apps: Connect) -> App:
    """An app that hears everything."""
    app = apps(full)
    await app.connect()
    await full.seen(lambda: full.connections == 1)
    return app


@pytest.fixture
def api(full: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(full, session)


async def test_the_app_hears_of_a_reaction_and_can_read_the_message(full: Workspace, ears: App, api: AsyncWebClient) -> None:
    said = await full.say(USER, "C0OPS", "host-a is slow")
    reply = await full.say(USER, "C0OPS", "since 14:05", said.ts)
    await full.react(OTHER, reply, "pushpin")
    event = ears.got[-1].payload["event"]
    item = {"type": "message", "channel": "C0OPS", "ts": reply.ts}
    assert ("reaction_added", OTHER, "pushpin", USER) == tuple(event[k] for k in ("type", "user", "reaction", "item_user"))
    assert item == event["item"]
    message = (await api.reactions_get(channel="C0OPS", timestamp=reply.ts))["message"]
    assert ("since 14:05", USER, said.ts) == (message["text"], message["user"], message["thread_ts"])
    assert [{"name": "pushpin", "users": [OTHER], "count": 1}] == message["reactions"]
    assert message["permalink"] == (await api.chat_getPermalink(channel="C0OPS", message_ts=reply.ts))["permalink"]


async def test_a_reaction_that_is_taken_back_or_made_where_the_app_is_not_reaches_no_one(full: Workspace, ears: App) -> None:
    said = await full.say(USER, "C0OPS", "host-a is slow")
    await full.react(OTHER, said, "pushpin")
    heard = len(ears.got)
    await full.react(OTHER, said, "pushpin")
    await full.react(USER, await full.say(USER, "C0DEV", "elsewhere"), "pushpin")
    assert heard == len(ears.got)
    assert [()] == [each.reactions for each in full.messages("C0OPS")]


async def test_a_message_that_is_gone_cannot_be_read(full: Workspace, api: AsyncWebClient) -> None:
    said = await full.say(USER, "C0OPS", "host-a is slow")
    full.delete(said)
    with pytest.raises(SlackApiError, match="message_not_found"):
        await api.reactions_get(channel="C0OPS", timestamp=said.ts)


@pytest.mark.parametrize("withheld", ["reactions:read", "channels:history"])
async def test_without_a_scope_the_message_of_a_reaction_is_not_read(
    tmp_path: Path, session: aiohttp.ClientSession, withheld: str
) -> None:
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(everything(optional=[withheld]), encoding="utf-8")
    workspace = Workspace(manifest, withheld=frozenset({withheld}))
    await workspace.start()
    try:
        said = await workspace.say(USER, "C0OPS", "host-a is slow")
        with pytest.raises(SlackApiError, match="missing_scope"):
            await web_client(workspace, session).reactions_get(channel="C0OPS", timestamp=said.ts)
    finally:
        await workspace.stop()


async def test_an_edit_of_a_person_comes_as_a_changed_message(full: Workspace, ears: App) -> None:
    said = await full.say(USER, "C0OPS", "host-a is slow")
    edited = await full.rewrite(USER, said, "host-b is slow")
    event = ears.got[-1].payload["event"]
    assert ("message_changed", True, "host-b is slow") == (event["subtype"], event["hidden"], event["message"]["text"])
    assert ("host-a is slow", said.ts) == (event["previous_message"]["text"], edited.ts)
    with pytest.raises(ValueError, match="themselves"):
        await full.rewrite(OTHER, said, "mine")
