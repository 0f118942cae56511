"""Who is in a conversation and in an organization, as Slack says it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.seed import BOT_USER, ENTERPRISE, SISTER_TEAM, Channel, Seed, Sharing
from tests.workspace.conftest import App, Connect, FakeTime, everything, web_client
from tests.workspace.test_web_api import refusal

Members = frozenset[str]


@pytest.fixture
async def grid(tmp_path: Path, time: FakeTime) -> AsyncIterator[Workspace]:
    """A workspace of an Enterprise organization."""
    path = tmp_path / "manifest.yml"
    path.write_text(everything(), encoding="utf-8")
    workspace = Workspace(path, Seed().on_grid(), clock=time.clock())
    await workspace.start()
    yield workspace
    await workspace.stop()


async def test_the_members_of_a_channel_come_page_by_page(workspace: Workspace, client: AsyncWebClient) -> None:
    [ops] = [channel for channel in workspace.seed.channels if channel.id == "C0OPS"]
    found: list[str] = []
    cursor = ""
    while not found or cursor:
        page = await client.conversations_members(channel="C0OPS", limit=3, cursor=cursor)
        assert len(page["members"]) <= 3
        found += page["members"]
        cursor = page["response_metadata"]["next_cursor"]
    assert sorted(ops.members) == found


@pytest.mark.parametrize(
    ("channel", "more", "error"),
    [
        ("C0NOWHERE", {}, "channel_not_found"),
        ("C0BOARD", {}, "channel_not_found"),
        ("C0OPS", {"limit": 1001}, "invalid_limit"),
        ("C0OPS", {"cursor": "next"}, "invalid_cursor"),
        ("G0GROUP", {}, "missing_scope"),
        ("D0ADMIN", {}, "missing_scope"),
    ],
)
async def test_members_that_slack_does_not_list(
    workspace: Workspace, client: AsyncWebClient, channel: str, more: dict[str, Any], error: str
) -> None:
    workspace.talk_privately("U0ADMIN", "U0OPERATOR", BOT_USER)
    await client.chat_postMessage(channel="U0ADMIN", text="opened")
    assert error == await refusal(client.conversations_members(channel=channel, **more))


@pytest.mark.parametrize(
    ("sharing", "said"),
    [
        (Sharing.NONE, {"is_shared": False, "is_ext_shared": False, "is_pending_ext_shared": False}),
        (Sharing.SHARED, {"is_shared": True, "is_ext_shared": True, "is_pending_ext_shared": False}),
        (Sharing.INVITED, {"is_shared": False, "is_ext_shared": False, "is_pending_ext_shared": True}),
        (Sharing.UNSAID, {}),
    ],
)
async def test_what_slack_says_about_sharing(
    workspace: Workspace, client: AsyncWebClient, sharing: Sharing, said: dict[str, bool]
) -> None:
    workspace.connect("C0OPS", sharing)
    channel = (await client.conversations_info(channel="C0OPS"))["channel"]
    assert said == {name: value for name, value in channel.items() if "shared" in name}


def test_a_group_direct_message_lacks_what_only_channels_have() -> None:
    described = Channel("G0GROUP", "mpdm-a--b", frozenset({"U0ADMIN"}), private=True, group=True).described()
    assert (True, False) == (described["is_mpim"], described["is_shared"])
    assert "is_ext_shared" not in described


async def test_in_an_organization_a_profile_lists_workspaces_in_place_of_one(
    grid: Workspace, session: aiohttp.ClientSession
) -> None:
    api = web_client(grid, session)
    carol, sid, zoe = [(await api.users_info(user=user))["user"] for user in ("W0CHIEF", "W0SISTER", "U0STRANGER")]
    assert ["T0FLATNET", SISTER_TEAM] == carol["enterprise_user"]["teams"]
    assert [SISTER_TEAM] == sid["enterprise_user"]["teams"]
    assert ("E0OTHER", ["T0OTHER"]) == (zoe["enterprise_user"]["enterprise_id"], zoe["enterprise_user"]["teams"])
    assert not any("team_id" in user for user in (carol, sid, zoe))


async def test_in_an_organization_a_click_names_any_workspace_of_the_person(grid: Workspace, apps: Connect) -> None:
    app: App = apps(grid)
    await app.connect()
    delivery = await grid.slash("W0CHIEF", "C0OPS", "health")
    assert "T0FLATNET" == delivery.payload["team_id"]
    shortcut = await grid.shortcut("W0CHIEF", "open")
    payload = shortcut.payload
    assert (SISTER_TEAM, "T0FLATNET", ENTERPRISE) == (
        payload["user"]["team_id"],
        payload["team"]["id"],
        payload["enterprise"]["id"],
    )


async def test_people_with_ids_of_an_organization_have_direct_messages(
    grid: Workspace, session: aiohttp.ClientSession
) -> None:
    await web_client(grid, session).chat_postMessage(channel="W0CHIEF", text="hello")
    assert ["hello"] == [message.text for message in grid.direct("W0CHIEF")]
    assert [frozenset({"W0CHIEF", BOT_USER})] == [each.members for each in grid.conversations("W0CHIEF") if each.direct]


def test_a_seed_without_an_organization_stays_as_it_is() -> None:
    assert Seed() == replace(Seed(), enterprise="")
    assert all(person.grid is None for person in Seed().people)
