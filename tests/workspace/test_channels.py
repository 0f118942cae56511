"""Channels that an app makes, by Slack's rules: names, invitations, topics, and lists of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.seed import BOT_USER
from tests.workspace.conftest import PLAIN, FakeTime, installed, web_client
from tests.workspace.test_web_api import Call, refusal

MANAGING = PLAIN.replace("- commands", '- commands\n      - "channels:manage"')


@pytest.fixture
async def workspace(tmp_path: Path, time: FakeTime) -> AsyncIterator[Workspace]:
    """A workspace whose app may manage public channels."""
    async with installed(tmp_path, MANAGING, clock=time.clock()) as workspace:
        yield workspace


@pytest.fixture
def client(workspace: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(workspace, session)


async def test_whoever_makes_a_channel_is_in_it_alone(workspace: Workspace, client: AsyncWebClient) -> None:
    channel = (await client.conversations_create(name="障害-502"))["channel"]
    facts = ("name", "creator", "is_member", "is_private", "is_ext_shared", "is_archived")
    assert ("障害-502", BOT_USER, True, False, False, False) == tuple(channel[fact] for fact in facts)
    await client.chat_postMessage(channel=channel["id"], text="hello")
    assert ["hello"] == [message.text for message in workspace.messages(channel["id"])]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("--_", "invalid_name_punctuation"),
        ("Ops", "invalid_name_specials"),
        ("a b", "invalid_name_specials"),
        ("a.b", "invalid_name_specials"),
        ("ops", "name_taken"),
        ("old", "name_taken"),
        ("board", "name_taken"),
    ],
)
async def test_names_obey_slack_s_rules_and_are_taken_for_ever(client: AsyncWebClient, name: str, error: str) -> None:
    """By archived channels and by private ones, too."""
    assert error == await refusal(client.conversations_create(name=name))


REFUSALS: list[tuple[str, Call]] = [
    ("already_in_channel", lambda client: client.conversations_invite(channel="C0OPS", users="U0ADMIN")),
    ("cant_invite_self", lambda client: client.conversations_invite(channel="C0OPS", users=BOT_USER)),
    ("cant_invite", lambda client: client.conversations_invite(channel="C0OPS", users="U0STRANGER")),
    ("cant_invite", lambda client: client.conversations_invite(channel="C0OPS", users="U0GONE")),
    ("ura_max_channels", lambda client: client.conversations_invite(channel="C0PARTNERS", users="U0VISITOR")),
    ("user_not_found", lambda client: client.conversations_invite(channel="C0OPS", users="U0NOBODY")),
    ("not_in_channel", lambda client: client.conversations_invite(channel="C0DEV", users="U0GUEST")),
    ("is_archived", lambda client: client.conversations_invite(channel="C0OLD", users="U0GUEST")),
    ("too_many_users", lambda client: client.conversations_invite(channel="C0OPS", users=["U0ADMIN"] * 101)),
    ("too_long", lambda client: client.conversations_setTopic(channel="C0OPS", topic="x" * 251)),
    ("not_in_channel", lambda client: client.conversations_setTopic(channel="C0DEV", topic="x")),
    ("is_archived", lambda client: client.conversations_setTopic(channel="C0OLD", topic="x")),
    ("invalid_cursor", lambda client: client.users_conversations(cursor="next")),
]


@pytest.mark.parametrize(("error", "call"), REFUSALS)
async def test_what_slack_refuses(client: AsyncWebClient, error: str, call: Call) -> None:
    assert error == await refusal(call(client))


async def test_people_are_invited_and_read_the_topic(workspace: Workspace, client: AsyncWebClient) -> None:
    channel = (await client.conversations_create(name="fault"))["channel"]["id"]
    await client.conversations_invite(channel=channel, users=["U0ADMIN", "U0GUEST"])
    await client.conversations_setTopic(channel=channel, topic="502")
    [seen] = [each for each in workspace.conversations("U0GUEST") if each.id == channel]
    assert (frozenset({BOT_USER, "U0ADMIN", "U0GUEST"}), "502") == (seen.members, seen.topic)


async def test_an_app_lists_the_channels_that_it_is_in_page_by_page(client: AsyncWebClient) -> None:
    first = await client.users_conversations(types="public_channel", limit=2)
    rest = await client.users_conversations(types="public_channel", cursor=first["response_metadata"]["next_cursor"])
    names = [[channel["name"] for channel in page["channels"]] for page in (first, rest)]
    assert ([["ops", "partners"], ["old"]], "") == (names, rest["response_metadata"]["next_cursor"])


async def test_an_app_without_the_scope_makes_none(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with installed(tmp_path, PLAIN) as workspace:
        assert "missing_scope" == await refusal(web_client(workspace, session).conversations_create(name="fault"))
