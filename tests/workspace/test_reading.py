"""Who sees what, and what is new to whom."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.journal import Called, Change, HomePublished, Posted, Shown, ViewChanged, ViewClosed, ViewOpened
from tests.workspace.conftest import web_client
from tests.workspace.parts import field, home, modal

USER, OTHER, OUTSIDER = "U0ADMIN", "U0OPERATOR", "U0STRANGER"


async def test_new_messages_are_counted_until_they_are_read(workspace: Workspace, client: AsyncWebClient) -> None:
    assert workspace.unread(USER) == {}
    await client.chat_postMessage(channel="C0OPS", text="a")
    await client.chat_postMessage(channel="U0ADMIN", text="b")
    await client.chat_postEphemeral(channel="C0OPS", user=USER, text="c")
    await workspace.say(USER, "C0OPS", "mine")
    assert (workspace.unread(USER), workspace.unread(OUTSIDER)) == ({"C0OPS": 1, "D0ADMIN": 1}, {})
    workspace.mark_read(USER, "C0OPS")
    assert workspace.unread(USER) == {"D0ADMIN": 1}
    await client.chat_postMessage(channel="C0OPS", text="d")
    assert workspace.unread(USER) == {"C0OPS": 1, "D0ADMIN": 1}


async def test_replies_are_new_to_those_who_wrote_in_the_thread(workspace: Workspace, client: AsyncWebClient) -> None:
    parent = await workspace.say(USER, "C0OPS", "look")
    for user in (USER, OTHER):
        workspace.mark_read(user, "C0OPS")
    await client.chat_postMessage(channel="C0OPS", text="reply", thread_ts=parent.ts)
    assert (workspace.unread(USER), workspace.unread(OTHER)) == ({"C0OPS": 1}, {})


async def test_a_person_reads_what_is_for_all_and_what_is_for_them(workspace: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS", text="all")
    await client.chat_postEphemeral(channel="C0OPS", user=USER, text="you")
    assert [message.text for message in workspace.reads(USER, "C0OPS")] == ["all", "you"]
    assert [message.text for message in workspace.reads(OTHER, "C0OPS")] == ["all"]
    assert workspace.reads(OUTSIDER, "C0OPS") == ()
    assert [channel.id for channel in workspace.conversations(OUTSIDER)] == ["C0PARTNERS"]


async def test_an_ephemeral_answer_in_a_thread_without_replies_is_not_shown(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    parent = await workspace.say(USER, "C0OPS", "look")
    shown: dict[str, Any] = {"channel": "C0OPS", "user": USER, "thread_ts": parent.ts}
    assert (await client.chat_postEphemeral(text="lost", **shown))["ok"]
    await workspace.say(OTHER, "C0OPS", "I see", parent.ts)
    await client.chat_postEphemeral(text="seen", **shown)
    assert [message.text for message in workspace.private(USER)] == ["seen"]


HAPPENINGS: dict[str, tuple[Callable[[Workspace], object], set[str]]] = {
    "a person changes": (
        lambda workspace: workspace.change_person(replace(workspace.person(USER), locale="ja-JP")),
        {USER, OTHER, OUTSIDER},
    ),
    "a group changes": (lambda workspace: workspace.change_group(workspace.seed.groups[0]), {USER, OTHER, OUTSIDER}),
    "a private channel changes": (lambda workspace: workspace.archive("C0BOARD"), {USER}),
    "something is read": (lambda workspace: workspace.mark_read(USER, "C0OPS"), {USER}),
}


@pytest.mark.parametrize(("happen", "seen_by"), HAPPENINGS.values(), ids=HAPPENINGS.keys())
def test_a_change_is_seen_by_those_whom_it_concerns(
    workspace: Workspace, happen: Callable[[Workspace], object], seen_by: set[str]
) -> None:
    happen(workspace)
    assert _seen(workspace, workspace.changes[-1]) == seen_by


async def test_messages_are_seen_by_members_and_the_wires_by_nobody(workspace: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS", text="all")
    await client.chat_postEphemeral(channel="C0OPS", user=USER, text="you")
    posted = [_seen(workspace, change) for change in workspace.changes if isinstance(change, Posted)]
    called = [_seen(workspace, change) for change in workspace.changes if isinstance(change, Called)]
    assert (posted, called) == ([{USER, OTHER}, {USER}], [set(), set()])


def _seen(workspace: Workspace, change: Change) -> set[str]:
    return {user for user in (USER, OTHER, OUTSIDER) if workspace.visible_to(change, user)}


async def test_views_are_seen_by_their_person(full: Workspace, session: aiohttp.ClientSession) -> None:
    client = web_client(full, session)
    await client.views_open(trigger_id=full.trigger(USER), view=modal(field("host")))
    full.fill(USER, {"host": "host-a"})
    await full.close_view(USER)
    await client.views_publish(user_id=USER, view=home())
    shown = [change for change in full.changes if isinstance(change, Shown)]
    assert [type(change) for change in shown] == [ViewOpened, ViewChanged, ViewClosed, HomePublished]
    assert [_seen(full, change) for change in shown] == [{USER}] * 4
