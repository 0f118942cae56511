"""Whom Slack notifies of a message."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.workspace.parts import Part, plain, section

PEOPLE = ("U0ADMIN", "U0OPERATOR", "U0SECURITY", "U0STRANGER")
NOBODY: set[str] = set()


def notified(workspace: Workspace) -> set[str]:
    return {user for user in PEOPLE if workspace.notified(user)}


def rich(user: str) -> Part:
    said = {"type": "rich_text_section", "elements": [{"type": "user", "user_id": user}]}
    return {"type": "rich_text", "elements": [said]}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"text": "to all who read"}, NOBODY),
        ({"text": "<@U0ADMIN> and <@U0SECURITY|sora>"}, {"U0ADMIN", "U0SECURITY"}),
        ({"text": "<@U0STRANGER> is not a member here"}, NOBODY),
        ({"text": "<!subteam^S0OPERATORS> please"}, {"U0OPERATOR"}),
        ({"text": "<!here> look"}, {"U0ADMIN", "U0OPERATOR", "U0SECURITY"}),
        ({"text": "`<@U0ADMIN>` in code"}, NOBODY),
        ({"text": "<@U0SECURITY> in the fallback", "blocks": [section("for <@U0ADMIN>")]}, {"U0ADMIN"}),
        ({"text": "x", "blocks": [rich("U0ADMIN")]}, {"U0ADMIN"}),
        ({"text": "x", "blocks": [{"type": "header", "text": plain("<@U0ADMIN>")}]}, NOBODY),
    ],
)
async def test_a_mention_notifies_members_of_the_channel(
    workspace: Workspace, client: AsyncWebClient, said: dict[str, Any], expected: set[str]
) -> None:
    await client.chat_postMessage(channel="C0OPS", **said)
    assert expected == notified(workspace)


async def test_a_direct_message_notifies_its_person_and_an_edit_nobody(workspace: Workspace, client: AsyncWebClient) -> None:
    direct = await client.chat_postMessage(channel="U0ADMIN", text="hello")
    posted = await client.chat_postMessage(channel="C0OPS", text="working on it")
    await client.chat_update(channel=direct["channel"], ts=direct["ts"], text="hello again")
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="<@U0OPERATOR> done")
    assert (["hello"], {"U0ADMIN"}) == ([message.text for message in workspace.notified("U0ADMIN")], notified(workspace))


async def test_a_message_for_one_person_alone_notifies_nobody(workspace: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postEphemeral(channel="C0OPS", user="U0ADMIN", text="<@U0ADMIN> look")
    assert NOBODY == notified(workspace)


async def test_people_notify_each_other_but_not_themselves(workspace: Workspace) -> None:
    await workspace.say("U0ADMIN", "C0OPS", "<@U0ADMIN> asks <@U0OPERATOR>")
    assert {"U0OPERATOR"} == notified(workspace)


async def test_who_joins_later_was_not_notified(workspace: Workspace, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS", text="<@U0STRANGER>")
    workspace.join("U0STRANGER", "C0OPS")
    assert () == workspace.notified("U0STRANGER")
