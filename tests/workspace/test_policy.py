"""What a workspace does not allow, or does not keep."""

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.rates import POST_BURST, POSTS_A_MINUTE, Rates
from tests.workspace.conftest import FakeTime, web_client
from tests.workspace.test_web_api import refusal


async def test_a_channel_whose_managers_let_only_some_post_refuses_the_app(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="before")
    workspace.restrict("C0OPS")
    assert "restricted_action" == await refusal(client.chat_postMessage(channel="C0OPS", text="x"))
    assert "restricted_action" == await refusal(client.chat_postEphemeral(channel="C0OPS", user="U0ADMIN", text="x"))
    assert (await client.chat_update(channel="C0OPS", ts=posted["ts"], text="edited"))["ok"]


@pytest.mark.parametrize("error", ["file_uploads_disabled", "file_uploads_except_images_disabled"])
async def test_a_workspace_without_uploads_refuses_files_until_it_allows_them(
    full: Workspace, session: aiohttp.ClientSession, error: str
) -> None:
    api = web_client(full, session)
    full.refuse_files(error)
    assert error == await refusal(api.files_getUploadURLExternal(filename="a.csv", length=1))
    full.refuse_files("")
    assert (await api.files_getUploadURLExternal(filename="a.csv", length=1))["ok"]


async def test_private_messages_are_gone_after_a_reload_and_others_stay(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    await client.chat_postMessage(channel="C0OPS", text="all")
    for user in ("U0ADMIN", "U0OPERATOR"):
        await client.chat_postEphemeral(channel="C0OPS", user=user, text="you")
    workspace.reload("U0ADMIN")
    read = {user: [message.text for message in workspace.reads(user, "C0OPS")] for user in ("U0ADMIN", "U0OPERATOR")}
    assert {"U0ADMIN": ["all"], "U0OPERATOR": ["all", "you"]} == read


def test_all_channels_together_take_so_many_messages_a_minute(time: FakeTime) -> None:
    """However few each of them gets."""
    rates = Rates(time.clock().monotonic)
    admitted = [rates.admit_post(f"C0NO{number // POST_BURST}") for number in range(POSTS_A_MINUTE)]
    assert ({0}, 60) == (set(admitted), rates.admit_post("C0OPS"))
    time.elapsed = 60.0
    assert 0 == rates.admit_post("C0OPS")
